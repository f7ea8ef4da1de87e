/**
 * Which of a set's predictors foresees a score best (METHODS §10): each alone, all on the models of the set's fit, by its error
 * on families that the fit has not seen, and how far that error lies from the reference's. Intervals resample models inside
 * their families, every predictor on the same resamples: they tell what other models of these families would have shown.
 * What another family would show, only the errors on families left out can hint at; `fit.ts` resamples families.
 *
 * Time: 2,000 resamples of n models for every predictor.
 */
import { type Estimate, percentileInterval, RESAMPLES } from "../numeric/bootstrap.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { groupBy } from "../numeric/groups.ts";
import { random } from "../numeric/random.ts";
import { leaveOut, rootMeanSquare } from "../numeric/regression.ts";
import { pearson, spearman } from "../numeric/statistics.ts";
import { mean, sum } from "../numeric/sums.ts";
import { type Point, pointsOf } from "./fit.ts";
import type { CalibrationSet } from "./sets.ts";

export interface Rival {
  readonly predictor: string;
  readonly r: Estimate;
  readonly rho: Estimate;
  /** r given ln parameters; null for the parameters themselves and where they are not known of every model */
  readonly partial: Estimate | null;
  /** r among the models of each family; null where it is not defined */
  readonly within: Readonly<Record<string, number | null>>;
  /** RMS error on models whose family the fit had not seen */
  readonly error: Estimate;
  /** the same by the family that was left out */
  readonly errorOn: Readonly<Record<string, number | null>>;
  /** its error less the reference's, on the same resamples; null for the reference */
  readonly difference: Estimate | null;
}

export interface Rivalry {
  readonly area: string;
  readonly models: number;
  /** and how many models each has */
  readonly families: Readonly<Record<string, number>>;
  /** what the others are compared with: the first predictor of the set's fit */
  readonly reference: string;
  /** by rising error */
  readonly rivals: readonly Rival[];
  /** what each model scored, and its values of the predictors in the order of the rivals */
  readonly points: readonly {
    readonly model: string;
    readonly family: string;
    readonly score: number;
    readonly values: readonly number[];
  }[];
  /** of guessing the mean of the other families' models */
  readonly meanError: number;
  /** predictors that some model of the set's fit has no value of */
  readonly leftOut: readonly string[];
}

/** x that varies less than this share of its size is rounding. */
const NO_SPREAD = 1e-12;

/**
 * Squares of what a line fitted to the other families errs on each family, from sums over families.
 * @param families [points], numbered from 0
 * @param count families in all
 * @returns [families]; NaN where the others determine no line
 */
export function squaresOnUnseen(x: Float64Array, y: Float64Array, families: Int32Array, count: number): Float64Array {
  const [mx, my] = [mean(x), mean(y)];
  // n, Σx, Σy, Σx², Σxy, less the means over all; the last one over all families
  const sums = Array.from({ length: count + 1 }, () => new Float64Array(5));
  for (let i = 0; i < x.length; i++) {
    const [dx, dy] = [x[i] - mx, y[i] - my];
    for (const of of [sums[families[i]], sums[count]]) {
      of[0]++;
      of[1] += dx;
      of[2] += dy;
      of[3] += dx * dx;
      of[4] += dx * dy;
    }
  }
  const lines = sums.slice(0, count).map((own) => {
    const [n, sx, sy, sxx, sxy] = sums[count].map((all, i) => all - own[i]);
    const spread = sxx - (sx * sx) / n;
    const slope = spread > n * (NO_SPREAD * mx) ** 2 ? (sxy - (sx * sy) / n) / spread : Number.NaN;
    return { slope, at: (sy - slope * sx) / n };
  });
  const squares = new Float64Array(count);
  for (let i = 0; i < x.length; i++) {
    const { slope, at } = lines[families[i]];
    squares[families[i]] += (y[i] - my - at - slope * (x[i] - mx)) ** 2;
  }
  return squares;
}

/** What of a predictor is resampled. */
interface Figures {
  readonly r: number;
  readonly rho: number;
  readonly partial: number;
  readonly error: number;
}
const FIGURES = ["r", "rho", "partial", "error"] as const;

/** The models of an area as columns; a resample picks from them. */
class Models {
  readonly families: readonly string[];
  readonly #points: readonly Point[];
  readonly #family: Int32Array;
  /** [families] its points */
  readonly #members: readonly (readonly number[])[];

  constructor(points: readonly Point[]) {
    const members = groupBy(points.keys(), (point) => points[point].row.family);
    this.families = [...members.keys()];
    this.#points = points;
    this.#family = Int32Array.from(points, ({ row }) => this.families.indexOf(row.family));
    this.#members = [...members.values()];
  }

  /** Every family as large as it is, its models drawn with replacement. */
  drawn(seed: number, resample: number): number[] {
    const stream = random(seed, "models-in-families", this.#points.length, resample);
    return this.#members.flatMap((members) => members.map(() => members[stream.below(members.length)]));
  }

  /** @param j place of the predictor */
  figures(j: number, picked: readonly number[]): Figures {
    const [x, y, families] = this.#columns(j, picked);
    const squares = squaresOnUnseen(x, y, families, this.families.length);
    const sizes = Float64Array.from(picked, (point) => Math.log(this.#points[point].row.parameters ?? Number.NaN));
    const r = pearson(x, y);
    return {
      r,
      rho: spearman(x, y),
      partial: partialOf(r, pearson(x, sizes), pearson(y, sizes)),
      error: Math.sqrt(sum(squares) / picked.length),
    };
  }

  /** By family: r inside it, and the error on it when it was left out. */
  byFamily(j: number): Pick<Rival, "within" | "errorOn"> {
    const [x, y, families] = this.#columns(j, [...this.#points.keys()]);
    const squares = squaresOnUnseen(x, y, families, this.families.length);
    const named = (of: (members: readonly number[], family: number) => number) =>
      Object.fromEntries(this.#members.map((members, family) => [this.families[family], finite(of(members, family))]));
    return {
      within: named((members) =>
        pearson(
          members.map((point) => x[point]),
          members.map((point) => y[point]),
        ),
      ),
      errorOn: named((members, family) => Math.sqrt(squares[family] / members.length)),
    };
  }

  #columns(j: number, picked: readonly number[]): [Float64Array, Float64Array, Int32Array] {
    return [
      Float64Array.from(picked, (point) => this.#points[point].x[j]),
      Float64Array.from(picked, (point) => this.#points[point].y),
      Int32Array.from(picked, (point) => this.#family[point]),
    ];
  }
}

/** r of x and y with one column z held fixed; NaN where z determines one of them. */
const partialOf = (xy: number, xz: number, yz: number): number => {
  const room = (1 - xz * xz) * (1 - yz * yz);
  return room > NO_SPREAD ? (xy - xz * yz) / Math.sqrt(room) : Number.NaN;
};

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/**
 * Sets the predictors of a calibration set beside each other: which foresees an area best.
 * @param area of the set
 * @throws LossyscopeError `input` where the models of the set's fit are of fewer than two families
 */
export function rivalry(set: CalibrationSet, area: string, seed: number): Rivalry {
  const taking = pointsOf(set, area, set.fit);
  const all = Object.keys(set.predictors);
  const known = all.filter((name) => taking.every(({ row }) => row.predictors[name] !== null));
  const [reference] = set.fit;
  const points = pointsOf(set, area, known);
  const models = new Models(points);
  if (models.families.length < 2) {
    throw new LossyscopeError(
      "input",
      `${set.name}, area ${area}: ${models.families.length} families with the score and ${set.fit.join(", ")}`,
      "predictors are compared on families left out: two are needed",
    );
  }
  const guessed = leaveOut(
    points.map(() => []),
    points.map(({ y }) => y),
    points.map(({ row }) => row.family),
  )!;
  const whole = [...points.keys()];
  const values = known.map((_, j) => models.figures(j, whole));
  const samples = known.map(() => FIGURES.map(() => new Float64Array(RESAMPLES)));
  for (let resample = 0; resample < RESAMPLES; resample++) {
    const picked = models.drawn(seed, resample);
    for (const [j, columns] of samples.entries()) {
      const figures = models.figures(j, picked);
      for (const [i, name] of FIGURES.entries()) columns[i][resample] = figures[name];
    }
  }
  const at = known.indexOf(reference);
  const ERROR = FIGURES.indexOf("error");
  const rivals = known.map((predictor, j): Rival => {
    const estimate = (name: keyof Figures): Estimate =>
      percentileInterval(values[j][name], samples[j][FIGURES.indexOf(name)]);
    const partial = estimate("partial");
    return {
      predictor,
      r: estimate("r"),
      rho: estimate("rho"),
      partial: predictor === "parameters" || partial.value === null ? null : partial,
      error: estimate("error"),
      difference:
        j === at
          ? null
          : percentileInterval(
              values[j].error - values[at].error,
              samples[j][ERROR].map((error, resample) => error - samples[at][ERROR][resample]),
            ),
      ...models.byFamily(j),
    };
  });
  const ordered = rivals.toSorted((a, b) => (a.error.value ?? Infinity) - (b.error.value ?? Infinity));
  return {
    area,
    models: points.length,
    families: Object.fromEntries(
      [...groupBy(points, ({ row }) => row.family)].map(([family, of]) => [family, of.length]),
    ),
    reference,
    rivals: ordered,
    points: points.map(({ row, y }) => ({
      model: row.model,
      family: row.family,
      score: y,
      values: ordered.map(({ predictor }) => row.predictors[predictor]!),
    })),
    meanError: rootMeanSquare(guessed.flatMap(({ residuals }) => residuals)),
    leftOut: all.filter((name) => !known.includes(name)),
  };
}
