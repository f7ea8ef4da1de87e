import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { loadSet } from "../store/sets.ts";
import { fitArea, pointsOf } from "./fit.ts";
import type { CalibrationRow, CalibrationSet } from "./sets.ts";

const seed = 0;

/** What the figures print beside the points (published: r, RMS error, models). */
describe("the published targets", () => {
  it.each([
    ["overall", -0.94, 0.028, 18],
    ["knowledge", -0.933, 0.019, 18],
    ["coding", -0.947, 0.038, 27],
    ["math", -0.951, 0.03, 18],
  ] as const)("llm-compression, %s: r %f, RMS error %f over %i models", async (area, r, rmse, models) => {
    const fit = fitArea(await loadSet("llm-compression", ""), area, { seed });
    const [bits] = fit.associations;
    expect(fit.models).toBe(models);
    expect(Math.abs(bits.r.value! - r)).toBeLessThan(0.001);
    expect(Math.abs(fit.rmse - rmse)).toBeLessThan(0.001);
    expect(fit.fittedR).toBeCloseTo(-bits.r.value!, 12);
  });

  it("pile-loss: r −0.969 over 29 models, and nearly the same within a tokenizer and with the misprint", async () => {
    const fit = fitArea(await loadSet("pile-loss", ""), "average", { seed });
    const [loss] = fit.associations;
    expect([fit.models, loss.r.value!.toFixed(3)]).toEqual([29, "-0.969"]);
    expect(fit.excluded.map(({ model }) => model)).toEqual(["Pythia-deduped-1.4B"]);
    expect(fit.incomplete).toEqual(["OPT-125M", "OPT-350M", "OPT-1.3B", "OPT-2.7B", "OPT-6.7B", "OPT-13B"]);
    expect(loss.withExcluded).toMatchObject({ models: 30 });
    expect(loss.withinTokenizer.map(({ tokenizer, models }) => [tokenizer, models])).toEqual([
      ["gpt2", 13],
      ["gpt-neox", 16],
    ]);
    for (const { r } of loss.withinTokenizer) expect(r!).toBeLessThan(-0.96);
    // four families: nothing is claimed
    expect(loss.r).toMatchObject({ low: null, high: null });
    expect(fit.intervals).toMatch(/4 families; an interval needs 5/);
  });

  it("the derived points of llm-compression are kept out, and change the figure", async () => {
    const fit = fitArea(await loadSet("llm-compression", ""), "math", { seed });
    expect(fit.excluded.map(({ model }) => model)).toEqual(["Qwen-72b", "Qwen-14b", "Qwen-7b"]);
    expect(fit.withExcluded!.models).toBe(21);
    expect(fit.associations[0].withExcluded.r!).toBeGreaterThan(-0.92);
  });
});

/** Families with a shift of their own, a score that follows `a` alone, and `b` that follows the parameters alone. */
function made(familyCount: number): CalibrationSet {
  const stream = random(3, "set");
  const predictor = { figure: null, unit: "", scale: "linear" as const, ofText: false, about: "" };
  const rows: CalibrationRow[] = Array.from({ length: familyCount }, (_, f) => {
    const shift = 0.2 * stream.normal();
    return Array.from({ length: 4 }, (_, m) => {
      const [a, size] = [stream.normal(), 20 + stream.normal()];
      return {
        area: "quiz",
        model: `f${f}-${m}`,
        family: `f${f}`,
        tokenizer: null,
        parameters: Math.exp(size),
        predictors: { a, b: size + 0.1 * stream.normal(), parameters: Math.exp(size) },
        score: a + 0.8 * size + shift,
        stderr: null,
        excluded: null,
        note: null,
        source: "",
        status: "",
        licence: "",
      };
    });
  }).flat();
  return {
    schema: "lossyscope.atlas/1",
    name: "made",
    title: "",
    about: "",
    origin: "own",
    text: null,
    predictors: { a: predictor, b: predictor, parameters: { ...predictor, scale: "ln" } },
    fit: ["a", "parameters"],
    ridge: 0,
    areas: { quiz: { score: "accuracy", text: null } },
    rows,
  };
}

describe("fit of an area", () => {
  const set = made(12);
  const fit = fitArea(set, "quiz", { seed });

  it("finds the slopes, on the scale of the predictor", () => {
    const [a, parameters] = fit.predictors;
    expect(a.slope).toBeCloseTo(1, 1);
    expect(parameters.slope).toBeCloseTo(0.8, 1);
    expect([parameters.low, parameters.high].every((end) => end > 16 && end < 24)).toBe(true);
  });

  it("errs more on what it has not seen, most on families it has not seen", () => {
    expect(fit.leaveOneOut!).toBeGreaterThan(fit.rmse);
    expect(fit.leaveFamilyOut!).toBeGreaterThan(fit.rmse);
    expect(fit.meanLeaveFamilyOut!).toBeGreaterThan(3 * fit.leaveFamilyOut!);
  });

  it("foresees every model without its family", () => {
    const errors = fit.points.map(({ score, unseen }) => score - unseen!);
    expect(Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length)).toBeCloseTo(
      fit.leaveFamilyOut!,
      12,
    );
    const fitted = fit.points.map(({ score, fitted: value }) => (score - value) ** 2);
    expect(Math.sqrt(fitted.reduce((sum, square) => sum + square, 0) / fitted.length)).toBeCloseTo(fit.rmse, 12);
  });

  it("sees through a predictor that only stands for size", () => {
    const b = fit.associations.find(({ predictor }) => predictor === "b")!;
    expect(b.r.value!).toBeGreaterThan(0.4);
    expect(b.r.low!).toBeGreaterThan(0);
    expect(Math.abs(b.partial!.value!)).toBeLessThan(0.3);
    expect(fit.associations.find(({ predictor }) => predictor === "parameters")!.partial).toBeNull();
  });

  it("covers what it claims, measured on held-out families", () => {
    expect(fit.coverage).toMatchObject({ of: "interval" });
    expect(fit.coverage!.share).toBeGreaterThan(0.8);
    expect(fitArea(made(9), "quiz", { seed }).coverage).toMatchObject({ of: "widest residual" });
  });

  it("says how small an r it could tell from zero, counting models and counting families", () => {
    expect(fit.power.models!.told).toBeCloseTo(Math.tanh(1.96 / Math.sqrt(45)), 4);
    expect(fit.power.families!.told).toBeCloseTo(Math.tanh(1.96 / 3), 4);
    expect(fitArea(made(3), "quiz", { seed }).power.families).toBeNull();
  });

  it("takes only rows that have everything", () => {
    const [first, second, ...rest] = set.rows;
    const holed = { ...set, rows: [{ ...first, score: null }, { ...second, excluded: "broken" }, ...rest] };
    expect(pointsOf(holed, "quiz", ["a"]).length).toBe(set.rows.length - 2);
    expect(pointsOf(holed, "quiz", ["a"], true).length).toBe(set.rows.length - 1);
    const found = fitArea(holed, "quiz", { seed });
    expect([found.incomplete, found.excluded]).toEqual([["f0-0"], [{ model: "f0-1", reason: "broken" }]]);
  });

  it.each([
    [{ area: "exam" }, /no area exam: choose from quiz/],
    [{ predictors: ["c"] }, /no predictor c: choose from a, b, parameters/],
    [{ predictors: ["a", "a"] }, /do not determine a fit/],
  ])("refuses %j", ({ area = "quiz", predictors }: { area?: string; predictors?: string[] }, message) =>
    expect(() => fitArea(set, area, { seed, predictors })).toThrow(message),
  );
});
