/**
 * The phase change of a training run (METHODS §2.8): the step at which held-out complexity is largest, how far it falls from
 * there to the last step, and whether either could be chance. Every resample draws the same units for all steps, so that what
 * makes a text easy or hard at every step cancels. Which checkpoints are one run is the caller's to know.
 *
 * Memory: 8·2000 bytes a step, and its sums per unit.
 */
import { bootstrapSums, type Estimate, percentileInterval } from "../numeric/bootstrap.ts";
import type { Need } from "../numeric/needs.ts";
import { sum } from "../numeric/sums.ts";
import type { Resampling } from "./informations.ts";

export interface PhaseChange {
  /** place of the step with the largest complexity, the first of equals */
  readonly at: number;
  /** first and last place that the resamples leave to it; null: no interval */
  readonly places: readonly [number, number] | null;
  /** complexity there less complexity at the last step, in the unit of the sums a position */
  readonly fall: Estimate;
  /** whether a phase change is claimed */
  readonly found: boolean;
}

/**
 * The step is chosen for its height, and the highest of many that differ by chance alone is high by chance: the interval of
 * its fall is that of the falls of all steps together, each as far from its own value as the furthest of them lies.
 * @param positions per evaluated unit; some unit has one
 * @param complexity by step, in order: per evaluated unit the sum over its positions
 */
export function phaseChange(
  positions: Float64Array,
  complexity: readonly Float64Array[],
  { seed, intervals }: Resampling,
): PhaseChange {
  const last = complexity.length - 1;
  const total = sum(positions);
  const means = complexity.map((sums) => sum(sums) / total);
  const at = largest(means);
  const value = means[at] - means[last];
  if (!intervals || last === 0) return { at, places: null, fall: { value, low: null, high: null }, found: false };

  const [denominators, ...numerators] = bootstrapSums([positions, ...complexity], { seed });
  const peaks = new Float64Array(denominators.length);
  const most = new Float64Array(denominators.length);
  const least = new Float64Array(denominators.length);
  for (const [r, denominator] of denominators.entries()) {
    const drawn = numerators.map((sums) => sums[r] / denominator);
    peaks[r] = largest(drawn);
    const strayed = means.slice(0, last).map((mean, step) => drawn[step] - drawn[last] - (mean - means[last]));
    most[r] = Math.max(...strayed);
    least[r] = Math.min(...strayed);
  }
  const low = value - percentileInterval(0, most).high!;
  const high = value - percentileInterval(0, least).low!;
  const between = percentileInterval(at, peaks);
  // between two steps there is none: the ends go outward
  const places = [Math.floor(between.low!), Math.ceil(between.high!)] as const;
  return { at, places, fall: { value, low, high }, found: low > 0 && places[0] > 0 && places[1] < last };
}

/** Steps that a change inside a run takes: one before it and one after it. */
const FEWEST_STEPS = 3;

/** What a phase change takes of a run. */
export const phaseChangeNeed = (steps: number): Need => ({
  figure: "phaseChange",
  have: steps,
  needs: FEWEST_STEPS,
  bound: "least",
  unit: "checkpoint",
  reason: "a change inside a run takes three checkpoints",
  remedy: { kind: "said", text: `${FEWEST_STEPS - steps} more checkpoint${FEWEST_STEPS - steps === 1 ? "" : "s"}` },
});

/** Place of the largest value, the first of equals. */
function largest(values: readonly number[]): number {
  let at = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[at]) at = i;
  return at;
}
