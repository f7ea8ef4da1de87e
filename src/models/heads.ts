/**
 * What hangs on the decoder, reduced inside the graph so that neither logits nor hidden states leave the runtime unless
 * they are asked for: losses of given tokens, soft assignments (METHODS §2.1), moments and picked states (METHODS §3),
 * weighted sums of states and of what units contribute (METHODS §3.1, §4), and the export of everything. A head that is not asked for is not in the graph, nor are its inputs.
 *
 * Memory in the runtime beyond the forward pass: losses 8 bytes · R1 · min(V, 16,384), with the likeliest tokens half as
 * much again; assignments 8 bytes · R · draws · m a layer; outputs as their shapes say.
 */
import { product } from "../graph/dimensions.ts";
import { Graph, type Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { decoder } from "./decoder.ts";
import { GraphWeights } from "./graph-weights.ts";
import type { Building } from "./layers.ts";
import { lossOutputs } from "./loss-heads.ts";
import { RoundedProducts } from "./rounded.ts";
import type { RoundedWeights } from "./sources/rounded.ts";
import type { TensorSource } from "./sources/tensor-source.ts";
import type { DecoderSpec, MlpSpec } from "./spec.ts";

/** Which heads a graph has. */
export interface Heads {
  readonly losses?: boolean;
  /** their exponentials are added in sixteen lanes, as PyTorch adds them on a CPU: losses for comparison alone */
  readonly inLanes?: boolean;
  /** so many of the likeliest tokens, at chosen rows of the losses; none without losses */
  readonly likeliest?: number;
  /** reference points [draws·m, d] row by row, temperature ε */
  readonly assignments?: {
    readonly points: Float32Array;
    readonly m: number;
    readonly draws: number;
    readonly epsilon: number;
  };
  readonly moments?: boolean;
  /** states of chosen rows */
  readonly states?: boolean;
  /** weighted sums of states over slots */
  readonly pooledStates?: boolean;
  /** weighted sums over slots of what units contribute; of models whose MLPs have units (`unitsOf`) */
  readonly pooledUnits?: boolean;
  /** hidden states and logits of every position */
  readonly everything?: boolean;
  /** whether layer L is taken before the final norm; the export's last layer is always after it */
  readonly preNorm?: boolean;
  /** whether what meets codes of weights is rounded to 8 bits (`coded.ts`) */
  readonly isFast?: boolean;
  /** matrices that are multiplied by in whole numbers (`rounded.ts`); absent: all exactly */
  readonly rounded?: RoundedWeights;
}

export interface MeasuringGraph {
  /** an ONNX model whose weights are external data in `externalFolder` */
  readonly bytes: Uint8Array;
  readonly externalFolder: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Under the square root of z/‖z‖: keeps a zero state zero, and is nothing beside any other. */
const TINY = 1e-37;

/**
 * Builds the ONNX graph of a model with heads that measure. Inputs: `input_ids` [B,S]; `loss_rows` and `loss_targets` [R1], flat slots b·S + s that predict and the tokens they
 * predict; `likeliest_rows` [Rk], one at least, places among those; `rows` [R], `moment_rows` [Rm], `state_rows` [Rs], flat slots; all
 * int64; `pool.states` and `pool.units` float32 [G, B·S], a row of weights for each sum.
 * Outputs, float32, for layers l = 0 … L: `losses` [R1] nats; `likeliest.tokens` and
 * `.nats` [Rk, k], ids of the likeliest tokens, dearest last, and what they would cost; `assignment.l` [R, draws·m], a softmax for each draw;
 * `moments.l.sum` [d], `.gram` [d,d], `.unit` [d]; `states.l` [Rs,d]; `pooled.states.l`
 * [G,d]; of blocks b = 0 … L − 1 `pooled.units.b` [G,F], Σ weight · |a_j| · ‖w_j‖, a what the MLP maps down and w_j the direction that unit j
 * is mapped to; of everything: `hidden_states.l` [B,S,d] (L after
 * the final norm), `last_block_output` [B,S,d], `logits` [B,S,V].
 * @param longest largest S that will be run
 * @throws LossyscopeError where the checkpoint does not match the spec or the model has fewer positions
 */
export function buildMeasuringGraph(
  spec: DecoderSpec,
  source: TensorSource,
  heads: Heads,
  longest: number,
): MeasuringGraph {
  const graph = new Graph();
  const ids = graph.input("input_ids", "int64", ["B", "S"]);
  const { isFast, rounded } = heads;
  const weights = new GraphWeights(graph, spec, source, { isFast, rounded });
  const units: Value[] = [];
  const seen = (value: Value): Value => {
    units.push(value);
    return value;
  };
  const taps = heads.pooledUnits ? { units: seen } : undefined;
  const products = rounded && new RoundedProducts();
  const building = { graph, weights, ids, longest, taps, products };
  const model = decoder(building, spec);
  const after = [...model.stream.slice(0, -1), model.final];
  const layers = heads.preNorm ? model.stream : after;

  if (heads.losses) lossOutputs(graph, (rows) => model.logits(picked(model.final, rows)), heads);
  const outputs = layerOutputs(graph, heads);
  for (const output of outputs) for (const [index, layer] of layers.entries()) output(layer, index);
  const outputUnits = unitOutputs(building, spec, heads);
  for (const [index, value] of units.entries()) outputUnits(value, index);
  if (heads.everything) {
    after.forEach((layer, index) => {
      graph.output(`hidden_states.${index}`, layer);
    });
    graph.output("last_block_output", model.stream.at(-1)!);
    graph.output("logits", ops.concat(model.logits(model.final), -1));
  }
  return { bytes: graph.encode(), externalFolder: weights.folder, inputs: graph.inputs, outputs: graph.outputs };
}

/** What is made of the states of a layer, [B, S, d]: for every head that is asked for, what adds its outputs to the graph. */
export function layerOutputs(
  graph: Graph,
  { assignments, moments, states, pooledStates }: Heads,
): readonly ((layer: Value, index: number) => void)[] {
  const outputs: ((layer: Value, index: number) => void)[] = [];
  if (assignments) {
    const rows = graph.input("rows", "int64", ["R"]);
    const assigned = softAssignments(rows, assignments);
    outputs.push((layer, index) => graph.output(`assignment.${index}`, assigned(layer)));
  }
  if (moments) {
    const rows = graph.input("moment_rows", "int64", ["Rm"]);
    outputs.push((layer, index) => {
      const own = picked(layer, rows);
      graph.output(`moments.${index}.sum`, ops.sum(own, 0));
      graph.output(`moments.${index}.gram`, gram(own));
      graph.output(`moments.${index}.unit`, ops.sum(unit(own), 0));
    });
  }
  if (states) {
    const rows = graph.input("state_rows", "int64", ["Rs"]);
    outputs.push((layer, index) => {
      graph.output(`states.${index}`, picked(layer, rows));
    });
  }
  if (pooledStates) {
    const pool = graph.input("pool.states", "float32", ["Gs", product(["B", "S"])]);
    outputs.push((layer, index) => {
      graph.output(`pooled.states.${index}`, ops.matMul(pool, inRows(layer)));
    });
  }
  return outputs;
}

/** What is made of the units [B, S, F] of a block's MLP. */
export function unitOutputs(
  building: Pick<Building, "graph" | "weights">,
  { blocks }: Pick<DecoderSpec, "blocks">,
  { pooledUnits }: Heads,
): (units: Value, block: number) => void {
  if (!pooledUnits) return () => {};
  const { graph } = building;
  const pool = graph.input("pool.units", "float32", ["Gu", product(["B", "S"])]);
  return (units, block) => {
    const sizes = ops.matMul(pool, ops.abs(inRows(units))); // [Gu,B·S] × [B·S,F]
    graph.output(`pooled.units.${block}`, ops.multiply(sizes, reachOf(building, blocks[block].mlp)));
  };
}

/** [B, S, d] → [B·S, d] */
function inRows(values: Value): Value {
  const [batch, positions, width] = values.shape;
  return ops.reshape(values, [product([batch, positions]), width]);
}

/** Rows of [B, S, d] by flat slot, [n, d]. */
export const picked = (states: Value, rows: Value): Value => ops.gather(inRows(states), rows);

/** Of the picked rows of a layer [B, S, d], a softmax for each draw: [R, draws·m]. */
export function softAssignments(
  rows: Value,
  { points, m, draws, epsilon }: NonNullable<Heads["assignments"]>,
): (layer: Value) => Value {
  const { graph } = rows;
  const [count] = rows.shape;
  const width = draws * m;
  const scaledPoints = points.map((coordinate) => coordinate / epsilon);
  const columns = ops.transpose(graph.constant(scaledPoints, [width, points.length / width]), [1, 0]);
  return (layer) => {
    const states = picked(layer, rows);
    const scores = ops.matMul(unit(states), columns); // [R,d] → [R,draws·m]
    const shares = ops.add(ops.softmax(ops.reshape(scores, [count, draws, m])), beyond(states));
    return ops.reshape(shares, [count, width]);
  };
}

/** How far each unit of an MLP reaches into the residual stream when it is 1: ‖w_j‖, [F]. */
function reachOf({ weights }: Pick<Building, "weights">, mlp: MlpSpec): Value {
  if (mlp.kind === "experts") throw new Error("experts have no units in common");
  const { weight, layout } = mlp.down;
  return ops.sqrt(ops.sumSquares(weights.value(weight), layout === "in-out" ? 1 : 0));
}

/** Units of each block's MLP, F; null where some block has experts, which share none. */
export function unitsOf({ blocks }: Pick<DecoderSpec, "blocks">): readonly number[] | null {
  const counts = blocks.flatMap(({ mlp }) => (mlp.kind === "experts" ? [] : [mlp.down.inputs]));
  return counts.length < blocks.length ? null : counts;
}

/**
 * Zero for every row, but NaN for one whose ‖z‖² is beyond float32: z/‖z‖ would come out as that of a zero row, and pass for
 * one that says nothing. [R,d] → [R,1,1]
 */
function beyond(rows: Value): Value {
  const nothing = rows.graph.constant(new Float32Array(1), [1]);
  return ops.reshape(ops.multiply(ops.sumSquares(rows, -1, { keep: true }), nothing), [rows.shape[0], 1, 1]);
}

/** z/‖z‖ of every row; a zero row stays zero. */
function unit(rows: Value): Value {
  const width = rows.shape.at(-1) as number;
  const scale = rows.graph.constant(new Float32Array(width).fill(width ** -0.5), [width]);
  return ops.rmsNorm(rows, scale, TINY);
}

/** Widest block of a Gram matrix: wide enough for products at full speed. */
const GRAM_BLOCK = 256;

/**
 * Σ z zᵀ of rows, [R, d] → [d, d], by blocks on and below the diagonal: those above are the same numbers, to the last bit. That
 * takes a fifth off the time at d = 576, a third at 1024.
 */
export function gram(rows: Value): Value {
  const width = rows.shape.at(-1) as number;
  const count = Math.ceil(width / GRAM_BLOCK);
  const product = (a: Value, b: Value): Value => ops.matMul(ops.transpose(a, [1, 0]), b);
  if (count === 1) return product(rows, rows);
  const size = Math.ceil(width / count);
  const sizes = Array.from({ length: count }, (_, block) => Math.min(size, width - block * size));
  const columns = ops.split(rows, 1, sizes);
  const below = columns.map((own, i) => columns.slice(0, i + 1).map((other) => product(own, other)));
  const bands = columns.map((_, i) =>
    ops.concat(
      columns.map((_, j) => (j <= i ? below[i][j] : ops.transpose(below[j][i], [1, 0]))),
      1,
    ),
  );
  return ops.concat(bands, 0);
}
