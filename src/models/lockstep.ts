/**
 * Two decoders in one graph, token by token (METHODS §12.1): how far the distribution of the second, Q, lies from that of the
 * first, P, reduced inside the graph so that no logit leaves the runtime. The products are float32, as in any pass; everything
 * behind the logits is float64:
 *
 *     KL(P‖Q) = Σ p·(a − b) − LSE(a) + LSE(b),   a, b the logits, p = exp(a − LSE(a))
 *
 * which takes one walk over the vocabulary, chunk by chunk: of each chunk there remain the largest logits, the sums of
 * exponentials, and Σ exp(a − max a)·(a − b). Two equal models go through the same operations, so that a − b and
 * LSE(b) − LSE(a) are 0 to the last bit.
 *
 * Memory in the runtime beyond two forward passes: R · min(V, 2,048) · 72 bytes, and R · ⌈V / 2,048⌉ · 72.
 */
import { Graph, type Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { decoder } from "./decoder.ts";
import { GraphWeights, weightFiles } from "./graph-weights.ts";
import { type Heads, type MeasuringGraph, picked, softAssignments } from "./heads.ts";
import { RoundedProducts } from "./rounded.ts";
import type { RoundedWeights } from "./sources/rounded.ts";
import type { TensorSource } from "./sources/tensor-source.ts";
import type { DecoderSpec } from "./spec.ts";

interface Model {
  readonly spec: DecoderSpec;
  readonly weights: TensorSource;
  /** whether what meets codes of weights is rounded to 8 bits (`coded.ts`) */
  readonly isFast?: boolean;
  /** matrices that are multiplied by in whole numbers (`rounded.ts`); absent: all exactly */
  readonly rounded?: RoundedWeights;
}

/** What of the layers is given beside what is said of tokens. */
export interface LockstepLayers {
  readonly assignments: NonNullable<Heads["assignments"]>;
  /** whether layer L is taken before the final norm */
  readonly preNorm: boolean;
}

/** Logits of either model that are in float64 at a time: nothing of all of them is ever there. */
export const LOCKSTEP_CHUNK = 2048;

/**
 * Inputs: `input_ids` [B,S]; `loss_rows` and `loss_targets` [R], flat slots b·S + s that predict and the tokens they predict;
 * all int64.
 * Outputs, float32 [R] each, computed in float64: `kl` nats; `nats.p`, `nats.q` of the given token and `delta`, q's less p's;
 * `probability`, q's of the given token less p's; `top.p`, `top.q`, ids of the likeliest tokens, the lowest of equal ones.
 * Where layers are wanted, `rows` [Ra] as well, and `p.assignment.l`, `q.assignment.l` [Ra, draws·m] as in `heads.ts`.
 * @param vocabulary the first so many tokens; whatever rows either model has beyond them are no part of its distribution
 * @param longest largest S that will be run
 * @throws LossyscopeError where a checkpoint does not match its spec, or a model has fewer positions
 */
export function buildLockstepGraph(
  p: Model,
  q: Model,
  vocabulary: number,
  longest: number,
  wanted?: LockstepLayers,
): MeasuringGraph {
  const graph = new Graph();
  const ids = graph.input("input_ids", "int64", ["B", "S"]);
  const rows = graph.input("loss_rows", "int64", ["R"]);
  const targets = ops.reshape(graph.input("loss_targets", "int64", ["R"]), ["R", 1]);
  const files = [p, q].flatMap(({ spec, weights, rounded }) => weightFiles(spec, weights, rounded));
  const slots = wanted && graph.input("rows", "int64", ["Ra"]);
  const [a, b] = [p, q].map(({ spec, weights: source, isFast, rounded }, side) => {
    const weights = new GraphWeights(graph, spec, source, { prefix: side === 0 ? "" : "q.", files, isFast, rounded });
    const products = rounded && new RoundedProducts();
    const model = decoder({ graph, weights, ids, longest, products }, spec);
    if (slots && wanted) {
      const layers = [...model.stream.slice(0, -1), wanted.preNorm ? model.stream.at(-1)! : model.final];
      const assigned = softAssignments(slots, wanted.assignments);
      for (const [index, layer] of layers.entries()) graph.output(`${"pq"[side]}.assignment.${index}`, assigned(layer));
    }
    const chunks = model.logits(picked(model.final, rows), { chunk: LOCKSTEP_CHUNK, vocabulary });
    return { chunks, folder: weights.folder };
  });
  const parts = a.chunks.map((chunk, index) => chunkParts(chunk, b.chunks[index], targets, index * LOCKSTEP_CHUNK));
  // Whatever is wanted of a chunk hangs on the one value of all its parts: it is done with before the next is begun.
  const all = ops.reshape(ops.concat(parts, 1), ["R", parts.length, PARTS.length]);
  const part = (name: Part): Value =>
    ops.reshape(ops.slice(all, 2, PARTS.indexOf(name), PARTS.indexOf(name) + 1), ["R", parts.length]);
  const sides = (["p", "q"] as const).map((side) => {
    const largest = part(`largest.${side}`);
    const top = ops.max(largest, -1, { keep: true });
    const weights = ops.exp(ops.subtract(largest, top)); // [R,C]
    const mass = ops.sum(ops.multiply(part(`mass.${side}`), weights), -1, { keep: true });
    const logSum = ops.add(top, ops.log(mass));
    const target = ops.sum(part(`target.${side}`), -1, { keep: true });
    const likeliest = ops.gatherElements(part(`likeliest.${side}`), ops.argMax(largest), 1);
    return { weights, mass, logSum, nats: ops.subtract(logSum, target), likeliest };
  });
  const [one, other] = sides;
  const apart = ops.divide(ops.sum(ops.multiply(part("apart"), one.weights), -1, { keep: true }), one.mass);
  const given = (name: string, value: Value): void =>
    graph.output(name, ops.cast(ops.reshape(value, ["R"]), "float32"));
  given("kl", ops.add(apart, ops.subtract(other.logSum, one.logSum)));
  given("nats.p", one.nats);
  given("nats.q", other.nats);
  given("delta", ops.subtract(other.nats, one.nats));
  given("probability", ops.subtract(ops.exp(ops.negative(other.nats)), ops.exp(ops.negative(one.nats))));
  // Ids are below 2^24, so that float32 holds them.
  given("top.p", one.likeliest);
  given("top.q", other.likeliest);
  return { bytes: graph.encode(), externalFolder: a.folder, inputs: graph.inputs, outputs: graph.outputs };
}

/** What is kept of a chunk, each [R, 1]. */
const PARTS = [
  "largest.p",
  "mass.p",
  "target.p",
  "likeliest.p",
  "largest.q",
  "mass.q",
  "target.q",
  "likeliest.q",
  "apart",
] as const;
type Part = (typeof PARTS)[number];

/** @param p @param q logits [R, c] of the tokens from `start` on @returns [R, parts] float64 */
function chunkParts(p: Value, q: Value, targets: Value, start: number): Value {
  const { graph } = targets;
  const size = p.shape.at(-1) as number;
  const counted = ops.subtract(targets, graph.integers(start));
  const inside = ops.clip(counted, graph.integers(0), graph.integers(size - 1));
  const here = ops.equal(counted, inside);
  const none = graph.scalar(0, "float64");
  const sides = [p, q].map((logits) => {
    const wide = ops.cast(logits, "float64");
    const largest = ops.cast(ops.max(logits, -1, { keep: true }), "float64");
    const masses = ops.exp(ops.subtract(wide, largest)); // [R,c]
    const found = ops.cast(ops.gatherElements(logits, inside, 1), "float64");
    const likeliest = ops.cast(ops.add(ops.argMax(logits), graph.integers(start)), "float64");
    const parts = [largest, ops.sum(masses, -1, { keep: true }), ops.where(here, found, none), likeliest];
    return { wide, masses, parts };
  });
  const [one, other] = sides;
  const apart = ops.sum(ops.multiply(one.masses, ops.subtract(one.wide, other.wide)), -1, { keep: true });
  return ops.concat([...one.parts, ...other.parts, apart], 1);
}
