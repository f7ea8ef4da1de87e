/**
 * Products by whole numbers of 8 bits, which processors multiply faster than float32 (METHODS §0 Precision). Rows of inputs
 * and of weights are scaled by their own largest value, s = max|a| / 127, t = max|w| / 127, so that no row knows of another:
 *
 *     int8:    a ≈ s·a₁,               w ≈ t·w₁:               a·w ≈ s·t·(a₁·w₁)
 *     sliced:  a ≈ s·(a₁ + a₂/254),    w ≈ t·(w₁ + w₂/254):    a·w ≈ s·t·(a₁·w₁ + (a₂·w₁ + a₁·w₂)/254)
 *
 * a₁ and a₂, w₁ and w₂ are whole numbers within ±127. Sums of them are exact; what is lost is the rounding of either side, and
 * of slices the product of the two last ones. Weights are rounded where they are written (`sources/rounded.ts`).
 */
import type { Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";

export type Rounding = "int8" | "sliced";

/** The largest whole number of a byte. */
export const LARGEST = 127;
/** Parts of a whole number in which the second slice counts: half of them to either side of the nearest one. */
export const PARTS = 254;
/** What a row of nothing but zeros is divided by. */
export const LEAST = 1e-30;

/** A matrix [n, k], a row an output. */
export interface RoundedMatrix {
  /** w₁, int8 [n, k] */
  readonly first: Value;
  /** w₂, int8 [n, k]; absent: int8 */
  readonly second: Value | undefined;
  /** t, [n] */
  readonly scales: Value;
}

interface RoundedInput {
  /** s, [..., 1] */
  readonly scale: Value;
  /** a₁ and a₂, uint8 [..., k] */
  readonly first: Value;
  readonly second: () => Value;
}

/** The products of one graph: what several matrices multiply is rounded once. */
export class RoundedProducts {
  readonly #inputs = new Map<Value, RoundedInput>();

  /** [..., k] → [..., n] */
  product(x: Value, { first, second, scales }: RoundedMatrix): Value {
    const input = this.#inputs.get(x) ?? rounded(x);
    this.#inputs.set(x, input);
    const columns = ops.transpose(first, [1, 0]); // [n,k] → [k,n]
    const sums = ops.matMulBytes(input.first, columns, scales);
    if (!second) return ops.multiply(sums, input.scale);
    const both = ops.transpose(ops.concat([first, second], 1), [1, 0]); // [2k,n]
    const parts = ops.multiply(scales, x.graph.scalar(1 / PARTS));
    const rest = ops.matMulBytes(ops.concat([input.second(), input.first], -1), both, parts);
    return ops.multiply(ops.add(sums, rest), input.scale);
  }
}

function rounded(x: Value): RoundedInput {
  const { graph } = x;
  const largest = ops.maximum([ops.max(ops.abs(x), -1, { keep: true }), graph.scalar(LEAST)]);
  // The runtime's maximum passes NaN over: what is no number has to make the row's results none.
  const amiss = ops.multiply(ops.sum(x, -1, { keep: true }), graph.scalar(0));
  const scale = ops.add(ops.multiply(largest, graph.scalar(1 / LARGEST)), amiss);
  const scaled = ops.multiply(x, ops.divide(graph.scalar(1), scale));
  const first = ops.toBytes(scaled, 1);
  let second: Value | undefined;
  return {
    scale,
    first,
    second() {
      const rest = ops.add(ops.subtract(scaled, ops.cast(first, "float32")), graph.scalar(128));
      second ??= ops.toBytes(rest, 1 / PARTS);
      return second;
    },
  };
}
