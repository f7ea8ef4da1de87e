/**
 * Percentile bootstrap of many figures at once over sampling units in strata: each resample draws of every stratum as many
 * units as it has, with replacement, and all figures are taken of the same draw (METHODS §0). For figures whose units were
 * chosen by stratum, such as facts by the number of their exposures.
 *
 * Memory: 8·resamples bytes a figure. Time: resamples times a draw a unit and the figures.
 */
import { type BootstrapOptions, type Estimate, percentileInterval } from "./bootstrap.ts";
import { groupBy } from "./groups.ts";
import { random } from "./random.ts";

/** unless told otherwise */
export const STRATIFIED_RESAMPLES = 2000;

/**
 * @param strata [units] the stratum of every unit
 * @param figures of units that count so many times, [units] → [figures]; NaN for one that is not defined
 */
export function stratifiedBootstrap(
  strata: readonly unknown[],
  figures: (times: Float64Array) => readonly number[],
  options: BootstrapOptions,
): Estimate[] {
  const resamples = options.resamples ?? STRATIFIED_RESAMPLES;
  const members = [...groupBy(strata.keys(), (unit) => strata[unit]).values()];
  const times = new Float64Array(strata.length).fill(1);
  const values = figures(times);
  const samples = values.map(() => new Float64Array(resamples));
  for (let r = 0; r < resamples; r++) {
    const stream = random(options.seed, "stratified-bootstrap", strata.length, r);
    times.fill(0);
    for (const units of members) for (const _ of units) times[units[stream.below(units.length)]]++;
    figures(times).forEach((value, index) => {
      samples[index][r] = value;
    });
  }
  return values.map((value, index) => percentileInterval(value, samples[index]));
}
