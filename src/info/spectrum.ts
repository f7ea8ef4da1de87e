/**
 * The shape of a cloud of states from its sums alone (METHODS §3): participation ratio, effective rank, stable rank of
 * the covariance, centred and uncentred, and anisotropy. Takes sums of float32 products; who adds them up, and over
 * which tokens, is elsewhere.
 *
 * What float32 cannot tell from zero is zero: a cloud of N states has at most N − 1 (uncentred: N) eigenvalues, and any
 * below 2^−24 of the largest uncentred one, negative ones included, is rounding of the products and is set to 0. A
 * centred variance below 2^−20 of the uncentred second moment is rounding as a whole: the states are all equal.
 *
 * Memory: 4·d² bytes beyond the sums. Time: that of `numeric/eigen.ts`.
 */
import { symmetricSpectra } from "../numeric/eigen.ts";
import { sum } from "../numeric/sums.ts";

/** Sums over N states z of width d, with u = z/‖z‖. */
export interface MomentSums {
  /** N */
  readonly count: number;
  /** Σ z [d] */
  readonly sum: Float64Array;
  /** Σ z zᵀ, lower triangle row by row: entry (i, j ≤ i) at i(i+1)/2 + j */
  readonly gram: Float64Array;
  /** Σ u [d] */
  readonly unitSum: Float64Array;
}

/** Effective numbers of dimensions: 1 where the cloud is a line, d where it is round. */
export interface SpectrumShape {
  /** (Σλ)²/Σλ² */
  readonly participationRatio: number;
  /** exp(H(λ/Σλ)) */
  readonly effectiveRank: number;
  /** exp(H(√λ/Σ√λ)): Roy & Vetterli 2007, on the singular values */
  readonly effectiveRankRoyVetterli: number;
  /** Σλ/λ₁ */
  readonly stableRank: number;
}

export interface CloudShape {
  /** null where all states are equal */
  readonly centred: SpectrumShape | null;
  /** null where all states are zero */
  readonly uncentred: SpectrumShape | null;
  /** mean cosine of two different states, (‖Σu‖² − N)/(N(N−1)); null for fewer than two. Zero states count as at right angles to every other, less 1/N. */
  readonly anisotropy: number | null;
}

const ROUNDING = 2 ** -24;
const ALL_EQUAL = 2 ** -20;

/** The shape of a cloud of states, from its moments. */
export function cloudShape(moments: MomentSums): CloudShape {
  const { count, gram, sum: total, unitSum } = moments;
  const anisotropy = count < 2 ? null : (sum(unitSum.map((u) => u * u)) - count) / (count * (count - 1));
  const second = sum(unitSum.map((_, i) => gram[(i * (i + 3)) / 2]));
  if (!(second > 0)) return { centred: null, uncentred: null, anisotropy };

  const variance = second - sum(total.map((component) => component * component)) / count;
  // Σ (z − z̄)(z − z̄)ᵀ = Σ z zᵀ − (Σz)(Σz)ᵀ/N
  const { plain, updated } = symmetricSpectra(gram, total, -1 / count);
  const floor = ROUNDING * plain[0];
  return {
    centred: variance <= ALL_EQUAL * second ? null : shapeOf(updated.subarray(0, count - 1), floor),
    uncentred: shapeOf(plain.subarray(0, count), floor),
    anisotropy,
  };
}

/** @param eigenvalues largest first; those at or below `floor` count as 0 */
function shapeOf(eigenvalues: Float64Array, floor: number): SpectrumShape | null {
  const spectrum = eigenvalues.filter((value) => value > floor);
  if (spectrum.length === 0) return null;
  const total = sum(spectrum);
  return {
    participationRatio: total ** 2 / sum(spectrum.map((value) => value ** 2)),
    effectiveRank: exponentialEntropy(spectrum),
    effectiveRankRoyVetterli: exponentialEntropy(spectrum.map(Math.sqrt)),
    stableRank: total / spectrum[0],
  };
}

/** exp of the entropy of positive weights, normalised. */
function exponentialEntropy(weights: Float64Array): number {
  const total = sum(weights);
  return Math.exp(-sum(weights.map((weight) => (weight / total) * Math.log(weight / total))));
}
