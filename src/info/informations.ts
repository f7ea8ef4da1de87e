/**
 * From the sums of a layer to its informations, as shares of ln m: plug-in (METHODS §2.3), held out with its κ and its
 * interval (§2.4), corrected for chance (§2.5), and the ratio of two held-out ones (optimality).
 */
import { bootstrapSums, type Estimate, percentileInterval } from "../numeric/bootstrap.ts";
import { sum } from "../numeric/sums.ts";
import { expectedInformation } from "./chance.ts";
import { KAPPAS, type LayerSums, type Population, type TreeSums } from "./layer.ts";

/** Under this room between chance and ceiling (share of ln m) the adjusted information is not given. */
const LEAST_ROOM = 0.02;
/** Held-out and plug-in complexity further apart than this share of the plug-in: optimality is drawn hollow. */
const HOLLOW = 1 / 5;

/** One mutual information between a label and a layer; shares of ln m. */
export interface Information {
  readonly heldOut: Estimate;
  readonly plugin: number;
  readonly null: number;
  readonly excess: number;
  readonly adjusted: number | null;
  /** κ for the odd and for the even evaluated units, a null for infinity; null as a whole where nothing is held out */
  readonly kappa: [number | null, number | null] | null;
  readonly shift: number | null;
}

export interface Optimality {
  readonly heldOut: Estimate;
  readonly plugin: number | null;
  readonly hollow: boolean;
}

/** An information with what ratios, means over layers and differences need of it. */
export interface MeasuredInformation {
  readonly information: Information;
  /** [evaluated units] Σ over the unit's positions of the gain in nats, each half with its κ; empty: nothing held out */
  readonly gains: Float64Array;
  /** [resamples] of the held-out value, shares of ln m; null: no interval */
  readonly samples: Float64Array | null;
}

export interface LayerInformations {
  /** H(Z), mean H(p) and their difference, shares of ln m */
  readonly entropy: number;
  readonly tokenEntropy: number;
  readonly ceiling: number;
  /** by tree, by order */
  readonly trees: readonly (readonly MeasuredInformation[])[];
}

export interface Resampling {
  readonly seed: number;
  /** whether something is held out and there are units enough for intervals (METHODS §0, Unit) */
  readonly intervals: boolean;
}

/** Positions of every evaluated unit: the denominator of every held-out figure. */
export function evaluatedPositions({ rows, place, evaluatedUnits }: Population): Float64Array {
  const positions = new Float64Array(evaluatedUnits);
  for (const row of rows) if (place[row] >= 0) positions[place[row]]++;
  return positions;
}

/** What a layer knows of its labels: held out, plug-in, and by chance. */
export function layerInformations(
  sums: LayerSums,
  population: Population,
  m: number,
  options: Resampling,
): LayerInformations {
  const lnM = Math.log(m);
  const ceiling = sums.entropy - sums.tokenEntropy;
  const units = evaluatedPositions(population);
  const choices = sums.trees.map((tree, t) =>
    population.trees[t].counts.map((_, level) => chooseBackOff(tree, population.evaluatedUnits, level)),
  );
  const columns = choices.flat().map((choice) => choice.gains);
  const [denominators, ...numerators] = options.intervals ? bootstrapSums([units, ...columns], options) : [];

  let next = 0;
  const trees = choices.map((levels, t) =>
    levels.map(({ kappa, gains }, level): MeasuredInformation => {
      const drawn = numerators[next++];
      const samples = drawn ? drawn.map((value, r) => value / denominators[r] / lnM) : null;
      const plugin = sums.entropy - sums.trees[t].conditional[level];
      const chance = population.chance
        ? expectedInformation(
            population.trees[t].counts[level],
            population.rows.length,
            ceiling,
            population.chance.sizes,
            sums.chance,
          )
        : Number.NaN;
      const room = ceiling - chance;
      const value = kappa ? sum(gains) / sum(units) / lnM : Number.NaN;
      return {
        gains,
        samples,
        information: {
          heldOut: intervalOf(value, samples),
          plugin: plugin / lnM,
          null: chance / lnM,
          excess: (plugin - chance) / lnM,
          adjusted: room / lnM < LEAST_ROOM ? null : (plugin - chance) / room,
          kappa,
          shift: kappa ? sums.shift / lnM : null,
        },
      };
    }),
  );
  return { entropy: sums.entropy / lnM, tokenEntropy: sums.tokenEntropy / lnM, ceiling: ceiling / lnM, trees };
}

/** A value without interval where there are no samples, null where it is not defined. */
export function intervalOf(value: number, samples: Float64Array | null): Estimate {
  return percentileInterval(value, samples ?? new Float64Array(0));
}

/**
 * Held-out figure of one order: κ of each half is the one that gains most on the other half; a tie goes to the larger.
 * @returns per evaluated unit the gain under the κ chosen for it; the even units' κ last
 */
function chooseBackOff(
  { gains }: TreeSums,
  units: number,
  level: number,
): { kappa: [number | null, number | null] | null; gains: Float64Array } {
  if (units === 0) return { kappa: null, gains: new Float64Array(0) };
  const levels = gains.length / (units * KAPPAS.length);
  const at = (unit: number, k: number): number => gains[(unit * levels + level) * KAPPAS.length + k];
  /** index of the best κ on the units of one parity; −1: infinity, which gains nothing and loses nothing */
  const best = (parity: number): number => {
    let chosen = -1;
    let most = 0;
    for (let k = KAPPAS.length - 1; k >= 0; k--) {
      let total = 0;
      for (let unit = parity; unit < units; unit += 2) total += at(unit, k);
      if (total > most) {
        most = total;
        chosen = k;
      }
    }
    return chosen;
  };
  const forOdd = best(0);
  const forEven = best(1);
  const chosen = Float64Array.from({ length: units }, (_, unit) => {
    const k = unit % 2 === 0 ? forEven : forOdd;
    return k < 0 ? 0 : at(unit, k);
  });
  return { kappa: [KAPPAS[forOdd] ?? null, KAPPAS[forEven] ?? null], gains: chosen };
}

/** Expressivity over complexity; undefined, as a figure or in a resample, where the complexity is not positive. */
export function optimality(complexity: MeasuredInformation, expressivity: MeasuredInformation): Optimality {
  const above = expressivity.information;
  const below = complexity.information;
  return {
    heldOut: ratio(above.heldOut.value, below.heldOut.value, expressivity.samples, complexity.samples),
    plugin: below.plugin > 0 ? above.plugin / below.plugin : null,
    hollow:
      below.heldOut.value !== null && Math.abs(below.plugin - below.heldOut.value) > HOLLOW * Math.abs(below.plugin),
  };
}

function ratio(
  above: number | null,
  below: number | null,
  aboveSamples: Float64Array | null,
  belowSamples: Float64Array | null,
): Estimate {
  const divide = (a: number, b: number): number => (b > 0 ? a / b : Number.NaN);
  const samples = aboveSamples && belowSamples && aboveSamples.map((value, r) => divide(value, belowSamples[r]));
  return intervalOf(divide(above ?? Number.NaN, below ?? Number.NaN), samples);
}

/**
 * @param layers gains per evaluated unit, one array a layer
 * @returns per evaluated unit Σ over its positions of their mean over layers, as a share of ln m
 */
export function sumsOverLayers(units: number, layers: readonly Float64Array[], m: number): Float64Array {
  const scale = layers.length * Math.log(m);
  return Float64Array.from({ length: units }, (_, unit) => sum(layers.map((layer) => layer[unit])) / scale);
}

/** Mean over layers of one held-out information, from the sums per unit and the positions per unit. */
export interface MeanOverLayers {
  readonly complexity: Estimate;
  readonly expressivity: Estimate;
  readonly optimality: Estimate;
}

/**
 * Means over layers of the held-out complexity and expressivity, and the ratio of the two means (METHODS §2.3).
 * @param positions per evaluated unit
 * @param complexity,expressivity gains per evaluated unit, one array a layer
 */
export function meanOverLayers(
  positions: Float64Array,
  complexity: readonly Float64Array[],
  expressivity: readonly Float64Array[],
  m: number,
  options: Resampling,
): MeanOverLayers {
  const columns = [complexity, expressivity].map((layers) => sumsOverLayers(positions.length, layers, m));
  const values = columns.map((column) => (positions.length > 0 ? sum(column) / sum(positions) : Number.NaN));
  const [denominators, ...numerators] = options.intervals ? bootstrapSums([positions, ...columns], options) : [];
  const samples = values.map((_, c) =>
    denominators ? numerators[c].map((value, r) => value / denominators[r]) : null,
  );
  return {
    complexity: intervalOf(values[0], samples[0]),
    expressivity: intervalOf(values[1], samples[1]),
    optimality: ratio(values[1], values[0], samples[1], samples[0]),
  };
}
