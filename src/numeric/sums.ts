/**
 * Sums that do not lose small terms: Neumaier's compensated summation (1974) in float64, error about one unit in the
 * last place of the result plus n·2^−106 of Σ|x|, whatever the order of the terms. Sums that must be *exact* in any
 * order are kept in fixed point where their scale is known (soft assignments, METHODS §2.4), and as `WideSums` where it is not.
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

/** Many sums, each as `high + low`, where |low| is at most half a unit in the last place of high. Plain data. */
export interface WideSums {
  readonly high: Float64Array;
  readonly low: Float64Array;
}

export const wideSums = (length: number): WideSums => ({
  high: new Float64Array(length),
  low: new Float64Array(length),
});

/**
 * Adds a value to one of the sums (Knuth's TwoSum, twice). Exact, hence the same in any order, as long as every partial sum
 * is a multiple of the last place of the smallest value and below 2^105 times it: for float32 values, as long as the largest
 * partial sum is below 2^81 times the smallest value that is not zero.
 */
export function addWide({ high, low }: WideSums, place: number, value: number): void {
  const before = high[place];
  const next = before + value;
  const part = next - before;
  const rest = low[place] + (before - (next - part) + (value - part));
  const total = next + rest;
  const moved = total - next;
  high[place] = total;
  low[place] = next - (total - moved) + (rest - moved);
}

/** Adds one set of sums to another of the same length, exactly where both are. */
export function addAllWide(sums: WideSums, { high, low }: WideSums): void {
  for (let place = 0; place < high.length; place++) {
    addWide(sums, place, high[place]);
    addWide(sums, place, low[place]);
  }
}
