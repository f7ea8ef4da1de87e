/**
 * Scores of a measured model, foreseen from a calibration set (METHODS §10): the fit's value with a 90 % interval by
 * jackknife+ that leaves out whole families, beside what such intervals held on families held out. Where the model lies
 * outside what the set has seen, or its figures are of another text, it says so and predicts nothing unless told to.
 */
import { counted } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { groupsNeeded, jackknifePlus, widestResidual } from "../numeric/regression.ts";
import type { Profile } from "../profile/profile.ts";
import { figureAt } from "../profile/read.ts";
import {
  ALPHA,
  type AreaFit,
  chosenPredictors,
  type FitOptions,
  fitArea,
  leaveFamiliesOut,
  linearOf,
  pointsOf,
  scaled,
} from "./fit.ts";
import { type CalibrationSet, isOfPairs } from "./sets.ts";

export interface Predicted {
  readonly kind: "predicted";
  readonly area: string;
  readonly score: number;
  /** 90 %; null where there are too few families to claim one */
  readonly interval: { readonly low: number; readonly high: number } | null;
  /** largest error on a model of a family the fit had not seen */
  readonly widestResidual: number;
  /** models and families the prediction rests on */
  readonly models: number;
  readonly families: number;
  /** the family left out because the model is one of it */
  readonly leftOut: string | null;
  /** why it would not be predicted without being told to */
  readonly extrapolated: readonly string[];
}

export interface Refused {
  readonly kind: "refused";
  readonly area: string;
  readonly reasons: readonly string[];
}

export type Prediction = Predicted | Refused;

export interface ModelPredictions {
  readonly model: string;
  readonly predictions: readonly Prediction[];
}

export interface Predictions {
  readonly set: string;
  readonly level: number;
  /** lower bound on the coverage that jackknife+ guarantees */
  readonly guarantee: number;
  readonly fits: readonly AreaFit[];
  readonly models: readonly ModelPredictions[];
}

/** The model's values of the predictors on the fit's scale, and what keeps them from being used. */
function valuesOf(
  profile: Profile,
  set: CalibrationSet,
  area: string,
  predictors: readonly string[],
): { x: number[] | null; missing: string[]; foreign: string[] } {
  const missing: string[] = [];
  const x = predictors.map((name) => {
    const { figure, about } = set.predictors[name];
    const found = figure === null ? { kind: "absent" as const, why: `${name}: ${about}` } : figureAt(profile, figure);
    if (found.kind === "figure") return scaled(set, name, found.figure.value);
    missing.push(found.why);
    return Number.NaN;
  });
  const ofPairs = predictors.some((predictor) => isOfPairs(set.predictors[predictor]));
  const { digest, name } = profile.corpus;
  const ofText = predictors.some((predictor) => set.predictors[predictor].ofText);
  const wanted = set.text?.name ?? set.areas[area].text ?? "another text";
  const kind = profile.precision?.kind ?? "exact";
  return {
    x: missing.length === 0 ? x : null,
    missing,
    foreign: [
      ...(ofText && digest !== set.text?.digest ? [`measured on ${name}, the set is of ${wanted}`] : []),
      ...(ofText && kind !== "exact" ? [`computed with --precision ${kind}, the set exactly`] : []),
      ...(ofPairs && profile.preference && profile.preference.source.digest !== set.pairs?.digest
        ? [`asked the pairs ${profile.preference.source.name}, the set is of ${set.pairs?.name ?? "others"}`]
        : []),
    ],
  };
}

export interface PredictOptions extends FitOptions {
  readonly areas?: readonly string[];
  readonly extrapolate: boolean;
}

/**
 * Foresees scores of benchmarks from profiles and a calibration set.
 * @throws LossyscopeError `usage` for areas or predictors the set has not, `input` where its models determine no fit
 */
export function predict(set: CalibrationSet, profiles: readonly Profile[], options: PredictOptions): Predictions {
  const predictors = chosenPredictors(set, options.predictors);
  const ridge = options.ridge ?? set.ridge;
  const fits = (options.areas ?? Object.keys(set.areas)).map((area) =>
    fitArea(set, area, { ...options, fittedOnly: true }),
  );
  const predictOne = (profile: Profile, { area, predictors: ranges }: AreaFit): Prediction => {
    const { x, missing, foreign } = valuesOf(profile, set, area, predictors);
    if (x === null) return { kind: "refused", area, reasons: missing };
    const outside = ranges.flatMap(({ name, low, high }, j) =>
      x[j] < low || x[j] > high
        ? [`${name} ${at(set, name, x[j])} is outside the set's ${at(set, name, low)} to ${at(set, name, high)}`]
        : [],
    );
    const doubts = [...foreign, ...outside];
    if (doubts.length > 0 && !options.extrapolate) return { kind: "refused", area, reasons: doubts };
    const leftOut = set.rows.find(({ model }) => model === profile.model.name)?.family ?? null;
    const points = pointsOf(set, area, predictors).filter(({ row }) => row.family !== leftOut);
    const fit = linearOf(points, set.name, area, predictors, ridge);
    const without = leaveFamiliesOut(points, ridge);
    if (without === null) {
      return { kind: "refused", area, reasons: ["the set's families do not determine a fit without each other"] };
    }
    return {
      kind: "predicted",
      area,
      score: fit.predict(x),
      interval: without.length >= groupsNeeded(ALPHA) ? jackknifePlus(without, x, ALPHA) : null,
      widestResidual: widestResidual(without),
      models: points.length,
      families: without.length,
      leftOut,
      extrapolated: doubts,
    };
  };
  if (profiles.length === 0) throw new LossyscopeError("usage", "no profile is given", "name one or more");
  return {
    set: set.name,
    level: 1 - ALPHA,
    guarantee: 1 - 2 * ALPHA,
    fits,
    models: profiles.map((profile) => ({
      model: profile.model.name,
      predictions: fits.map((fit) => predictOne(profile, fit)),
    })),
  };
}

/** Whether a set predicts any of its areas for a model without extrapolating. */
export function isForeseenBy(set: CalibrationSet, profile: Profile): boolean {
  return Object.keys(set.areas).some((area) => {
    const { x, foreign } = valuesOf(profile, set, area, set.fit);
    const points = pointsOf(set, area, set.fit);
    const inside = (value: number, j: number): boolean =>
      value >= Math.min(...points.map((one) => one.x[j])) && value <= Math.max(...points.map((one) => one.x[j]));
    return x !== null && foreign.length === 0 && points.length >= set.fit.length + 2 && x.every(inside);
  });
}

/**
 * Why nothing at all is foreseen, of any model in any area.
 * @returns the reasons that are met first, and how many others there are; null where something is predicted
 */
export function nothingForeseen({ models }: Predictions): string | null {
  const all = models.flatMap(({ predictions }) => predictions);
  if (all.some(({ kind }) => kind === "predicted")) return null;
  const reasons = new Set(all.map((one) => (one.kind === "refused" ? one.reasons.join(", ") : "")));
  const [first, ...others] = reasons;
  return others.length === 0 ? first : `${first}; ${counted(others.length, "other reason")} in other areas`;
}

/** A value of the fit's scale as published. */
function at(set: CalibrationSet, predictor: string, value: number): string {
  return String(Number((set.predictors[predictor].scale === "ln" ? Math.exp(value) : value).toPrecision(4)));
}
