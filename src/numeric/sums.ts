/**
 * Sums that do not lose small terms: Neumaier's compensated summation (1974) in float64, error about one unit in the
 * last place of the result plus n·2^−106 of Σ|x|, whatever the order of the terms. Sums that must be *exact* in any
 * order (soft assignments, METHODS §2.4) are kept in fixed point by who needs them.
 */

/** Σ values; an empty list gives 0, and NaN or infinities come through as plain addition would have them. */
export function sum(values: ArrayLike<number>): number {
  let total = 0;
  let lost = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return Number.isFinite(total) ? total + lost : total;
}

/** Mean of the values; NaN where there are none. */
export function mean(values: ArrayLike<number>): number {
  return sum(values) / values.length;
}
