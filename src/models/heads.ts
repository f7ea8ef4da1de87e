/**
 * What hangs on the decoder, reduced inside the graph so that neither logits nor hidden states leave the runtime unless
 * they are asked for: losses of given tokens, soft assignments (METHODS §2.1), moments and picked states (METHODS §3),
 * weighted sums of states and of what units contribute (METHODS §3.1, §4), and the export of everything. A head that is not asked for is not in the graph, nor are its inputs.
 *
 * Memory in the runtime beyond the forward pass: losses 8 bytes · R1 · min(V, 16,384), with the likeliest tokens half as
 * much again; assignments 8 bytes · R · draws · m a layer; outputs as their shapes say.
 */
import { type Dimension, product } from "../graph/dimensions.ts";
import { Graph, type Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { type Decoder, decoder } from "./decoder.ts";
import { GraphWeights } from "./graph-weights.ts";
import type { Building } from "./layers.ts";
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

  if (heads.losses) losses(graph, model, heads.inLanes ? lossPartsInLanes : lossParts, heads.likeliest);
  if (heads.assignments) {
    const rows = graph.input("rows", "int64", ["R"]);
    softAssignments(layers, rows, heads.assignments).forEach((shares, index) => {
      graph.output(`assignment.${index}`, shares);
    });
  }
  if (heads.moments) {
    const rows = graph.input("moment_rows", "int64", ["Rm"]);
    layers.forEach((layer, index) => {
      const states = picked(layer, rows);
      graph.output(`moments.${index}.sum`, ops.sum(states, 0));
      graph.output(`moments.${index}.gram`, gram(states));
      graph.output(`moments.${index}.unit`, ops.sum(unit(states), 0));
    });
  }
  if (heads.states) {
    const rows = graph.input("state_rows", "int64", ["Rs"]);
    layers.forEach((layer, index) => {
      graph.output(`states.${index}`, picked(layer, rows));
    });
  }
  if (heads.pooledStates) {
    const pool = graph.input("pool.states", "float32", ["Gs", product(["B", "S"])]);
    layers.forEach((layer, index) => {
      graph.output(`pooled.states.${index}`, ops.matMul(pool, inRows(layer)));
    });
  }
  if (heads.pooledUnits) {
    const pool = graph.input("pool.units", "float32", ["Gu", product(["B", "S"])]);
    units.forEach((value, index) => {
      const sizes = ops.matMul(pool, ops.abs(inRows(value))); // [Gu,B·S] × [B·S,F]
      graph.output(`pooled.units.${index}`, ops.multiply(sizes, reachOf(building, spec.blocks[index].mlp)));
    });
  }
  if (heads.everything) {
    after.forEach((layer, index) => {
      graph.output(`hidden_states.${index}`, layer);
    });
    graph.output("last_block_output", model.stream.at(-1)!);
    graph.output("logits", ops.concat(model.logits(model.final), -1));
  }
  return { bytes: graph.encode(), externalFolder: weights.folder, inputs: graph.inputs, outputs: graph.outputs };
}

/** [B, S, d] → [B·S, d] */
function inRows(values: Value): Value {
  const [batch, positions, width] = values.shape;
  return ops.reshape(values, [product([batch, positions]), width]);
}

/** Rows of [B, S, d] by flat slot, [n, d]. */
export const picked = (states: Value, rows: Value): Value => ops.gather(inRows(states), rows);

/** Of the picked rows of every layer [B, S, d], a softmax for each draw: [R, draws·m] a layer. */
export function softAssignments(
  layers: readonly Value[],
  rows: Value,
  { points, m, draws, epsilon }: NonNullable<Heads["assignments"]>,
): readonly Value[] {
  const { graph } = rows;
  const [count] = rows.shape;
  const width = draws * m;
  const scaledPoints = points.map((coordinate) => coordinate / epsilon);
  const columns = ops.transpose(graph.constant(scaledPoints, [width, points.length / width]), [1, 0]);
  return layers.map((layer) => {
    const states = picked(layer, rows);
    const scores = ops.matMul(unit(states), columns); // [R,d] → [R,draws·m]
    const shares = ops.add(ops.softmax(ops.reshape(scores, [count, draws, m])), beyond(states));
    return ops.reshape(shares, [count, width]);
  });
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

/**
 * What −ln softmax(logits)[target] = (M − logit of the target) + ln Σ_c exp(M_c − M) / P_c is made of, over chunks c of the
 * vocabulary: M_c the largest logit of a chunk, M of all, P_c the largest share of the chunk's softmax (so
 * 1/P_c = Σ exp(logit − M_c)). With the large terms subtracted first, and the target's logit among those in the sum, no
 * digits are lost where logits are large.
 * @param chunks logits [R, c]
 * @param maxima of each chunk, of all its columns or of groups of them
 * @returns M and the logarithm, [R, 1] each
 */
export function lossParts(
  chunks: readonly Value[],
  maxima: readonly Value[] = chunks,
): { readonly top: Value; readonly logMass: Value } {
  const largest = maxima.map((chunk) => ops.max(chunk, -1, { keep: true })); // [R,c] → [R,1]
  const top = largest.length === 1 ? largest[0] : ops.maximum(largest);
  const masses = chunks.map((chunk, index) =>
    ops.divide(ops.exp(ops.subtract(largest[index], top)), ops.max(ops.softmax(chunk), -1, { keep: true })),
  );
  return { top, logMass: ops.log(masses.reduce(ops.add)) };
}

/** The logits of targets, from the chunk that holds each. @param inChunk looks targets up that are counted from its start */
export function targetLogits(
  chunks: readonly Value[],
  targets: Value,
  inChunk: (chunk: Value, targets: Value) => Value,
): Value {
  const { graph } = targets;
  let start = 0;
  let target: Value | undefined;
  for (const chunk of chunks) {
    const size = chunk.shape.at(-1) as number;
    const inside = ops.clip(ops.subtract(targets, graph.integers(start)), graph.integers(0), graph.integers(size - 1));
    const found = inChunk(chunk, inside);
    target = target ? ops.where(ops.greater(targets, graph.integers(start - 1)), found, target) : found;
    start += size;
  }
  return target!;
}

/** Single-precision numbers in a register of AVX-512. */
const LANES = 16;

/**
 * The same parts with the sum of exponentials as PyTorch's log-softmax takes it on a CPU with AVX-512: float32, each lane
 * adding every sixteenth column one after the other, so that what is small beside the sum so far is lost. Over 49,152 columns
 * that makes losses some 7e-6 nats too small, which is more than anything else that two float32 computations differ in. It
 * takes the largest logit of all columns first; here what was added is scaled when a larger one comes, so that chunks pass.
 */
function lossPartsInLanes(chunks: readonly Value[]): ReturnType<typeof lossParts> {
  let top: Value | undefined;
  let lanes: Value | undefined; // [R,16]
  for (const chunk of chunks) {
    const [rows, columns] = chunk.shape as readonly [Dimension, number];
    const largest = ops.max(chunk, -1, { keep: true }); // [R,c] → [R,1]
    const reached: Value = top ? ops.maximum([top, largest]) : largest;
    const terms = ops.exp(ops.subtract(chunk, reached));
    const missing = -columns & (LANES - 1);
    const nothing = terms.graph.constant(new Float32Array(1), [1]);
    const filled =
      missing === 0 ? terms : ops.concat([terms, ops.multiply(ops.slice(terms, 1, 0, missing), nothing)], 1);
    const steps = (columns + missing) / LANES;
    const inLanes = ops.reshape(filled, [rows, steps, LANES]);
    const before = top && lanes && ops.multiply(lanes, ops.exp(ops.subtract(top, reached)));
    const all = before ? ops.concat([ops.reshape(before, [rows, 1, LANES]), inLanes], 1) : inLanes;
    const last = steps + (before ? 1 : 0);
    lanes = ops.reshape(ops.slice(ops.cumSum(all, 1), 1, last - 1, last), [rows, LANES]);
    top = reached;
  }
  return { top: top!, logMass: ops.log(ops.sum(lanes!, -1, { keep: true })) };
}

function losses(graph: Graph, model: Decoder, partsOf: typeof lossParts, likeliest: number | undefined): void {
  const rows = graph.input("loss_rows", "int64", ["R1"]);
  const targets = ops.reshape(graph.input("loss_targets", "int64", ["R1"]), ["R1", 1]);
  const chunks = model.logits(picked(model.final, rows));
  const groups = likeliest ? chunks.map(grouped) : undefined;
  const parts = partsOf(
    chunks,
    groups?.map((one) => one.groups?.maxima ?? one.logits),
  );
  const target = targetLogits(chunks, targets, (chunk, inside) => ops.gatherElements(chunk, inside, 1));
  graph.output("losses", ops.reshape(ops.add(ops.subtract(parts.top, target), parts.logMass), ["R1"]));
  if (likeliest && groups) likeliestTokens(graph, groups, parts, likeliest);
}

/**
 * The k largest logits of each chunk, and of those the k largest: the vocabulary never leaves the graph. The runtime's TopK
 * takes some ten times as long as a maximum. So columns go in groups, of which the losses' maximum is taken anyway, and only
 * the k groups of the largest maxima are looked through: the k largest logits are in them.
 */
function likeliestTokens(
  graph: Graph,
  chunks: readonly Grouped[],
  { top, logMass }: ReturnType<typeof lossParts>,
  count: number,
): void {
  const rows = graph.input("likeliest_rows", "int64", ["Rk"]);
  let before = 0;
  const found = chunks.map((chunk) => {
    const { logits, tokens } = likeliestIn(chunk, rows, count);
    const size = chunk.logits.shape.at(-1) as number;
    const counted = ops.add(tokens, graph.integers(before));
    before += size;
    return { logits, tokens: counted };
  });
  const joined = (pick: (one: (typeof found)[number]) => Value): Value => ops.concat(found.map(pick), -1);
  const best = ops.topK(
    joined((one) => one.logits),
    Math.min(count, before),
  );
  const tokens = ops.gatherElements(
    joined((one) => one.tokens),
    best.indices,
    1,
  );
  // Ids are below 2^24, so that float32 holds them.
  graph.output("likeliest.tokens", ops.cast(tokens, "float32"));
  graph.output("likeliest.nats", ops.add(ops.subtract(ops.gather(top, rows), best.values), ops.gather(logMass, rows)));
}

/** Logits [R, c], and the maxima [R, c/size] of so many columns each; null where c has no fitting divisor. */
interface Grouped {
  readonly logits: Value;
  readonly groups: { readonly maxima: Value; readonly size: number } | null;
}

/** Columns of a group: about the root of a chunk's, so that neither the groups nor what is in them is many. */
const GROUP = { least: 16, most: 128 };

function grouped(logits: Value): Grouped {
  const [rows, columns] = logits.shape as readonly [Dimension, number];
  for (let size = GROUP.most; size >= GROUP.least; size--) {
    if (columns % size !== 0) continue;
    return { logits, groups: { maxima: ops.max(ops.reshape(logits, [rows, columns / size, size]), -1), size } };
  }
  return { logits, groups: null };
}

/** The k largest of some rows of a chunk, [Rk, k], and their columns. */
function likeliestIn({ logits, groups }: Grouped, rows: Value, count: number): { logits: Value; tokens: Value } {
  const { graph } = rows;
  const [all, columns] = logits.shape as readonly [Dimension, number];
  if (groups === null) {
    const { values, indices } = ops.topK(ops.gather(logits, rows), Math.min(count, columns));
    return { logits: values, tokens: indices };
  }
  const { maxima, size } = groups;
  const number = columns / size;
  const taken = Math.min(count, number);
  const chosen = ops.topK(ops.gather(maxima, rows), taken).indices; // [Rk, k] groups
  const places = ops.add(ops.multiply(ops.reshape(rows, ["Rk", 1]), graph.integers(number)), chosen);
  const inGroups = ops.gather(ops.reshape(logits, [product([all, number]), size]), places); // [Rk, k, size]
  const offsets = graph.integers(Array.from({ length: size }, (_, column) => column));
  const firsts = ops.multiply(ops.reshape(chosen, ["Rk", taken, 1]), graph.integers(size));
  const tokens = ops.reshape(ops.add(firsts, offsets), ["Rk", taken * size]);
  const { values, indices } = ops.topK(ops.reshape(inGroups, ["Rk", taken * size]), Math.min(count, columns));
  return { logits: values, tokens: ops.gatherElements(tokens, indices, 1) };
}
