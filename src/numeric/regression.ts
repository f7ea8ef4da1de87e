/**
 * A score as a linear function of a few predictors (METHODS §10): least squares, or ridge with its penalty on the
 * standardised predictors, and what it is worth on points it has not seen: the errors of fits that leave out one point or
 * one whole group, and intervals by jackknife+ over groups.
 *
 * jackknife+ (Barber, Candès, Ramdas & Tibshirani 2021) with groups left out whole and every group of one weight (Lee,
 * Barber & Willett 2023 for hierarchical data): what is exchangeable is the family, not the model. With K groups each
 * residual of group g weighs 1/((K+1)·n_g), and 1/(K+1) lies at infinity.
 */
import { groupBy } from "./groups.ts";
import { mean, sum } from "./sums.ts";

type Row = readonly number[];

export interface LinearFit {
  readonly intercept: number;
  /** [predictors] change of the score by one unit of the predictor */
  readonly slopes: readonly number[];
  predict(x: Row): number;
}

/** A pivot below this share of its column's size says that the predictors before it determine the column. */
const SINGULAR = 1e-10;

/** Solves A·x = b for a symmetric positive semidefinite A by Cholesky; null where A is singular. */
function solve(a: readonly Float64Array[], b: Float64Array): number[] | null {
  const p = b.length;
  const lower = a.map((row) => row.slice());
  for (let j = 0; j < p; j++) {
    for (let k = 0; k < j; k++) lower[j][j] -= lower[j][k] ** 2;
    if (!(lower[j][j] > SINGULAR * a[j][j])) return null;
    lower[j][j] = Math.sqrt(lower[j][j]);
    for (let i = j + 1; i < p; i++) {
      for (let k = 0; k < j; k++) lower[i][j] -= lower[i][k] * lower[j][k];
      lower[i][j] /= lower[j][j];
    }
  }
  const x = Array.from(b);
  for (let i = 0; i < p; i++) {
    for (let k = 0; k < i; k++) x[i] -= lower[i][k] * x[k];
    x[i] /= lower[i][i];
  }
  for (let i = p - 1; i >= 0; i--) {
    for (let k = i + 1; k < p; k++) x[i] -= lower[k][i] * x[k];
    x[i] /= lower[i][i];
  }
  return x;
}

/**
 * @param x [points][predictors]
 * @param y [points]
 * @param ridge penalty on the squares of the standardised slopes, for each point; 0: least squares
 * @returns null where the points do not determine the fit: too few of them, or predictors that determine each other
 */
export function fitLinear(x: readonly Row[], y: Row, ridge = 0): LinearFit | null {
  const n = y.length;
  const p = x[0]?.length ?? 0;
  if (n < p + 1 || n === 0) return null;
  const middle = mean(y);
  const centres = Array.from({ length: p }, (_, j) => mean(x.map((row) => row[j])));
  const scales = centres.map((centre, j) => Math.sqrt(mean(x.map((row) => (row[j] - centre) ** 2))));
  if (scales.some((scale, j) => !(scale > SINGULAR * Math.abs(centres[j])))) return null;
  const z = x.map((row) => row.map((value, j) => (value - centres[j]) / scales[j]));
  const gram = centres.map((_, i) =>
    Float64Array.from(centres, (_, j) => sum(z.map((row) => row[i] * row[j])) + (i === j ? ridge * n : 0)),
  );
  const standard = solve(
    gram,
    Float64Array.from(centres, (_, j) => sum(z.map((row, i) => row[j] * (y[i] - middle)))),
  );
  if (standard === null) return null;
  const slopes = standard.map((slope, j) => slope / scales[j]);
  const intercept = middle - sum(slopes.map((slope, j) => slope * centres[j]));
  const predict = (row: Row): number => sum(slopes.map((slope, j) => slope * (row[j] - centres[j]))) + middle;
  return { intercept, slopes, predict };
}

/** √ mean of squares; NaN for no values. */
export const rootMeanSquare = (values: Row): number => Math.sqrt(mean(values.map((value) => value * value)));

/** The fit without one group, and what it errs on that group. */
export interface LeftOut {
  readonly group: string;
  readonly fit: LinearFit;
  /** score less prediction of every point of the group */
  readonly residuals: readonly number[];
}

/**
 * @param groups [points] what is left out together
 * @returns one entry a group; null where some fit is not determined without its group
 */
export function leaveOut(x: readonly Row[], y: Row, groups: readonly string[], ridge = 0): LeftOut[] | null {
  const found: LeftOut[] = [];
  for (const [group, points] of groupBy(y.keys(), (point) => groups[point])) {
    const rest = [...y.keys()].filter((point) => groups[point] !== group);
    const fit = fitLinear(
      rest.map((point) => x[point]),
      rest.map((point) => y[point]),
      ridge,
    );
    if (fit === null) return null;
    found.push({ group, fit, residuals: points.map((point) => y[point] - fit.predict(x[point])) });
  }
  return found;
}

/** Groups that an interval with miscoverage `alpha` needs: ⌈1/α⌉ − 1. */
export const groupsNeeded = (alpha: number): number => Math.ceil(1 / alpha - 1e-9) - 1;

/** Smallest value at which the weights reach 1 − α; infinity where the finite ones do not. */
function weightedQuantile(values: readonly (readonly [value: number, weight: number])[], alpha: number): number {
  let reached = 0;
  for (const [value, weight] of [...values].sort(([a], [b]) => a - b)) {
    reached += weight;
    if (reached >= 1 - alpha - 1e-12) return value;
  }
  return Number.POSITIVE_INFINITY;
}

/**
 * Interval of the score at x by jackknife+ over groups; covers with probability 1 − 2α at least where a new group is
 * exchangeable with those of the fit, and about 1 − α as a rule.
 * @returns infinite ends for fewer than `groupsNeeded(alpha)` groups
 */
export function jackknifePlus(leftOut: readonly LeftOut[], x: Row, alpha: number): { low: number; high: number } {
  const ends = (sign: 1 | -1) =>
    leftOut.flatMap(({ fit, residuals }) =>
      residuals.map(
        (residual) =>
          [sign * fit.predict(x) + Math.abs(residual), 1 / ((leftOut.length + 1) * residuals.length)] as const,
      ),
    );
  return { low: -weightedQuantile(ends(-1), alpha), high: weightedQuantile(ends(1), alpha) };
}

/** Largest residual of a point that the fit had not seen. */
export const widestResidual = (leftOut: readonly LeftOut[]): number =>
  Math.max(...leftOut.flatMap(({ residuals }) => residuals.map(Math.abs)));
