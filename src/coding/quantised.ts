/**
 * A distribution over tokens as the range coder takes it (METHODS §1.3): with C_i = Σ_{j<i} p_j in float64, E the share of
 * the escape and V tokens, token i has the interval [b_i, b_{i+1}) of 2^30,
 *
 *   b_i = ⌊ C_i / C_V · (2^30 − E − V) ⌋ + i,
 *
 * so that every token has at least one; the escape has the last E. Sums, products and floors alone, in a fixed order: equal
 * probabilities give equal intervals on every machine.
 */
import { LossyscopeError } from "../numeric/errors.ts";
import { TOTAL } from "./range-coder.ts";

export interface Interval {
  readonly start: number;
  readonly size: number;
}

/** How many of `TOTAL` one unit of probability gets. @throws LossyscopeError `model` where the probabilities are none */
function scaleOf(probabilities: Float32Array, reserved: number): number {
  let mass = 0;
  for (let i = 0; i < probabilities.length; i++) mass += probabilities[i];
  if (!(mass > 0 && mass < Number.POSITIVE_INFINITY))
    throw new LossyscopeError(
      "model",
      `the probabilities of the next token add up to ${mass}`,
      "look for NaN or infinity among the weights",
    );
  return (TOTAL - reserved - probabilities.length) / mass;
}

/** @param probabilities [V], adding up to about one @param reserved E, at least one */
export function tokenInterval(probabilities: Float32Array, token: number, reserved: number): Interval {
  const scale = scaleOf(probabilities, reserved);
  let below = 0;
  for (let i = 0; i < token; i++) below += probabilities[i];
  const start = Math.floor(below * scale) + token;
  return { start, size: Math.floor((below + probabilities[token]) * scale) + token + 1 - start };
}

export const escapeInterval = (reserved: number): Interval => ({ start: TOTAL - reserved, size: reserved });

/** @returns the token in whose interval `target` lies; the last one for what lies in none; −1 for the escape */
export function tokenAt(probabilities: Float32Array, target: number, reserved: number): number {
  if (target >= TOTAL - reserved) return -1;
  const scale = scaleOf(probabilities, reserved);
  const last = probabilities.length - 1;
  let reached = 0;
  for (let i = 0; i < last; i++) {
    reached += probabilities[i];
    if (Math.floor(reached * scale) + i + 1 > target) return i;
  }
  return last;
}

/** Where the interval of every token starts, for digests: [V] into `starts`. */
export function tokenStarts(probabilities: Float32Array, starts: Uint32Array): void {
  const scale = scaleOf(probabilities, 1);
  let below = 0;
  for (let i = 0; i < probabilities.length; i++) {
    starts[i] = Math.floor(below * scale) + i;
    below += probabilities[i];
  }
}
