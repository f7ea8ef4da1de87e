/**
 * Intervals of smooth figures of a few groups by leaving one group out at a time (Tukey 1958; Efron & Tibshirani 1993, ch. 11):
 * se² = (g − 1)/g · Σ (θ₍ᵢ₎ − mean of them)², and θ ± t·se with Student's t of g − 1 degrees of freedom. For figures that take
 * too long for thousands of resamples. Of a mean it is the usual t interval.
 */
import type { Estimate } from "./bootstrap.ts";
import { mean, sum } from "./sums.ts";

/** Groups that figures are left out by. */
export const GROUPS = 10;
/** The 97.5 % point of Student's t with nine degrees of freedom. */
const T = 2.2621571627409915;

const squared = (left: ArrayLike<number>): number => {
  const middle = mean(left);
  return ((left.length - 1) / left.length) * sum(Float64Array.from(left, (one) => (one - middle) ** 2));
};

/**
 * @param left for each side that is left out from, the figure without each of its `GROUPS` groups; errors of independent sides add up,
 *   on the nine degrees of freedom of one of them, which is no fewer than it should
 * @param least and most: what the figure can be; `step`: what it moves by, where it is a number of things, and the interval is no
 *   narrower than one of them to either side
 * @returns no interval where a side has another number of groups
 */
export function jackknifeInterval(
  value: number,
  left: readonly ArrayLike<number>[],
  { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY, step = 0 } = {},
): Estimate {
  if (!Number.isFinite(value)) return { value: null, low: null, high: null };
  if (left.length === 0 || left.some((side) => side.length !== GROUPS)) return { value, low: null, high: null };
  const reach = Math.max(step, T * Math.sqrt(sum(left.map(squared))));
  return { value, low: Math.max(least, value - reach), high: Math.min(most, value + reach) };
}
