/** What is read off profiles in one call: `atlas/` with everything that a program need not say filled in. */
import { type Choice, choose as chosen, type Facts } from "../atlas/choose.ts";
import { type CompareOptions, type Comparison, compare as compared } from "../atlas/compare.ts";
import { type Bound, type Check, gate as held, parseThreshold } from "../atlas/gate.ts";
import type { Constraints } from "../atlas/limits.ts";
import { type Predictions, type PredictOptions, predict as predicted } from "../atlas/predict.ts";
import type { CalibrationSet } from "../atlas/sets.ts";
import { requireDistinct } from "../atlas/text.ts";
import { knownLicence } from "../models/ledger-known.ts";
import { defaultAtlas, loadSet } from "../store/sets.ts";
import { type GivenProfile, named } from "./given.ts";

/**
 * Compares models on one text with the first one, paired: which needs fewer bits, and where (METHODS §12).
 * @param profiles the baseline, then one or more others
 * @param options seed 0, and the same documents required of all, where they say nothing
 * @throws LossyscopeError `usage` for fewer than two, `input` for profiles of different texts or without code lengths
 */
export const compare = (profiles: readonly GivenProfile[], options: Partial<CompareOptions> = {}): Comparison =>
  compared(profiles.map(named), { seed: options.seed ?? 0, common: options.common ?? false });

export interface GateOptions extends Partial<Readonly<Record<Bound, readonly string[]>>> {
  /** that changes are against */
  readonly baseline?: GivenProfile;
  /** of the resampling; 0 where not given */
  readonly seed?: number;
}

/**
 * Holds figures of a profile against thresholds: `coding.overall.bitsPerByte=3.2`, or against the baseline `…=+0.02`, `…=+1%`.
 * @returns a check for each of `max`, then of `min`; one whose outcome is `missed` lies beyond it by more than its error bar
 * @throws LossyscopeError `usage` for a threshold that is none or a change without a baseline, `input` for a figure that is
 * missing or a baseline of another text
 */
export function gate(profile: GivenProfile, { max = [], min = [], baseline, seed = 0 }: GateOptions): Check[] {
  const thresholds = [...max.map((one) => parseThreshold(one, "max")), ...min.map((one) => parseThreshold(one, "min"))];
  return held(named(profile), baseline === undefined ? null : named(baseline), thresholds, seed);
}

export interface ForeseeOptions extends Partial<PredictOptions> {
  /** a calibration set, by its name or as `loadSet` of `lossyscope/store` gives it */
  readonly set: string | CalibrationSet;
  /** folder of the user's own sets */
  readonly atlas?: string;
}

/**
 * Foresees scores of benchmarks from profiles and a calibration set, with 90 % intervals from families left out (METHODS §10).
 * @param profiles one a model
 * @throws LossyscopeError `usage` for a set, areas or predictors that are not there; `input` for a model twice
 */
export async function predict(
  profiles: readonly GivenProfile[],
  { set, atlas, seed = 0, extrapolate = false, ...how }: ForeseeOptions,
): Promise<Predictions> {
  const given = profiles.map(named);
  requireDistinct(given);
  const loaded = typeof set === "string" ? await loadSet(set, atlas ?? defaultAtlas(process.env)) : set;
  return predicted(
    loaded,
    given.map(({ profile }) => profile),
    { ...how, seed, extrapolate },
  );
}

export interface ChooseOptions extends Constraints {
  /** what profiles do not know: price for a million tokens, licence, speed, by model */
  readonly facts?: readonly (Pick<Facts, "model"> & Partial<Facts>)[];
  /** of the resampling; 0 where not given */
  readonly seed?: number;
}

/**
 * Chooses among models measured on one text: within constraints, what is dominated, what is the frontier (METHODS §11).
 * @param profiles one a model
 * @throws LossyscopeError `input` for different texts, a model twice, facts of a model that is no candidate
 */
export function choose(profiles: readonly GivenProfile[], options: ChooseOptions = {}): Choice {
  const { facts = [], seed = 0, ...constraints } = options;
  const known = facts.map((one): Facts => ({ price: null, licence: null, tokensPerSecond: null, ...one }));
  return chosen(profiles.map(named), known, constraints, seed, knownLicence);
}
