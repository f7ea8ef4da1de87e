/** The ladder as committed: complete, of one text, the set that its files make, and what its page says in words. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { BENCHMARKS, POSITIONS } from "../scripts/ladder.ts";
import { type Ladder, readLadder, rivalOf, SCORE } from "../scripts/ladder-page.ts";
import { parseScores } from "../src/atlas/scores.ts";
import { groupBy } from "../src/numeric/groups.ts";
import { figureAt } from "../src/profile/read.ts";

const read = (path: string): Promise<string> => readFile(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8");

let ladder: Ladder;
beforeAll(async () => {
  ladder = await readLadder();
});

describe("the ladder", () => {
  it("has a profile and every score of at least 24 models in four families", () => {
    const { recipes, profiles, set } = ladder;
    expect(recipes.length).toBeGreaterThanOrEqual(24);
    expect([...profiles.keys()].sort()).toEqual(recipes.map(({ model }) => model).sort());
    expect(Object.keys(ladder.rivalry.families)).toEqual(["shape", "vocabulary", "schedule", "corpus"]);
    expect(Object.keys(set.areas)).toEqual(Object.keys(BENCHMARKS));
    for (const rows of groupBy(set.rows, ({ area }) => area).values()) expect(rows).toHaveLength(recipes.length);
    expect(new Set(recipes.map(({ seed }) => seed)).size).toBe(recipes.length);
    expect(new Set([...profiles.values()].map(({ corpus }) => corpus.digest))).toEqual(new Set([set.text!.digest]));
  });

  it("is the set that its profiles and scores make", async () => {
    const { recipes, profiles, set } = ladder;
    const scores = parseScores(await read("data/ladder/scores.csv"), "scores.csv");
    expect(scores).toHaveLength(set.rows.length);
    for (const { area, model, family, predictors, score, stderr } of set.rows) {
      const given = scores.find((one) => one.model === model && one.benchmark === area)!;
      expect({ family, score, stderr }).toEqual({ family: given.family, score: given.score, stderr: given.stderr });
      expect(family).toBe(recipes.find((recipe) => recipe.model === model)!.family);
      expect(score).toBeCloseTo(BENCHMARKS[area].of(profiles.get(model)!).value!, 5);
      for (const [name, { figure }] of Object.entries(set.predictors)) {
        expect(figureAt(profiles.get(model)!, figure!)).toMatchObject({ figure: { value: predictors[name] } });
      }
    }
  });

  it("has models of the shapes and tokens that its recipes say", async () => {
    const training = await read("data/ladder/training.csv");
    for (const { model, width, blocks, vocabulary } of ladder.recipes) {
      const profile = ladder.profiles.get(model)!;
      expect(profile.model).toMatchObject({ name: model, width, layers: blocks, vocabulary });
      const [last] = training
        .split("\n")
        .filter((line) => line.startsWith(`${model},`))
        .reverse();
      expect(profile.ledger!.training!.tokens).toBe(Number(last.split(",")[2]));
    }
  });
});

describe("what its page says in words", () => {
  const differs = (name: string): boolean => {
    const { low, high } = rivalOf(ladder, name).difference!;
    return low! > 0 || high! < 0;
  };
  const scoreOf = (model: string): number =>
    ladder.set.rows.find((row) => row.area === SCORE && row.model === model)!.score!;

  it("facts guessed by their commonest value are right four times in a hundred", () => {
    for (const { facts } of ladder.profiles.values()) {
      expect([facts!.overall.facts, facts!.questions]).toEqual([196, 5 * 196]);
      expect(facts!.overall.guess.toFixed(2)).toBe("0.04");
    }
  });

  it("windows are as long as rows of training, half of the pages about entities that were written of", () => {
    for (const { plan, corpus } of ladder.profiles.values()) {
      expect(plan.context).toBe(POSITIONS);
      expect(corpus.domains).toMatchObject({ known: { documents: 128 }, unseen: { documents: 128 } });
    }
  });

  it("bits per byte, the reference, foresee best of thirteen: in every family, as an order, with parameters held fixed", () => {
    const { rivals, reference, meanError } = ladder.rivalry;
    expect([rivals.length, reference, rivals[0].predictor]).toEqual([13, "bits_per_byte", "bits_per_byte"]);
    const { rho, partial, error, within } = rivals[0];
    expect(rho.value!).toBeLessThan(-0.95);
    expect(partial!.high!).toBeLessThan(-0.5);
    for (const r of Object.values(within)) expect(r!).toBeLessThan(-0.7);
    // as a line it takes about a quarter of the error away
    expect(error.value! / meanError).toBeGreaterThan(0.7);
  });

  it("models of one size know from next to none of the facts to more than half", () => {
    const { r } = rivalOf(ladder, "parameters");
    expect(r.low! * r.high!).toBeLessThan(0);
    const known = [...ladder.profiles.values()]
      .filter(({ ledger }) => ledger!.parameters.total === 237_200)
      .map(({ model }) => scoreOf(model.name));
    expect([Math.min(...known) < 0.02, Math.max(...known) > 0.5]).toEqual([true, true]);
  });

  it.each(["optimality", "optimality_plugin"])(
    "%s is hardly better than the mean, and says a little as an order",
    (name) => {
      const { error, partial, rho } = rivalOf(ladder, name);
      expect(error.value! / ladder.rivalry.meanError).toBeGreaterThan(0.95);
      expect(partial!.low! * partial!.high!).toBeLessThan(0);
      expect(rho.low!).toBeGreaterThan(0);
    },
  );

  it.each(["participation_ratio", "effective_rank"])("%s does better, not surely worse than bits per byte", (name) => {
    expect(rivalOf(ladder, name).error.value!).toBeLessThan(rivalOf(ladder, "optimality").error.value!);
    expect(differs(name)).toBe(false);
  });

  it("two models that differ in the seed alone are far apart, and in the right order", () => {
    const [one, other] = ["shape-64x2", "shape-64x2-again"];
    const bits = (model: string): number => ladder.profiles.get(model)!.coding!.overall.bitsPerByte.value!;
    expect(scoreOf(other) / scoreOf(one)).toBeGreaterThan(1.5);
    expect(bits(other)).toBeLessThan(bits(one));
  });

  it("the published figures of the information plane lie inside the intervals of the ranks here", async () => {
    const published = (await read("data/reference/optimality-and-scores.csv")).trim().split("\n").slice(1);
    expect(published).toHaveLength(3);
    for (const line of published) {
      const [name, r] = line.split(",");
      const { low, high } = rivalOf(ladder, name).rho;
      expect([low! < Number(r), Number(r) < high!]).toEqual([true, true]);
    }
  });

  it("the family that a line from the others fails on is corpus, for the models that read all twice", () => {
    const { errorOn } = rivalOf(ladder, "bits_per_byte");
    const { corpus, ...others } = errorOn;
    expect(corpus!).toBeGreaterThan(2 * Math.max(...Object.values(others).map((error) => error!)));
    const { points } = ladder.fits.get(SCORE)!;
    const furthest = points.toSorted((a, b) => b.score - b.unseen! - (a.score - a.unseen!)).slice(0, 2);
    expect(furthest.map(({ model }) => model).sort()).toEqual(["corpus-twice-48x2", "corpus-twice-80x2"]);
  });

  it("other scores agree that bits per byte, on whatever pages, err less than optimality or parameters", () => {
    for (const { associations } of ladder.fits.values()) {
      const error = (name: string) => associations.find(({ predictor }) => predictor === name)!.leaveFamilyOut!;
      const bits = ["bits_per_byte", "bits_per_byte_known", "bits_per_byte_unseen"].map(error);
      expect(Math.max(...bits)).toBeLessThan(Math.min(error("optimality"), error("parameters")));
    }
  });

  it("all there is to know is worth 0.07 bits per byte, and models differ by several times as much", () => {
    const profiles = [...ladder.profiles.values()];
    for (const { almanac } of profiles) {
      expect((almanac!.floorUnknown - almanac!.floorKnown).toFixed(2)).toBe("0.07");
    }
    const bits = profiles.map(({ coding }) => coding!.domains.known.bitsPerByte.value!);
    expect(Math.max(...bits) - Math.min(...bits)).toBeGreaterThan(5 * 0.07);
  });

  it("pages without any fact that is asked foresee as well as all pages", () => {
    const { error } = rivalOf(ladder, "bits_per_byte_unseen");
    expect(error.value! / rivalOf(ladder, "bits_per_byte").error.value!).toBeLessThan(1.05);
    expect(differs("bits_per_byte_unseen")).toBe(false);
  });
});
