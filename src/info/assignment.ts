/**
 * Soft assignment of states to reference points (METHODS §2.1): p = softmax((z/‖z‖)·Wᵀ/ε), W uniform on the unit sphere.
 * Probabilities leave here in fixed point, as multiples of 2^−26 in 32 bits: their sums are exact in float64 up to 2^27
 * positions, so that adding is exact in any order (METHODS §2.4 Mechanics).
 */
import { LossyscopeError } from "../numeric/errors.ts";
import { random } from "../numeric/random.ts";

export const FRACTION_BITS = 26;
/** probability 1 in fixed point */
export const ONE = 2 ** FRACTION_BITS;

/**
 * m points on the unit sphere of R^d: normalised Gaussians, the same for the same seed, m and d everywhere.
 * @returns [m, d], row by row
 */
export function referencePoints(seed: number, m: number, d: number): Float64Array {
  const stream = random(seed, "reference-points", m, d);
  const points = Float64Array.from({ length: m * d }, () => stream.normal());
  for (let point = 0; point < m; point++) {
    const row = points.subarray(point * d, (point + 1) * d);
    normalise(row, 0, row);
  }
  return points;
}

/** Rows off the unit sphere by more than this are no reference points; float16 leaves up to a few ten-thousandths. */
const OFF_SPHERE = 1e-3;

/** First of the points [m, d] that is not on the unit sphere, or −1: its length would scale the temperature. */
export function pointOffSphere(points: Float64Array, d: number): number {
  for (let from = 0; from < points.length; from += d) {
    let squares = 0;
    for (let i = from; i < from + d; i++) squares += points[i] * points[i];
    if (!(Math.abs(Math.sqrt(squares) - 1) <= OFF_SPHERE)) return from / d;
  }
  return -1;
}

export interface ReferencePoints {
  /** [m, d], unit rows */
  readonly points: Float64Array;
  readonly m: number;
  readonly d: number;
  readonly epsilon: number;
}

/**
 * Soft assignments of finite states, in float64; a zero state is assigned uniformly.
 * @param states [rows, d]
 * @returns [rows, m] in fixed point
 */
export function assign(states: Float32Array | Float64Array, { points, m, d, epsilon }: ReferencePoints): Uint32Array {
  const rows = states.length / d;
  const fixed = new Uint32Array(rows * m);
  const unit = new Float64Array(d);
  const logits = new Float64Array(m);
  for (let row = 0; row < rows; row++) {
    normalise(states, row * d, unit);
    cosines(points, unit, logits);
    let largest = -Infinity;
    for (let point = 0; point < m; point++) largest = Math.max(largest, logits[point]);
    let total = 0;
    for (let point = 0; point < m; point++) total += logits[point] = Math.exp((logits[point] - largest) / epsilon);
    for (let point = 0; point < m; point++) fixed[row * m + point] = (logits[point] / total) * ONE + 0.5;
  }
  return fixed;
}

/** W·u, four rows at a time so that additions need not wait for each other. */
function cosines(points: Float64Array, unit: Float64Array, out: Float64Array): void {
  const d = unit.length;
  let point = 0;
  for (; point + 4 <= out.length; point += 4) {
    let a = 0;
    let b = 0;
    let c = 0;
    let e = 0;
    for (let i = 0, at = point * d; i < d; i++, at++) {
      const value = unit[i];
      a += value * points[at];
      b += value * points[at + d];
      c += value * points[at + 2 * d];
      e += value * points[at + 3 * d];
    }
    out[point] = a;
    out[point + 1] = b;
    out[point + 2] = c;
    out[point + 3] = e;
  }
  for (; point < out.length; point++) {
    let dot = 0;
    for (let i = 0; i < d; i++) dot += unit[i] * points[point * d + i];
    out[point] = dot;
  }
}

/** Writes z/‖z‖, or zeros for a zero state; scaled first, so that no square over- or underflows. */
function normalise(states: Float32Array | Float64Array, from: number, unit: Float64Array): void {
  let largest = 0;
  for (let i = 0; i < unit.length; i++) largest = Math.max(largest, Math.abs(states[from + i]));
  if (largest === 0) {
    unit.fill(0);
    return;
  }
  let squares = 0;
  for (let i = 0; i < unit.length; i++) squares += (unit[i] = states[from + i] / largest) ** 2;
  const norm = Math.sqrt(squares);
  for (let i = 0; i < unit.length; i++) unit[i] /= norm;
}

/**
 * Probabilities as an engine gives them, in fixed point.
 * @param out as long as `probabilities`
 * @throws LossyscopeError `engine` at the first value that is no probability
 */
export function toFixed(probabilities: Float32Array, out: Uint32Array): void {
  for (let i = 0; i < probabilities.length; i++) {
    const value = probabilities[i];
    // A softmax in float32 may round above 1 by a few units in the last place.
    if (!(value >= 0 && value <= 1.0001)) {
      throw new LossyscopeError(
        "engine",
        `a soft assignment is ${value}, which is no probability`,
        "check the weights for NaN and infinities",
      );
    }
    out[i] = value * ONE + 0.5;
  }
}
