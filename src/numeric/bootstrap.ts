/**
 * The error bar of every figure (METHODS §0, Interval): percentile bootstrap over sampling units. Figures are ratios of
 * sums, so what is resampled are columns of per-unit sums, all columns of one figure (or of two figures to be compared)
 * together. Whether there are units enough for an interval is the caller's to decide.
 *
 * Resample r draws from its own stream, named by the seed, the number of units and r alone: any two calls with the same
 * seed and units see the same resamples, whichever columns they ask for, and their figures may be compared in pairs.
 *
 * Memory: 8·resamples bytes a column, 8·U for the counts. Time: resamples·U·(columns + a few draws).
 */
import { LossyscopeError } from "./errors.ts";
import { random } from "./random.ts";
import { sum } from "./sums.ts";

/** What `resamples` is where it is not given. */
export const RESAMPLES = 2000;
/** Fewer units than this have no interval (METHODS §0). */
export const FEWEST_UNITS = 10;
const LEVEL = 0.95;

export interface BootstrapOptions {
  readonly seed: number;
  /** default 2000 */
  readonly resamples?: number;
}

/** A figure with the ends of its 95 % interval; null where it is not defined. As `figures.ts` publishes it. */
export interface Estimate {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/**
 * Sums of resampled units: each resample draws U of the U units with replacement, the same for all columns.
 * @param columns per-unit sums, each [U]
 * @returns one [resamples] array a column, in the order of the resamples
 * @throws LossyscopeError `input` where columns differ in length
 */
export function bootstrapSums(columns: readonly Float64Array[], options: BootstrapOptions): Float64Array[] {
  const resamples = options.resamples ?? RESAMPLES;
  const units = columns[0]?.length ?? 0;
  const odd = columns.findIndex((column) => column.length !== units);
  if (odd > 0) {
    throw new LossyscopeError(
      "input",
      `column ${odd} has ${columns[odd].length} sampling units, column 0 has ${units}`,
      "give every column one entry a unit",
    );
  }
  const sums = columns.map(() => new Float64Array(resamples));
  const times = new Float64Array(units);
  for (let r = 0; r < resamples; r++) {
    const stream = random(options.seed, "bootstrap", units, r);
    times.fill(0);
    for (let draw = 0; draw < units; draw++) times[stream.below(units)]++;
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c];
      let total = 0;
      for (let u = 0; u < units; u++) total += times[u] * column[u];
      sums[c][r] = total;
    }
  }
  return sums;
}

/**
 * 95 % percentile interval of a figure from its bootstrap samples, percentiles interpolated linearly between order
 * statistics. A value that is not finite is null; both ends are null with it, and where any sample is not finite (a
 * resample on which the figure is not defined) or there are none.
 */
export function percentileInterval(value: number, samples: Float64Array): Estimate {
  if (!Number.isFinite(value)) return { value: null, low: null, high: null };
  if (samples.length === 0 || !samples.every(Number.isFinite)) return { value, low: null, high: null };
  const sorted = samples.slice().sort();
  return { value, low: quantile(sorted, (1 - LEVEL) / 2), high: quantile(sorted, (1 + LEVEL) / 2) };
}

/**
 * Σ numerator / Σ denominator with its interval, both resampled together.
 * @param numerator per-unit sums [U], say bits
 * @param denominator per-unit sums [U], say bytes
 * @throws LossyscopeError `input` where the two differ in length
 */
export function ratioInterval(numerator: Float64Array, denominator: Float64Array, options: BootstrapOptions): Estimate {
  const [above, below] = bootstrapSums([numerator, denominator], options);
  return percentileInterval(
    sum(numerator) / sum(denominator),
    above.map((value, r) => value / below[r]),
  );
}

/** The q-quantile of an ascending array, linear between order statistics (Hyndman & Fan's type 7). */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const place = q * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}
