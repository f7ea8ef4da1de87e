/**
 * The parts of a block in ops: linear maps, norms, activations and MLPs, each from its piece of a spec. Values keep their
 * leading axes; only the last one changes. Attention has a file of its own.
 */
import type { Scaled } from "../coding/arithmetic.ts";
import { product } from "../graph/dimensions.ts";
import type { Graph, Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { unreachable } from "../numeric/errors.ts";
import { type CodedMatrix, codedProduct } from "./coded.ts";
import type { RoundedMatrix, RoundedProducts } from "./rounded.ts";
import type {
  Activation,
  AttentionSpec,
  FusedGatedMlpSpec,
  GatedMlpSpec,
  LinearSpec,
  MlpSpec,
  NormSpec,
  TensorSlot,
} from "./spec.ts";

/** Where a decoder's tensors come from: a checkpoint's files (`GraphWeights`), or an input of the graph. */
export interface Weights {
  /** The whole tensor in float32. */
  value(slot: TensorSlot): Value;
  /** Rows [start, end) of the first axis in float32. */
  rows(slot: TensorSlot, start: number, end: number): Value;
  /** Rows of the first axis by index, int64 [...], in float32: [..., width] */
  looked(slot: TensorSlot, indices: Value): Value;
  /** Rows [start, end) of the first axis as codes of one matrix [rows, columns]; undefined where the tensor is none. */
  coded(slot: TensorSlot, start: number, end: number): CodedMatrix | undefined;
  /** The same as whole numbers, a row an output however the tensor is stored; undefined where it is multiplied by exactly. */
  rounded?(slot: TensorSlot, start: number, end: number): RoundedMatrix | undefined;
}

/** Places in a block where something is seen on its way, or changed: each gives what goes on in its stead. */
export interface Taps {
  /** [B, S, F] what an MLP maps down; an MLP of experts has no such place */
  units?(units: Value, block: number): Value;
  /** [B, S, H·h] what the heads have mixed, before it is mapped back */
  heads?(mixed: Value, block: number): Value;
  /** [B, S, d] the residual stream after a block, and before it */
  stream?(after: Value, before: Value, block: number): Value;
  /**
   * Told of what a linear map reads, one value where several read the same: [..., inputs] of all positions, or [n, inputs] of
   * those whose flat indices int64 [n] are `takers`, which one of several experts takes.
   */
  reads?(x: Value, linear: LinearSpec, takers?: Value): void;
}

/** What the parts of a decoder share while it is built. */
export interface Building {
  readonly graph: Graph;
  readonly weights: Weights;
  /** int64 [B, S] */
  readonly ids: Value;
  /** positions of the longest window that will be run: the largest S, or with a past P + S */
  readonly longest: number;
  /** absent: every window stands by itself, at positions 0 … S − 1 */
  readonly past?: Past;
  /** present: a window is a tree of continuations instead of one text; never with a past */
  readonly tree?: Tree;
  readonly taps?: Taps;
  /** what is multiplied in whole numbers, where the weights are; absent: nothing is */
  readonly products?: RoundedProducts;
  /** positions in a block of queries (`attention.ts`); absent: what is fastest for a forward pass */
  readonly queryBlock?: number;
}

/** What earlier runs left, for a decoder that goes on from there (`steps.ts`). */
export interface Past {
  /** what the scale of scores is a factor of */
  readonly scaled: Scaled;
  /** int64 [B, S]: where every id stands in its window; −1 for padding */
  readonly positions: Value;
  /** int64 [B, P + S]: where every key stands, cached ones first; −1 for what is no key */
  readonly keyPositions: Value;
  /** keys and values [B, K, 1, P, h] that the block has cached */
  cached(
    block: number,
    shape: Pick<AttentionSpec, "kvHeads" | "headWidth">,
  ): { readonly keys: Value; readonly values: Value };
  /** takes the block's keys and values [B, K, 1, S, h] of this run */
  keep(block: number, keys: Value, values: Value): void;
}

/** Slots in the order of a depth-first walk: each sees those on its way from the root and no others (`trees.ts`). */
export interface Tree {
  /** int64 [B, S]: where every id stands in its text */
  readonly positions: Value;
  /** int64 [S]: 0 … S − 1 */
  readonly slots: Value;
  /** int64 [B, S]: the slot after the last one that goes on from this one; 0 for padding */
  readonly ends: Value;
}

/** int64 [B, S] where positions are fed; undefined where they are 0 … S − 1. */
export const givenPositions = ({ past, tree }: Building): Value | undefined => past?.positions ?? tree?.positions;

/** x·factor; x itself for 1. */
export const scaled = (x: Value, factor: number): Value => (factor === 1 ? x : ops.multiply(x, x.graph.scalar(factor)));

/** cap·tanh(x/cap), or x without a cap. */
export const softcapped = (x: Value, cap: number | undefined): Value =>
  cap === undefined ? x : scaled(ops.tanh(scaled(x, 1 / cap)), cap);

/** [..., inputs] → [..., outputs] */
export function linear(building: Building, x: Value, spec: LinearSpec): Value {
  const { weights } = building;
  building.taps?.reads?.(x, spec);
  const { weight, layout, bias, entry } = spec;
  const [start, end] = entry === undefined ? [0, weight.shape[0]] : [entry, entry + 1];
  const mapped =
    layout === "in-out"
      ? (inWholeNumbers(building, x, weight, start, end) ?? ops.matMul(x, matrix(weights.rows(weight, start, end))))
      : byRows(building, x, weight, start, end);
  return bias ? ops.add(mapped, weights.value(bias)) : mapped;
}

/** [..., inputs] → [..., rows], by rows [start, end) of a matrix [outputs, inputs], or by one entry of several. */
export function byRows(building: Building, x: Value, weight: TensorSlot, start: number, end: number): Value {
  const { weights } = building;
  const rounded = inWholeNumbers(building, x, weight, start, end);
  if (rounded) return rounded;
  const coded = weights.coded(weight, start, end);
  if (coded) return codedProduct(x, coded);
  return ops.matMul(x, ops.transpose(matrix(weights.rows(weight, start, end)), [1, 0]));
}

/** [..., inputs] → [..., outputs] where the matrix is one of whole numbers; undefined where it is not. */
function inWholeNumbers(
  { weights, products }: Building,
  x: Value,
  weight: TensorSlot,
  start: number,
  end: number,
): Value | undefined {
  const rounded = products && weights.rounded?.(weight, start, end);
  return rounded && products.product(x, rounded);
}

/** One entry of a tensor of matrices without its first axis. */
const matrix = (value: Value): Value => (value.shape.length === 2 ? value : ops.reshape(value, value.shape.slice(1)));

/** Over the last axis; absent: x itself. */
export function norm({ graph, weights }: Building, x: Value, spec: NormSpec | undefined): Value {
  if (!spec) return x;
  const stored = spec.scale
    ? weights.value(spec.scale)
    : graph.constant(new Float32Array(spec.width).fill(1), [spec.width]);
  const scale = spec.scalePlusOne ? ops.add(stored, graph.scalar(1)) : stored;
  const bias = spec.bias && weights.value(spec.bias);
  switch (spec.kind) {
    case "layer":
      return ops.layerNorm(x, scale, bias, spec.epsilon);
    case "rms": {
      const normed = ops.rmsNorm(x, scale, spec.epsilon);
      return bias ? ops.add(normed, bias) : normed;
    }
    default:
      return unreachable(spec.kind);
  }
}

function activated(x: Value, activation: Activation): Value {
  switch (activation) {
    case "silu":
      return ops.multiply(x, ops.sigmoid(x));
    case "gelu":
      return ops.gelu(x, "none");
    case "gelu-tanh":
      return ops.gelu(x, "tanh");
    case "relu":
      return ops.relu(x);
    case "relu-squared": {
      const positive = ops.relu(x);
      return ops.multiply(positive, positive);
    }
    default:
      return unreachable(activation);
  }
}

function gated(
  building: Building,
  x: Value,
  spec: GatedMlpSpec | FusedGatedMlpSpec,
  tapped: (units: Value) => Value = (units) => units,
): Value {
  const halves = (both: LinearSpec): readonly Value[] =>
    ops.split(linear(building, x, both), -1, [both.outputs / 2, both.outputs / 2]);
  const [gate, up] =
    spec.kind === "gated-fused" ? halves(spec.gateAndUp) : [spec.gate, spec.up].map((map) => linear(building, x, map));
  return linear(building, tapped(ops.multiply(activated(gate, spec.activation), up)), spec.down);
}

/** [B, S, d] → [B, S, d]; `block` tells the blocks' experts apart. */
export function mlp(building: Building, x: Value, spec: MlpSpec, block: number): Value {
  const tapped = (units: Value): Value => building.taps?.units?.(units, block) ?? units;
  switch (spec.kind) {
    case "gated":
    case "gated-fused":
      return gated(building, x, spec, tapped);
    case "plain":
      return linear(building, tapped(activated(linear(building, x, spec.up), spec.activation)), spec.down);
    case "experts":
      return experts(building, x, spec, block);
    default:
      return unreachable(spec);
  }
}

/**
 * An expert over the rows that chose it, perhaps none: of none the runtime takes the largest value in the wrong shape, so that
 * where whole numbers are scaled by it a row is run that nobody reads.
 */
function taken(building: Building, rows: Value, takers: Value, expert: GatedMlpSpec | FusedGatedMlpSpec): Value {
  if (!building.products) return gated(building, ops.gather(rows, takers), expert);
  const { graph } = building;
  const [count] = takers.shape;
  const more = ops.concat([takers, graph.integers([0])], 0, `${count} and one`);
  const found = gated(building, ops.gather(rows, more), expert);
  return ops.sliceTo(found, [0], graph.integers([0]), ops.sizes(takers, 0, 1), [count]);
}

/** Every expert runs over the positions that chose it and no others; a shared one over all. */
function experts(building: Building, x: Value, spec: Extract<MlpSpec, { kind: "experts" }>, block: number): Value {
  const { graph } = building;
  const rows = ops.reshape(x, [product(x.shape.slice(0, -1)), x.shape.at(-1)!]); // [B,S,d] → [B·S,d]
  const scores = linear(building, rows, spec.router);
  const chosen = ops.topK(spec.weights === "of-chosen" ? scores : ops.softmax(scores), spec.perToken); // [B·S,k]
  const shares = spec.weights === "of-chosen" ? ops.softmax(chosen.values) : chosen.values;
  const shared = spec.shared && gated(building, rows, spec.shared.mlp);
  const gate = spec.shared?.gate && ops.sigmoid(linear(building, rows, spec.shared.gate));
  let sum = shared ? (gate ? ops.multiply(gate, shared) : shared) : scaled(rows, 0);
  spec.experts.forEach((expert, index) => {
    const isChosen = ops.cast(ops.equal(chosen.indices, graph.integers(index)), "float32"); // [B·S,k]
    const share = ops.sum(ops.multiply(shares, isChosen), -1); // [B·S]
    const takers = ops.nonZero(ops.max(isChosen, -1), `expert ${index} of block ${block}`);
    const weight = ops.reshape(ops.gather(share, takers), [takers.shape[0], 1]);
    const { taps } = building;
    const reads = taps?.reads && ((read: Value, map: LinearSpec): void => taps.reads!(read, map, takers));
    const own = reads ? { ...building, taps: { ...taps, reads } } : building;
    const given = ops.multiply(taken(own, rows, takers, expert), weight);
    sum = ops.scatterRows(sum, takers, ops.add(ops.gather(sum, takers), given));
  });
  return ops.reshapeLike(sum, x);
}
