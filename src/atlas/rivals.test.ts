import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { leaveOut } from "../numeric/regression.ts";
import { fitArea } from "./fit.ts";
import { rivalry, squaresOnUnseen } from "./rivals.ts";
import type { CalibrationRow, CalibrationSet } from "./sets.ts";

/** Four families of eight; the score follows `told` closely, `hint` loosely and `noise` not at all. */
function made(change: (row: CalibrationRow, index: number) => Partial<CalibrationRow> = () => ({})): CalibrationSet {
  const stream = random(6, "rivals");
  const predictor = { figure: null, unit: "", scale: "linear" as const, ofText: false, about: "" };
  const rows = Array.from({ length: 32 }, (_, index): CalibrationRow => {
    const truth = stream.normal();
    const row: CalibrationRow = {
      area: "quiz",
      model: `m${index}`,
      family: `f${index % 4}`,
      tokenizer: null,
      parameters: Math.exp(10 + stream.normal()),
      predictors: {
        hint: truth + 0.5 * stream.normal(),
        told: truth + 0.1 * stream.normal(),
        noise: stream.normal(),
      },
      score: 3 * truth + 1,
      stderr: null,
      excluded: null,
      note: null,
      source: "",
      status: "",
      licence: "",
    };
    return { ...row, ...change(row, index) };
  });
  return {
    schema: "lossyscope.atlas/1",
    name: "made",
    title: "",
    about: "",
    origin: "own",
    text: null,
    predictors: { hint: predictor, told: predictor, noise: predictor },
    fit: ["hint"],
    ridge: 0,
    areas: { quiz: { score: "", text: null } },
    rows,
  };
}

it("errors on families left out equal those of one fit a family", () => {
  const point = fc.record({
    x: fc.double({ min: -50, max: 50, noNaN: true }),
    y: fc.double({ min: -5, max: 5, noNaN: true }),
    family: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(point, { minLength: 8, maxLength: 30 }), (points) => {
      const families = points.map(({ family }) => `${family}`);
      const naive = leaveOut(
        points.map(({ x }) => [x]),
        points.map(({ y }) => y),
        families,
      );
      fc.pre(naive !== null);
      const rest = (family: number) => points.filter((one) => one.family !== family).map(({ x }) => x);
      // where x hardly varies both are rounding
      fc.pre([0, 1, 2, 3].every((family) => Math.max(...rest(family)) - Math.min(...rest(family)) > 0.1));
      const found = squaresOnUnseen(
        Float64Array.from(points, ({ x }) => x),
        Float64Array.from(points, ({ y }) => y),
        Int32Array.from(points, ({ family }) => family),
        4,
      );
      for (const { group, residuals } of naive!) {
        const squares = residuals.reduce((total, residual) => total + residual ** 2, 0);
        expect(Math.abs(found[Number(group)] - squares)).toBeLessThan(1e-6 * (1 + squares));
      }
    }),
  );
});

describe("rivals", () => {
  const found = rivalry(made(), "quiz", 0);
  const of = (name: string) => found.rivals.find(({ predictor }) => predictor === name)!;

  it("stand in the order of their errors, the one that tells the score first", () => {
    expect(found.rivals.map(({ predictor }) => predictor)).toEqual(["told", "hint", "noise"]);
    expect(found).toMatchObject({ models: 32, families: { f0: 8, f1: 8, f2: 8, f3: 8 }, reference: "hint" });
    expect(of("told").error.value!).toBeLessThan(0.5);
    const [{ values, score, model }] = found.points;
    const [row] = made().rows;
    expect({ values, score, model }).toEqual({
      values: ["told", "hint", "noise"].map((name) => row.predictors[name]),
      score: row.score,
      model: "m0",
    });
    expect(of("noise").error.value!).toBeGreaterThan(0.9 * found.meanError);
  });

  it("are told from the reference where they differ, on paired resamples", () => {
    expect(of("hint").difference).toBeNull();
    expect(of("told").difference!.high!).toBeLessThan(0);
    expect(of("noise").difference!.low!).toBeGreaterThan(0);
    expect(of("noise").r.low! * of("noise").r.high!).toBeLessThan(0);
    expect(of("told").difference!.value!).toBeCloseTo(of("told").error.value! - of("hint").error.value!, 12);
  });

  it("have the figures of the fit", () => {
    const fit = fitArea(made(), "quiz", { seed: 0 });
    for (const { predictor, r, rho, partial, leaveFamilyOut } of fit.associations) {
      const rival = of(predictor);
      expect(rival.r.value).toBeCloseTo(r.value!, 12);
      expect(rival.rho.value).toBeCloseTo(rho.value!, 12);
      expect(rival.partial!.value).toBeCloseTo(partial!.value!, 12);
      expect(rival.error.value).toBeCloseTo(leaveFamilyOut!, 9);
    }
    expect(found.meanError).toBeCloseTo(fit.meanLeaveFamilyOut!, 12);
  });

  it("have an error and an r for every family", () => {
    const { error, errorOn, within } = of("told");
    const squares = Object.values(errorOn).map((value) => 8 * value! ** 2);
    expect(Math.sqrt(squares.reduce((a, b) => a + b) / 32)).toBeCloseTo(error.value!, 12);
    for (const family of ["f0", "f1", "f2", "f3"]) expect(within[family]!).toBeGreaterThan(0.95);
  });

  it("are those that every model has a value of", () => {
    const gap = made(({ predictors }, index) => ({
      predictors: index === 3 ? { ...predictors, noise: null } : predictors,
    }));
    const without = rivalry(gap, "quiz", 0);
    expect(without.leftOut).toEqual(["noise"]);
    expect(without.rivals.map(({ predictor }) => predictor)).toEqual(["told", "hint"]);
  });

  it("leave out models that are not in the fit", () => {
    const unknown = made(({ predictors }, index) => ({
      predictors: index ? predictors : { ...predictors, hint: null },
    }));
    expect(rivalry(unknown, "quiz", 0)).toMatchObject({ models: 31, leftOut: [] });
  });

  it("need two families", () => {
    expect(() =>
      rivalry(
        made(() => ({ family: "one" })),
        "quiz",
        0,
      ),
    ).toThrow(/1 families with the score and hint/);
  });
});
