/**
 * How two columns of figures go together: Pearson's r, Spearman's ρ, r with other columns held fixed, the interval of
 * such a statistic by resampling whole families (METHODS §10), and the smallest r that a number of points can tell from
 * zero (Fisher's z). What predicts a score, and how well, is `regression.ts`.
 */
import { type BootstrapOptions, type Estimate, percentileInterval } from "./bootstrap.ts";
import { groupBy } from "./groups.ts";
import { random } from "./random.ts";
import { fitLinear } from "./regression.ts";
import { mean } from "./sums.ts";

type Column = ArrayLike<number>;

/** Spread below this share of a column's size is rounding, not spread. */
const NO_SPREAD = 1e-12;

/** Pearson's r; NaN for fewer than two points or where a column does not vary. */
export function pearson(x: Column, y: Column): number {
  const [mx, my] = [mean(x), mean(y)];
  let [xx, xy, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [x[i] - mx, y[i] - my];
    xx += dx * dx;
    xy += dx * dy;
    yy += dy * dy;
  }
  const flat = (squares: number, size: number): boolean =>
    !(Math.sqrt(squares / x.length) > NO_SPREAD * Math.abs(size));
  if (x.length < 2 || flat(xx, mx) || flat(yy, my)) return Number.NaN;
  return Math.min(1, Math.max(-1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
}

/** Ranks from 1; equal values share the mean of their ranks. */
export function ranks(values: Column): Float64Array {
  const order = Uint32Array.from(values, (_, index) => index).sort((a, b) => values[a] - values[b]);
  const found = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let i = start; i < end; i++) found[order[i]] = (start + end + 1) / 2;
    start = end;
  }
  return found;
}

/** Spearman's ρ, with mean ranks for ties; NaN where `pearson` is. */
export const spearman = (x: Column, y: Column): number => pearson(ranks(x), ranks(y));

/**
 * r of x and y given the controls: of what a linear fit on the controls leaves of each.
 * @param controls [points][controls]
 * @returns NaN where the controls determine a column, or there are too few points
 */
export function partialCorrelation(x: Column, y: Column, controls: readonly (readonly number[])[]): number {
  const residuals = (values: number[]): number[] | null => {
    const fit = fitLinear(controls, values);
    if (fit === null) return null;
    const left = values.map((value, i) => value - fit.predict(controls[i]));
    const total = pearson(
      values,
      values.map((value, i) => value - left[i]),
    );
    // what is left of a column that the controls determine is rounding
    return Math.abs(total) > 1 - NO_SPREAD ? null : left;
  };
  const [left, right] = [residuals(Array.from(x)), residuals(Array.from(y))];
  return left === null || right === null ? Number.NaN : pearson(left, right);
}

/** Normal deviates: 97.5 % of the mass lies below the first, 80 % below the second. */
const Z_TWO_SIDED_95 = 1.959963984540054;
const Z_80 = 0.8416212335729143;

/**
 * Power by Fisher's z with `points` independent points and `controls` columns held fixed.
 * @returns `told`: the smallest |r| whose 95 % interval excludes zero; `found`: the true |r| that four studies of five of
 *   this size would tell from zero. Null where there are too few points.
 */
export function power(points: number, controls = 0): { told: number; found: number } | null {
  const free = points - 3 - controls;
  if (free < 1) return null;
  return {
    told: Math.tanh(Z_TWO_SIDED_95 / Math.sqrt(free)),
    found: Math.tanh((Z_TWO_SIDED_95 + Z_80) / Math.sqrt(free)),
  };
}

const RESAMPLES = 2000;
/** A resample on which a statistic is not defined (one family drawn again and again) is drawn anew, so many times. */
const REDRAWS = 50;

/**
 * 95 % percentile interval of any statistic by resampling whole families with replacement.
 * @param families [points] the family of every point
 * @param statistic of the chosen points, by their indices (with repeats); NaN where it is not defined
 * @returns the ends are null where the statistic stays undefined in resample after resample
 */
export function familyBootstrap(
  families: readonly string[],
  statistic: (points: readonly number[]) => number,
  options: BootstrapOptions,
): Estimate {
  const members = [...groupBy(families.keys(), (point) => families[point]).values()];
  const samples = new Float64Array(options.resamples ?? RESAMPLES);
  for (let r = 0; r < samples.length; r++) {
    const stream = random(options.seed, "family-bootstrap", members.length, r);
    samples[r] = Number.NaN;
    for (let draw = 0; draw < REDRAWS && Number.isNaN(samples[r]); draw++) {
      samples[r] = statistic(members.flatMap(() => members[stream.below(members.length)]));
    }
    if (Number.isNaN(samples[r])) break;
  }
  return percentileInterval(statistic([...families.keys()]), samples);
}
