import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { loadSet } from "../store/sets.ts";
import { ownSet } from "./add.ts";
import { coverageOf, pointsOf } from "./fit.ts";
import { predict } from "./predict.ts";
import { modelProfile } from "./sample.testing.ts";
import { type CalibrationSet, parseSet } from "./sets.ts";

/** Scores that fall by 0.3 a bit per byte, with a shift for each family. */
function made(families: number): CalibrationSet {
  const stream = random(2, "made");
  const given = Array.from({ length: families }, (_, f) => {
    const shift = 0.02 * stream.normal();
    return [0, 1, 2].map((m) => {
      const profile = modelProfile({
        name: `f${f}-${m}`,
        bitsPerByte: 1 + stream.uniform(),
        parameters: 1000 + stream.below(9000),
      });
      const bits = profile.coding!.overall.bitsPerByte.value!;
      return {
        named: { file: `${f}-${m}.json`, profile },
        score: {
          model: `f${f}-${m}`,
          benchmark: "quiz",
          score: 0.9 - 0.3 * bits + shift,
          stderr: null,
          family: `f${f}`,
          source: "",
        },
      };
    });
  }).flat();
  const own = ownSet(
    "made",
    given.map(({ named }) => named),
    given.map(({ score }) => score),
  );
  return { ...parseSet(JSON.stringify(own.description), own.rows, "made"), origin: "own" };
}

const set = made(10);
const options = { seed: 0, extrapolate: false };
const fresh = modelProfile({ name: "new", bitsPerByte: 1.5, parameters: 5000 });
const only = (profile = fresh, from = set, given: Partial<Parameters<typeof predict>[2]> = {}) =>
  predict(from, [profile], { ...options, ...given }).models[0].predictions[0];

describe("prediction", () => {
  it("is the fit's, with an interval that holds the truth", () => {
    const found = only();
    if (found.kind !== "predicted") throw new Error(found.reasons.join());
    const truth = 0.9 - 0.3 * fresh.coding!.overall.bitsPerByte.value!;
    expect(found.score).toBeCloseTo(truth, 1);
    expect(found.interval!.low).toBeLessThan(truth);
    expect(found.interval!.high).toBeGreaterThan(truth);
    expect(found).toMatchObject({ models: 30, families: 10, leftOut: null, extrapolated: [] });
  });

  it("leaves a model's own family out, its own score with it", () => {
    const known = modelProfile({ name: set.rows[0].model, bitsPerByte: 1.4 });
    expect(only(known)).toMatchObject({ leftOut: "f0", models: 27, families: 9 });
  });

  it("claims no level with fewer than nine families", () => {
    expect(only(fresh, made(9))).toMatchObject({ families: 9, interval: expect.anything() });
    const few = only(fresh, made(8));
    if (few.kind !== "predicted") throw new Error("refused");
    expect(few.interval).toBeNull();
    expect(few.widestResidual).toBeGreaterThan(0);
  });

  it("is withheld outside the set's range, and marked when insisted on", () => {
    const far = modelProfile({ name: "far", bitsPerByte: 4 });
    expect(only(far)).toMatchObject({
      kind: "refused",
      reasons: [expect.stringMatching(/bits_per_byte .* is outside the set's .* to .*/)],
    });
    expect(only(far, set, { extrapolate: true })).toMatchObject({
      kind: "predicted",
      extrapolated: [expect.stringMatching(/outside/)],
    });
  });

  it("is withheld on another text, unless nothing of it depends on the text", () => {
    const elsewhere = { ...fresh, corpus: { ...fresh.corpus, name: "elsewhere", digest: "ff" } };
    expect(only(elsewhere)).toMatchObject({
      kind: "refused",
      reasons: ["measured on elsewhere, the set is of tinyshakespeare"],
    });
    expect(only(elsewhere, set, { predictors: ["parameters"] }).kind).toBe("predicted");
  });

  it("is withheld where the profile was computed otherwise than the set's", () => {
    const rounded = { ...fresh, precision: { kind: "int8" as const } };
    expect(only(rounded)).toMatchObject({
      kind: "refused",
      reasons: ["computed with --precision int8, the set exactly"],
    });
    expect(only(rounded, set, { extrapolate: true }).kind).toBe("predicted");
    expect(only({ ...fresh, precision: { kind: "exact" as const } }).kind).toBe("predicted");
  });

  it("says which figure is missing, insisted on or not", () => {
    const without = { ...fresh, coding: null };
    expect(only(without, set, { extrapolate: true })).toMatchObject({
      kind: "refused",
      reasons: [expect.stringMatching(/^coding/)],
    });
  });

  it("has nothing to say of a profile from figures that no profile has", async () => {
    const found = predict(await loadSet("pile-loss", ""), [fresh], {
      ...options,
      areas: ["average"],
      extrapolate: true,
    });
    expect(found.models[0].predictions[0]).toMatchObject({
      kind: "refused",
      reasons: [expect.stringMatching(/nats_per_token/)],
    });
  });
});

describe("coverage on families held out", () => {
  it.each(["open-llm", "open-llm-v2"])("%s: intervals of 90 per cent hold at least 85 in every area", async (name) => {
    const published = await loadSet(name, "");
    for (const area of Object.keys(published.areas)) {
      const coverage = coverageOf(pointsOf(published, area, published.fit), published.ridge);
      expect(coverage).toMatchObject({ of: "interval" });
      expect(coverage!.share, area).toBeGreaterThan(0.85);
    }
  });
});
