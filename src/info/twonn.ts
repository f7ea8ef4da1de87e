/**
 * TwoNN intrinsic dimension (METHODS §3; Facco, d'Errico, Rodriguez & Laio 2017): where density hardly changes within
 * the reach of two neighbours, μ = r₂/r₁ of a point has P(μ > x) = x^−D, so ln μ is exponential with rate D. Facco et
 * al. fit a line after discarding the tenth of largest μ; here the same tenth is censored and D is the estimator of
 * maximum likelihood that goes with it, corrected for bias, which uses the rest fully and has a known error: with k of
 * n points kept and S = Σ_{i≤k} ln μ₍ᵢ₎ + (n − k) ln μ₍ₖ₎, 2·D·S is χ² with 2k degrees of freedom, so D̂ = (k − 1)/S with
 * standard error D̂/√(k − 2). (It treats the points' μ as independent, as Facco et al. do.)
 *
 * Distances are exact, float64 differences of the float32 states. Coordinates are taken by falling variance and a
 * distance is abandoned once it, and those taken with it (`distances.ts`), exceed what either point needs.
 *
 * Memory: 8·n·d bytes for the reordered states. Time: at most n²/2·d multiply-adds, by far less where the cloud is flat.
 */

import { distances, TOGETHER } from "./distances.ts";

export interface IntrinsicDimension {
  readonly dimension: number;
  readonly standardError: number;
  /** distinct states the estimate rests on */
  readonly points: number;
  /** states dropped because an earlier one is the same */
  readonly duplicates: number;
}

/** Part of the points, those of largest μ, that is censored: tails are where density changes and outliers are. */
const CENSORED = 0.1;
/** Fewer distinct points give no estimate. */
export const FEWEST_POINTS = 20;
/** States closer than this part of their norm are the same: in float32 one state computed in two batches may differ by as much. */
const SAME = 2 ** -16;

/**
 * Intrinsic dimension of a cloud of states, from the ratios of the distances to two neighbours.
 * @param states [n,d] row by row
 * @param alone without WebAssembly
 * @returns null where fewer than 20 distinct states are left, or all their neighbours are equally far
 */
export function twoNN(states: Float32Array, d: number, alone = false): IntrinsicDimension | null {
  const { nearest, second, duplicates } = twoNearest(byFallingVariance(states, d), d, alone);
  const points = nearest.length;
  if (points < FEWEST_POINTS) return null;
  const logRatios = nearest.map((square, i) => Math.log(second[i] / square) / 2).sort();
  const kept = Math.floor(points * (1 - CENSORED));
  let total = (points - kept) * logRatios[kept - 1];
  for (let i = 0; i < kept; i++) total += logRatios[i];
  if (!(total > 0)) return null;
  const dimension = (kept - 1) / total;
  return { dimension, standardError: dimension / Math.sqrt(kept - 2), points, duplicates };
}

/** The states with their coordinates in order of falling variance: distances grow fastest at the front. */
function byFallingVariance(states: Float32Array, d: number): Float32Array {
  const mean = new Float64Array(d);
  const variance = new Float64Array(d);
  for (let i = 0; i < states.length; i++) mean[i % d] += (states[i] * d) / states.length;
  for (let i = 0; i < states.length; i++) variance[i % d] += (states[i] - mean[i % d]) ** 2;
  const order = Int32Array.from(variance.keys()).sort((a, b) => variance[b] - variance[a] || a - b);
  const sorted = new Float32Array(states.length);
  for (let row = 0; row < states.length; row += d) {
    for (let k = 0; k < d; k++) sorted[row + k] = states[row + order[k]];
  }
  return sorted;
}

/** Squared distances from every state that repeats no earlier one to its nearest and second nearest such. */
function twoNearest(
  states: Float32Array,
  d: number,
  alone: boolean,
): { nearest: Float64Array; second: Float64Array; duplicates: number } {
  const n = states.length / d;
  const nearest = new Float64Array(n).fill(Infinity);
  const second = new Float64Array(n).fill(Infinity);
  const { own, squares, add, measure } = distances(n, d, alone);
  let points = 0;
  for (let i = 0; i < n; i++) {
    own.set(states.subarray(i * d, (i + 1) * d));
    let norm = 0;
    for (let k = 0; k < d; k++) norm += own[k] ** 2;
    const same = norm * SAME ** 2;
    let repeats = false;
    let near = Infinity;
    let next = Infinity;
    for (let p = 0; p < points && !repeats; ) {
      const stop = Math.min(p + TOGETHER, points);
      let enough = Math.max(next, same);
      for (let other = p; other < stop; other++) enough = Math.max(enough, second[other]);
      measure(p, enough);
      for (; p < stop && !repeats; p++) {
        const square = squares[p];
        if (square <= same) repeats = true;
        else if (square < near) [near, next] = [square, near];
        else if (square < next) next = square;
      }
    }
    if (repeats) continue;
    for (let p = 0; p < points; p++) {
      const square = squares[p];
      if (square < nearest[p]) {
        second[p] = nearest[p];
        nearest[p] = square;
      } else if (square < second[p]) second[p] = square;
    }
    nearest[points] = near;
    second[points] = next;
    add(points++);
  }
  return { nearest: nearest.subarray(0, points), second: second.subarray(0, points), duplicates: n - points };
}
