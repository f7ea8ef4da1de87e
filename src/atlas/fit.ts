/**
 * What a calibration set says about one score (METHODS §10): how each predictor goes with it (r, ρ, partial r given ln
 * parameters, within one tokenizer, intervals by resampling families), the fit on the predictors chosen in advance, its
 * errors on models and on families it has not seen, and how small an r the set could tell from zero. Correlation is not
 * cause. Prediction for a new model is `predict.ts`.
 *
 * Time: 2,000 resamples of three statistics a predictor; K² fits of n points for the coverage over K families.
 */

import { counted } from "../numeric/amounts.ts";
import type { Estimate } from "../numeric/bootstrap.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { groupBy } from "../numeric/groups.ts";
import {
  fitLinear,
  groupsNeeded,
  jackknifePlus,
  type LinearFit,
  leaveOut,
  rootMeanSquare,
  widestResidual,
} from "../numeric/regression.ts";
import { familyBootstrap, partialCorrelation, pearson, power, spearman } from "../numeric/statistics.ts";
import { mean } from "../numeric/sums.ts";
import type { CalibrationRow, CalibrationSet } from "./sets.ts";

/** Miscoverage of a prediction interval: 90 %, by jackknife+ at least 80 %. */
export const ALPHA = 0.1;
/** Families under which a resampled interval is not given, and under which it is called thin. */
const FEWEST_FAMILIES = 5;
const THIN_FAMILIES = 10;
/** Points that one tokenizer needs for an r of its own. */
const FEWEST_WITHIN = 3;

/** A model that can take part: every predictor and the score are known, on the scale of the fit. */
export interface Point {
  readonly row: CalibrationRow;
  readonly x: readonly number[];
  readonly y: number;
}

export interface Association {
  readonly predictor: string;
  readonly models: number;
  readonly families: number;
  readonly r: Estimate;
  readonly rho: Estimate;
  /** given ln parameters; null for the parameters themselves and where too few models have them */
  readonly partial: (Estimate & { readonly models: number }) | null;
  /** r with the rows that are excluded from the fit but have the figures, and how many models that makes */
  readonly withExcluded: { readonly models: number; readonly r: number | null };
  /** where more than one tokenizer is named */
  readonly withinTokenizer: readonly {
    readonly tokenizer: string;
    readonly models: number;
    readonly r: number | null;
  }[];
  /** RMS error of this predictor alone on families it has not seen */
  readonly leaveFamilyOut: number | null;
}

export interface Coverage {
  /** of the held-out models, every family of one weight */
  readonly share: number;
  /** what was held against their scores */
  readonly of: "interval" | "widest residual";
}

export interface FittedPoint {
  readonly model: string;
  readonly family: string;
  readonly score: number;
  readonly fitted: number;
  /** null where the other families determine no fit */
  readonly unseen: number | null;
}

export interface AreaFit {
  readonly set: string;
  readonly area: string;
  readonly score: string;
  readonly models: number;
  readonly families: number;
  readonly predictors: readonly {
    readonly name: string;
    readonly slope: number;
    readonly low: number;
    readonly high: number;
  }[];
  readonly intercept: number;
  readonly ridge: number;
  /** r of fitted and true score */
  readonly fittedR: number | null;
  readonly rmse: number;
  readonly leaveOneOut: number | null;
  readonly leaveFamilyOut: number | null;
  /** what the mean of the other families' models would err: the fit has to beat it */
  readonly meanLeaveFamilyOut: number | null;
  readonly coverage: Coverage | null;
  readonly withExcluded: { readonly models: number; readonly fittedR: number | null; readonly rmse: number } | null;
  readonly excluded: readonly { readonly model: string; readonly reason: string }[];
  /** every model of the fit, its score as fitted and as foreseen without its family */
  readonly points: readonly FittedPoint[];
  /** models left out because the score or a predictor is not known */
  readonly incomplete: readonly string[];
  readonly power: { readonly models: ReturnType<typeof power>; readonly families: ReturnType<typeof power> };
  readonly associations: readonly Association[];
  /** why intervals are missing or too narrow; null: neither */
  readonly intervals: string | null;
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** The value of a predictor as it enters the fit. */
export function scaled(set: CalibrationSet, predictor: string, value: number): number {
  return set.predictors[predictor].scale === "ln" ? Math.log(value) : value;
}

/**
 * Rows of an area that have the score and all of these predictors.
 * @param excluded whether rows that are excluded from the fit are taken as well
 */
export function pointsOf(set: CalibrationSet, area: string, predictors: readonly string[], excluded = false): Point[] {
  return set.rows.flatMap((row) => {
    const values = predictors.map((name) => row.predictors[name]);
    if (row.area !== area || row.score === null || (row.excluded !== null && !excluded)) return [];
    if (values.some((value) => value === null)) return [];
    return [{ row, x: values.map((value, j) => scaled(set, predictors[j], value!)), y: row.score }];
  });
}

const families = (points: readonly Point[]): string[] => points.map(({ row }) => row.family);
const matrix = (points: readonly Point[]): (readonly number[])[] => points.map(({ x }) => x);
const scores = (points: readonly Point[]): number[] => points.map(({ y }) => y);

/** Fits that leave out one family each; null where they are not determined. */
export const leaveFamiliesOut = (points: readonly Point[], ridge: number) =>
  new Set(families(points)).size < 2 ? null : leaveOut(matrix(points), scores(points), families(points), ridge);

/** RMS of the residuals of models whose family (or own row) the fit had not seen, every model of one weight. */
function unseenError(points: readonly Point[], groups: readonly string[], ridge: number): number | null {
  const found = new Set(groups).size < 2 ? null : leaveOut(matrix(points), scores(points), groups, ridge);
  return found && rootMeanSquare(found.flatMap(({ residuals }) => residuals));
}

/**
 * Share of models that intervals calibrated without their family hold: each family in turn is held out, the jackknife+
 * is run on the others. With too few families for an interval, the same for prediction ± widest residual.
 */
export function coverageOf(points: readonly Point[], ridge: number): Coverage | null {
  const groups = groupBy(points, ({ row }) => row.family);
  const of = groups.size - 1 >= groupsNeeded(ALPHA) ? "interval" : "widest residual";
  const shares: number[] = [];
  for (const [family, held] of groups) {
    const rest = points.filter(({ row }) => row.family !== family);
    const calibrated = leaveFamiliesOut(rest, ridge);
    const fit = fitLinear(matrix(rest), scores(rest), ridge);
    if (calibrated === null || fit === null) return null;
    const widest = widestResidual(calibrated);
    const holds = ({ x, y }: Point): boolean => {
      if (of === "widest residual") return Math.abs(y - fit.predict(x)) <= widest;
      const { low, high } = jackknifePlus(calibrated, x, ALPHA);
      return low <= y && y <= high;
    };
    shares.push(mean(held.map((point) => Number(holds(point)))));
  }
  return { share: mean(shares), of };
}

function associationOf(set: CalibrationSet, area: string, predictor: string, seed: number): Association | null {
  const points = pointsOf(set, area, [predictor]);
  if (points.length === 0) return null;
  const kinds = new Set(families(points)).size;
  const x = points.map((point) => point.x[0]);
  const y = scores(points);
  const estimate = (chosen: readonly Point[], statistic: (points: readonly Point[]) => number): Estimate => {
    const over = (indices: readonly number[]): number => statistic(indices.map((index) => chosen[index]));
    if (new Set(families(chosen)).size < FEWEST_FAMILIES) {
      return { value: finite(statistic(chosen)), low: null, high: null };
    }
    // r of two models is ±1 whatever they are
    const enough = (indices: readonly number[]): number => (new Set(indices).size < 3 ? Number.NaN : over(indices));
    return familyBootstrap(families(chosen), enough, { seed });
  };
  const column = (chosen: readonly Point[]): number[] => chosen.map((point) => point.x[0]);
  const sized = points.filter(({ row }) => row.parameters !== null);
  const partial = (chosen: readonly Point[]): number =>
    partialCorrelation(
      column(chosen),
      scores(chosen),
      chosen.map(({ row }) => [Math.log(row.parameters!)]),
    );
  const all = pointsOf(set, area, [predictor], true);
  const byTokenizer = groupBy(points, ({ row }) => row.tokenizer);
  return {
    predictor,
    models: points.length,
    families: kinds,
    r: estimate(points, (chosen) => pearson(column(chosen), scores(chosen))),
    rho: estimate(points, (chosen) => spearman(column(chosen), scores(chosen))),
    partial:
      predictor === "parameters" || !Number.isFinite(partial(sized))
        ? null
        : { ...estimate(sized, partial), models: sized.length },
    withExcluded: { models: all.length, r: finite(pearson(column(all), scores(all))) },
    withinTokenizer:
      byTokenizer.size < 2
        ? []
        : [...byTokenizer].flatMap(([tokenizer, chosen]) =>
            tokenizer === null || chosen.length < FEWEST_WITHIN
              ? []
              : [{ tokenizer, models: chosen.length, r: finite(pearson(column(chosen), scores(chosen))) }],
          ),
    leaveFamilyOut: unseenError(
      x.map((value, i) => ({ row: points[i].row, x: [value], y: y[i] })),
      families(points),
      0,
    ),
  };
}

/** The fit of an area, or why there is none. */
export function linearOf(
  points: readonly Point[],
  set: string,
  area: string,
  predictors: readonly string[],
  ridge: number,
): LinearFit {
  const fit = fitLinear(matrix(points), scores(points), ridge);
  const fewest = predictors.length + 2;
  const models = `${set}, area ${area}: ${counted(points.length, "model")}`;
  if (points.length < fewest)
    throw new LossyscopeError(
      "input",
      `${models} with the score and ${predictors.join(", ")}, and a fit needs ${fewest}`,
      `add models to the set, or choose ${predictors.length > 1 ? "fewer" : "other"} predictors (--predictors)`,
    );
  if (fit === null)
    throw new LossyscopeError(
      "input",
      `${models} do not determine a fit on ${predictors.join(", ")}`,
      "choose predictors that differ between models and do not follow from each other (--predictors)",
    );
  return fit;
}

export interface FitOptions {
  readonly seed: number;
  /** instead of those the set fits */
  readonly predictors?: readonly string[];
  /** instead of the set's */
  readonly ridge?: number;
  /** leaves out the predictors that are not in the fit */
  readonly fittedOnly?: boolean;
}

/** Predictors of a fit, each known to the set. */
export function chosenPredictors(set: CalibrationSet, given: readonly string[] | undefined): readonly string[] {
  const chosen = given ?? set.fit;
  const strange = chosen.find((name) => !Object.hasOwn(set.predictors, name));
  if (strange !== undefined) {
    throw new LossyscopeError(
      "usage",
      `set ${set.name} has no predictor ${strange}`,
      `choose from ${Object.keys(set.predictors).join(", ")}`,
    );
  }
  return chosen;
}

/**
 * The fit of one area of a set and what stands beside it.
 * @throws LossyscopeError `usage` for an area or predictor the set has not, `input` where its models determine no fit
 */
export function fitArea(set: CalibrationSet, area: string, options: FitOptions): AreaFit {
  if (!Object.hasOwn(set.areas, area)) {
    throw new LossyscopeError(
      "usage",
      `set ${set.name} has no area ${area}`,
      `choose from ${Object.keys(set.areas).join(", ")}`,
    );
  }
  const predictors = chosenPredictors(set, options.predictors);
  const ridge = options.ridge ?? set.ridge;
  const points = pointsOf(set, area, predictors);
  const fit = linearOf(points, set.name, area, predictors, ridge);
  const kinds = new Set(families(points)).size;
  const without = leaveFamiliesOut(points, ridge);
  const error = (chosen: readonly Point[], of: LinearFit): number =>
    rootMeanSquare(chosen.map(({ x, y }) => y - of.predict(x)));
  const fittedR = (chosen: readonly Point[], of: LinearFit): number | null =>
    finite(
      pearson(
        chosen.map(({ x }) => of.predict(x)),
        scores(chosen),
      ),
    );

  const all = pointsOf(set, area, predictors, true);
  const allFit = all.length > points.length ? fitLinear(matrix(all), scores(all), ridge) : null;
  const rows = set.rows.filter((row) => row.area === area);
  const taking = new Set(all.map(({ row }) => row.model));
  const others = Object.keys(set.predictors).filter((name) => !options.fittedOnly && !predictors.includes(name));
  const associations = [...predictors, ...others].flatMap((name) => associationOf(set, area, name, options.seed) ?? []);
  return {
    set: set.name,
    area,
    score: set.areas[area].score,
    models: points.length,
    families: kinds,
    predictors: predictors.map((name, j) => {
      const column = points.map(({ x }) => x[j]);
      return { name, slope: fit.slopes[j], low: Math.min(...column), high: Math.max(...column) };
    }),
    intercept: fit.intercept,
    ridge,
    fittedR: fittedR(points, fit),
    rmse: error(points, fit),
    leaveOneOut: unseenError(points, [...points.keys()].map(String), ridge),
    leaveFamilyOut: without && rootMeanSquare(without.flatMap(({ residuals }) => residuals)),
    meanLeaveFamilyOut: unseenError(
      points.map((point) => ({ ...point, x: [] })),
      families(points),
      ridge,
    ),
    coverage: coverageOf(points, ridge),
    withExcluded: allFit && { models: all.length, fittedR: fittedR(all, allFit), rmse: error(all, allFit) },
    excluded: rows.flatMap(({ model, excluded }) => (excluded === null ? [] : [{ model, reason: excluded }])),
    incomplete: rows.filter(({ model, excluded }) => excluded === null && !taking.has(model)).map(({ model }) => model),
    power: { models: power(points.length), families: power(kinds) },
    points: points.map(({ row, x, y }) => ({
      model: row.model,
      family: row.family,
      score: y,
      fitted: fit.predict(x),
      unseen: without?.find(({ group }) => group === row.family)?.fit.predict(x) ?? null,
    })),
    associations,
    intervals:
      kinds < FEWEST_FAMILIES
        ? `${kinds} ${kinds === 1 ? "family" : "families"}; an interval needs ${FEWEST_FAMILIES}`
        : kinds < THIN_FAMILIES
          ? `${kinds} families: the intervals fall short of their level`
          : null,
  };
}
