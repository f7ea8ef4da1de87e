/**
 * The estimators on numbers that are none, and on such as are far too large or small: they end, with a figure, with none, or
 * with a refusal. What comes from a model is checked before (`engines/finite.ts`); what a library's user hands over is not.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { aucInterval } from "../numeric/auc.ts";
import { percentileInterval, ratioInterval } from "../numeric/bootstrap.ts";
import { symmetricSpectra } from "../numeric/eigen.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { jackknifePlus, leaveOut } from "../numeric/regression.ts";
import { partialCorrelation, spearman } from "../numeric/statistics.ts";
import { assign, referencePoints } from "./assignment.ts";
import { linearCka } from "./cka.ts";
import { nearestRows, packing } from "./packing.ts";
import { phaseChange } from "./phase-change.ts";
import { cloudShape } from "./spectrum.ts";
import { twoNN } from "./twonn.ts";

const ROWS = 12;
const WIDTH = 4;
const POINTS = { points: referencePoints(0, 5, WIDTH), m: 5, d: WIDTH, epsilon: 0.1 };
const OPTIONS = { seed: 0, resamples: 20 };

const hostile = fc.oneof(
  { weight: 4, arbitrary: fc.double({ min: -10, max: 10, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity, -Infinity, 0, -0, 1e308, -1e200, 1e-320, 3e38, 1e19) },
);

const halves = (values: readonly number[]): [number[], number[]] => [
  values.slice(0, values.length / 2),
  values.slice(values.length / 2),
];
const rowsOf = (values: readonly number[]): number[][] =>
  Array.from({ length: ROWS }, (_, row) => values.slice(row * WIDTH, (row + 1) * WIDTH));

it.each<[string, (values: number[]) => unknown]>([
  ["soft assignment", (values) => assign(Float32Array.from(values), POINTS)],
  ["intrinsic dimension", (values) => twoNN(Float32Array.from(values), WIDTH)],
  ["packing", (values) => packing(Float32Array.from(values), WIDTH, 0)],
  ["nearest rows", (values) => nearestRows(Float32Array.from(values), WIDTH, [0, 3], 4)],
  [
    "shape of a cloud",
    (values) => {
      const [gram, rest] = [values.slice(0, WIDTH * WIDTH), values.slice(WIDTH * WIDTH)];
      const [sum, unitSum] = [rest.slice(0, WIDTH), rest.slice(WIDTH, 2 * WIDTH)].map((own) => Float64Array.from(own));
      return cloudShape({ count: ROWS, gram: Float64Array.from(gram), sum, unitSum });
    },
  ],
  [
    "spectrum",
    (values) => {
      const triangle = Float64Array.from(values.slice(0, (WIDTH * (WIDTH + 1)) / 2));
      return symmetricSpectra(triangle, Float64Array.from(values.slice(-WIDTH)), values[0]);
    },
  ],
  [
    "similarity",
    (values) => {
      const states = { layers: 1, width: WIDTH, read: async () => Float32Array.from(values) };
      return linearCka(states, states, { rows: ROWS });
    },
  ],
  [
    "phase change",
    (values) => {
      const [positions, ...complexity] = rowsOf(values).map((row) => Float64Array.from(row));
      return phaseChange(positions, complexity, { seed: 0, intervals: true });
    },
  ],
  ["rank correlation", (values) => spearman(...halves(values))],
  ["partial correlation", (values) => partialCorrelation(...halves(values), halves(values).slice(0, 1))],
  ["area", (values) => aucInterval(...halves(values), OPTIONS)],
  [
    "interval of a ratio",
    (values) =>
      ratioInterval(
        ...(halves(values).map((half) => Float64Array.from(half)) as [Float64Array, Float64Array]),
        OPTIONS,
      ),
  ],
  ["interval", (values) => percentileInterval(values[0], Float64Array.from(values))],
  [
    "fit",
    (values) => {
      const rows = rowsOf(values);
      const out = leaveOut(
        rows.map(([a, b]) => [a, b]),
        rows.map(([, , c]) => c),
        rows.map((_, row) => String(row % 4)),
      );
      return out && jackknifePlus(out, values.slice(0, 2), 0.2);
    },
  ],
])("%s ends", async (_, estimate) => {
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { minLength: ROWS * WIDTH, maxLength: ROWS * WIDTH }), async (values) => {
      const started = performance.now();
      await Promise.resolve()
        .then(() => estimate(values))
        .catch((error: unknown) => expect(error).toBeInstanceOf(LossyscopeError));
      expect(performance.now() - started).toBeLessThan(1000);
    }),
    { numRuns: 60 },
  );
});
