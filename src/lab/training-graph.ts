/**
 * Steps of training as graphs: forward pass, loss, gradients and AdamW (Loshchilov & Hutter 2019) over flat vectors.
 * With g the gradient, clipped to a global norm of c:
 *   m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  p ← p − ηλp − η·(m/(1 − β₁ᵗ)) / (√(v/(1 − β₂ᵗ)) + ε),
 * λ on matrices alone. What changes between steps is fed, so that the same graphs serve every schedule. A batch that goes
 * through in one run has one graph for all of it; else one adds up the gradients of its parts, and one moves the
 * parameters: parts that stay in the processor's caches are faster than large ones.
 *
 * Memory in the runtime: all that the backward pass reads of the forward pass, about
 * 4 bytes · B·S · (L·(16·d + 5·mlp + 5·H·S) + 3·V) for the B rows of a run, and 10 · 4 bytes · P.
 */
import { gradients } from "../graph/gradients.ts";
import { Graph, type Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { decoder } from "../models/decoder.ts";
import { GraphWeights } from "../models/graph-weights.ts";
import type { Weights } from "../models/layers.ts";
import type { TensorSource } from "../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { crossEntropy, divergence, type Loss, mixed } from "./losses.ts";
import { flattened, type ParameterLayout, VectorWeights } from "./parameters.ts";

/** A model whose distributions are learned (METHODS §8). */
export interface Teacher {
  readonly spec: DecoderSpec;
  readonly weights: TensorSource;
  /** T, which softens both distributions */
  readonly temperature: number;
  /** α: share of the divergence in the loss; the rest is the loss of the given tokens */
  readonly weight: number;
}

export interface TrainingShape {
  /** B: rows of one run */
  readonly rows: number;
  /** S */
  readonly positions: number;
  /** runs whose gradients add up to a step's */
  readonly runs: number;
  /** largest global norm of a gradient; null: as it is */
  readonly clip: number | null;
  readonly teacher?: Teacher;
}

export interface TrainingGraph {
  readonly name: "step" | "gradients" | "move" | "evaluate";
  readonly bytes: Uint8Array;
  /** folder of the teacher's weights; without a teacher any will do */
  readonly externalFolder: string;
  /** what is fetched; outputs `next.NAME` are the next run's input NAME */
  readonly outputs: readonly string[];
}

/**
 * Positions in a block of queries: larger than for a forward pass alone, since gradients of cut keys are padded and added.
 * Processor time of a step at 256 positions, 1.3M parameters: 0.11 s with 128, 0.12 s with 256, 0.13 s with 64.
 */
const QUERY_BLOCK = 128;
/** ε of AdamW. */
const EPSILON = 1e-8;
/** Keeps the clipping factor finite where the gradient is zero. */
const TINY = 1e-6;

/**
 * The graphs of a step: `step` alone, or `gradients` for every run and then `move`.
 * Inputs of `step` and `gradients`: `input_ids`, `targets` int64 [B,S]; `shares` float32 [B,S], which add up to 1 over the
 * runs of a step. Inputs of `step` and `move`, of shape []: `rate` η, `decay` η·λ, `beta1`, `beta2`, `correction1` and
 * `correction2` 1 − βᵗ; of `gradients`: `kept`, 0 in a step's first run and 1 in its others.
 * Vectors [P] that go from run to run: `parameters`, `mean`, `square` and, with several runs, `gradients`.
 * Outputs: `loss` and its parts `nll` and, with a teacher, `kl`, each Σ share · nats; `norm` of the gradient as it was
 * before clipping.
 */
export function buildTrainingGraphs(spec: DecoderSpec, layout: ParameterLayout, shape: TrainingShape): TrainingGraph[] {
  const vector = (of: Graph, name: string): Value => of.input(name, "float32", [layout.size]);
  const graph = new Graph();
  const parameters = vector(graph, "parameters");
  const { logits, loss, weights, folder } = forward(graph, parameters, spec, layout, shape);
  graph.output("loss", loss.nats);
  const gradient = flattened(gradients(graph, [{ value: logits, gradient: loss.gradient }], weights.values));
  if (shape.runs === 1) {
    move(graph, layout, shape.clip, parameters, gradient);
    return [encoded("step", graph, folder)];
  }
  const before = ops.multiply(vector(graph, "gradients"), graph.input("kept", "float32", []));
  graph.output("next.gradients", ops.add(before, gradient));
  const moving = new Graph();
  move(moving, layout, shape.clip, vector(moving, "parameters"), vector(moving, "gradients"));
  return [encoded("gradients", graph, folder), encoded("move", moving)];
}

/**
 * `evaluate`: `nll` and `kl`, at T = 1, of the rows of a run; nothing moves.
 * Inputs as those of `gradients`, without the vectors that move.
 */
export function buildEvaluatingGraph(
  spec: DecoderSpec,
  layout: ParameterLayout,
  { teacher, ...shape }: TrainingShape & { readonly teacher: Teacher },
): TrainingGraph {
  const graph = new Graph();
  const parameters = graph.input("parameters", "float32", [layout.size]);
  const { folder } = forward(graph, parameters, spec, layout, { ...shape, teacher: { ...teacher, temperature: 1 } });
  return encoded("evaluate", graph, folder);
}

const encoded = (name: TrainingGraph["name"], graph: Graph, externalFolder = "."): TrainingGraph => ({
  name,
  bytes: graph.encode(),
  externalFolder,
  outputs: graph.outputs.filter((output) => !output.startsWith("next.")),
});

/** A run's rows through the model, and the teacher; `nll` and `kl` are put out. */
function forward(
  graph: Graph,
  parameters: Value,
  spec: DecoderSpec,
  layout: ParameterLayout,
  { rows, positions, teacher }: TrainingShape,
): { logits: Value; loss: Loss; weights: VectorWeights; folder?: string } {
  const slots = rows * positions;
  const ids = graph.input("input_ids", "int64", [rows, positions]);
  const targets = ops.reshape(graph.input("targets", "int64", [rows, positions]), [slots, 1]);
  const shares = ops.reshape(graph.input("shares", "float32", [rows, positions]), [slots, 1]);
  const logitsOf = (model: DecoderSpec, weights: Weights): Value => {
    const { final, logits } = decoder({ graph, weights, ids, longest: positions, queryBlock: QUERY_BLOCK }, model);
    return ops.concat(logits(ops.reshape(final, [slots, model.width])), -1);
  };
  const weights = new VectorWeights(parameters, layout);
  const logits = logitsOf(spec, weights);
  const nll = crossEntropy(logits, targets, shares);
  graph.output("nll", nll.nats);
  if (!teacher) return { logits, loss: nll, weights };
  const stored = new GraphWeights(graph, teacher.spec, teacher.weights);
  const { temperature, weight } = teacher;
  const kl = divergence(logits, logitsOf(teacher.spec, stored), shares, temperature);
  graph.output("kl", kl.nats);
  const loss = mixed([
    { loss: kl, weight: weight * temperature ** 2 },
    { loss: nll, weight: 1 - weight },
  ]);
  return { logits, loss, weights, folder: stored.folder };
}

/** AdamW. */
function move(graph: Graph, layout: ParameterLayout, clip: number | null, parameters: Value, gradient: Value): void {
  const number = (name: string): Value => graph.input(name, "float32", []);
  const state = (name: string): Value => graph.input(name, "float32", [layout.size]);
  const one = graph.scalar(1);
  const norm = ops.sqrt(ops.sumSquares(gradient, 0));
  graph.output("norm", norm);
  let clipped = gradient;
  if (clip !== null) {
    const factor = ops.divide(graph.scalar(clip), ops.add(norm, graph.scalar(TINY)));
    clipped = ops.multiply(gradient, ops.clip(factor, graph.scalar(0), one));
  }
  const blend = (before: Value, beta: Value, now: Value): Value =>
    ops.add(ops.multiply(before, beta), ops.multiply(now, ops.subtract(one, beta)));
  const mean = blend(state("mean"), number("beta1"), clipped);
  const square = blend(state("square"), number("beta2"), ops.multiply(clipped, clipped));
  const unit = ops.divide(one, ops.sqrt(number("correction2")));
  const deviation = ops.add(ops.multiply(ops.sqrt(square), unit), graph.scalar(EPSILON));
  const way = ops.multiply(ops.divide(mean, deviation), ops.divide(number("rate"), number("correction1")));
  const { decayed, size } = layout;
  const matrices = ops.slice(parameters, 0, 0, decayed);
  const shrunk = [ops.multiply(matrices, ops.subtract(one, number("decay"))), ops.slice(parameters, 0, decayed, size)];
  graph.output("next.parameters", ops.subtract(ops.concat(shrunk, 0), way));
  graph.output("next.mean", mean);
  graph.output("next.square", square);
}
