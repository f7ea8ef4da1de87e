/** The figures of answered facts against their definitions, written naively, and against worlds whose truth is known. */
import { describe, expect, it } from "vitest";
import { unmet } from "../../numeric/needs.ts";
import { random } from "../../numeric/random.ts";
import type { Fact } from "../../text/facts.ts";
import { type Answered, factFigures, factsNeeds } from "./figures.ts";

const OPTIONS = { parameters: 1000, commonest: () => 0.25, seed: 1 };

const factOf = (subject: string, more: Partial<Fact> = {}): Fact => ({
  subject,
  relation: "r",
  value: "v",
  candidates: ["v", "w"],
  prompts: [],
  exposures: 1,
  priorBits: 5,
  weight: 1,
  ...more,
});
const answer = (fact: number, more: Partial<Answered> = {}): Answered => ({
  fact,
  verdict: "exact",
  chosen: true,
  confidence: 0.8,
  probability: 0.8,
  rank: 1,
  codeBits: 1,
  ...more,
});

/** Answers that are right as often as their confidence says, or never mind it. */
function world(facts: number, prompts: number, rightOf: (confidence: number, chance: number) => boolean) {
  const stream = random(7, "world");
  const all = Array.from({ length: facts }, (_, i) =>
    factOf(`s${i >> 1}`, { weight: 1 + (i % 3), exposures: i % 4 < 2 ? 1 : 4 }),
  );
  const answered = all.flatMap((_, fact) =>
    Array.from({ length: prompts }, () => {
      // in steps, so that there are ties
      const confidence = Math.round(stream.uniform() * 50) / 50;
      const right = rightOf(confidence, stream.uniform());
      return answer(fact, { confidence, verdict: right ? "exact" : "confusion", chosen: right });
    }),
  );
  return { all, answered };
}

describe("rates", () => {
  it("are weighted means over facts, a fact's prompts sharing its weight", () => {
    const facts = [factOf("a", { weight: 3 }), factOf("b", { exposures: 8, relation: "q" })];
    const answered = [
      answer(0, { confidence: 0.9, rank: 1, codeBits: 2 }),
      answer(0, { verdict: "offType", chosen: false, confidence: 0.5, probability: 0.1, rank: 4, codeBits: 6 }),
      answer(1, { verdict: "confusion", chosen: false, confidence: 0.6, probability: 0.2, rank: 2, codeBits: 7 }),
    ];
    const { overall, exposures, relations, questions, notes } = factFigures(facts, answered, OPTIONS);
    const values = ({
      exact,
      confusion,
      offType,
      choice,
      confidence,
      probability,
      reciprocalRank,
      codeBits,
    }: typeof overall) =>
      [exact, confusion, offType, choice, confidence, probability, reciprocalRank, codeBits].map(({ value }) => value);
    const mean = (a: number, b: number) => expect.closeTo((3 * a + b) / 4, 12);
    expect(values(overall)).toEqual([
      mean(0.5, 0),
      mean(0, 1),
      mean(0.5, 0),
      mean(0.5, 0),
      mean(0.7, 0.6),
      mean(0.45, 0.2),
      mean(0.625, 0.5),
      mean(4, 7),
    ]);
    expect(exposures.map((one) => [one.exposures, one.facts, one.total, one.exact.value])).toEqual([
      [1, 1, 3, 0.5],
      [8, 1, 1, 0],
    ]);
    expect(relations.map(({ relation, confusion, guess }) => [relation, confusion.value, guess])).toEqual([
      ["r", 0, 0.25],
      ["q", 1, 0.25],
    ]);
    expect(questions).toBe(3);
    expect(notes).toContain("no intervals: 2 subjects, 10 are needed");
    expect(overall.exact).toMatchObject({ low: null, high: null });
  });

  it("have intervals over subjects that hold the value, and repeat themselves by seed", () => {
    const { all, answered } = world(200, 2, (_, chance) => chance < 0.3);
    const figures = factFigures(all, answered, OPTIONS);
    const { value, low, high } = figures.overall.exact;
    expect(low!).toBeLessThan(value!);
    expect(high!).toBeGreaterThan(value!);
    expect(Math.abs(value! - 0.3)).toBeLessThan(0.08);
    expect(factFigures(all, answered, OPTIONS)).toEqual(figures);
  });
});

describe("calibration", () => {
  it("of groups of few subjects have no interval, and every such group is named", () => {
    const stream = random(2, "groups");
    const facts = Array.from({ length: 60 }, (_, i) =>
      factOf(`s${i}`, {
        exposures: i < 3 ? 16 : i < 15 ? 4 : 1,
        relation: i % 15 === 0 ? "rare" : "common",
        priorBits: 8,
      }),
    );
    const answered = facts.map((_, fact) => answer(fact, { codeBits: fact < 5 ? 7.5 : 2 + stream.uniform() }));
    const { overall, exposures, relations, errorByBits, notes } = factFigures(facts, answered, OPTIONS);
    expect(overall.exact.low).not.toBeNull();
    const without = <T>(groups: readonly T[], low: (group: T) => number | null): T[] =>
      groups.filter((group) => low(group) === null);
    expect(without(exposures, ({ exact }) => exact.low).map((group) => group.exposures)).toEqual([16]);
    expect(without(relations, ({ exact }) => exact.low).map(({ relation }) => relation)).toEqual(["rare"]);
    expect(without(errorByBits, ({ error }) => error.low).map(({ from }) => from)).toEqual([0]);
    expect(notes.filter((note) => note.startsWith("no interval, "))).toEqual([
      "no interval, too few subjects: 16 (3)",
      "no interval, too few subjects: rare (4)",
      "no interval, too few subjects: 0 to 1 bits (5)",
    ]);
  });

  it("have none where some draw has none of a group of ten, and that is said before anybody answers", () => {
    const facts = Array.from({ length: 200 }, (_, i) =>
      factOf(`s${i}`, { relation: i % 20 === 0 ? "seldom" : "often", exposures: 1 + (i % 2) }),
    );
    const answered = facts.map((_, fact) => answer(fact));
    const { relations, notes } = factFigures(facts, answered, OPTIONS);
    expect(relations.map(({ relation, subjects, exact }) => [relation, subjects, exact.low])).toEqual([
      ["seldom", 10, null],
      ["often", 190, 1],
    ]);
    const told = unmet(factsNeeds(facts, OPTIONS.seed));
    expect(told.map(({ figure }) => figure)).toContain("facts.relations.interval");
    for (const { reason } of told) expect(notes).toContain(reason);
    expect(notes).toContain("no interval, too few subjects: seldom (10)");
  });

  it("agrees with pair by pair and bin by bin", () => {
    const { all, answered } = world(60, 2, (confidence, chance) => chance < confidence * confidence);
    const { calibration } = factFigures(all, answered, OPTIONS);
    const weightOf = ({ fact }: Answered) => all[fact].weight / 2;
    let [wins, pairs] = [0, 0];
    for (const right of answered.filter(({ verdict }) => verdict === "exact")) {
      for (const wrong of answered.filter(({ verdict }) => verdict !== "exact")) {
        const weight = weightOf(right) * weightOf(wrong);
        pairs += weight;
        if (right.confidence > wrong.confidence) wins += weight;
        if (right.confidence === wrong.confidence) wins += weight / 2;
      }
    }
    expect(calibration.exact.auroc.value).toBeCloseTo(wins / pairs, 10);
    const total = answered.reduce((sum, one) => sum + weightOf(one), 0);
    let error = 0;
    for (let bin = 0; bin < 10; bin++) {
      const own = answered.filter(({ confidence }) => Math.min(9, Math.floor(confidence * 10)) === bin);
      const off = own.reduce((sum, one) => sum + weightOf(one) * (Number(one.verdict === "exact") - one.confidence), 0);
      error += Math.abs(off) / total;
      expect(calibration.bins[bin].share).toBeCloseTo(own.reduce((sum, one) => sum + weightOf(one), 0) / total, 10);
    }
    expect(calibration.exact.calibrationError.value).toBeCloseTo(error, 10);
    expect(calibration.choice).toEqual(calibration.exact);
  });

  it("is near zero for a model that knows what it knows, and far for one that is always sure", () => {
    const knowing = world(1000, 1, (confidence, chance) => chance < confidence);
    const honest = factFigures(knowing.all, knowing.answered, OPTIONS).calibration.exact;
    expect(honest.calibrationError.value).toBeLessThan(0.08);
    expect(honest.auroc.value).toBeCloseTo(5 / 6, 1);
    const blind = world(1000, 1, (_, chance) => chance < 0.5);
    const blindly = factFigures(blind.all, blind.answered, OPTIONS).calibration.exact;
    expect(Math.abs(blindly.auroc.value! - 0.5)).toBeLessThan(0.04);
    const boasting = blind.answered.map((one) => ({ ...one, confidence: 1 }));
    const boastful = factFigures(blind.all, boasting, OPTIONS).calibration;
    expect(boastful.exact.calibrationError.value).toBeCloseTo(0.5, 1);
    expect(boastful.exact.auroc.value).toBe(0.5);
    expect(boastful.bins.slice(0, 9).every(({ share, confidence }) => share === 0 && confidence === null)).toBe(true);
  });

  it("ends where a confidence is no number, and has no figure of it", () => {
    const facts = [factOf("a"), factOf("b")];
    const answered = [answer(0, { confidence: Number.NaN }), answer(1, { verdict: "confusion", chosen: false })];
    expect(factFigures(facts, answered, OPTIONS).overall.confidence.value).toBeNull();
  });

  it("has no area where all answers are right", () => {
    const facts = Array.from({ length: 12 }, (_, i) => factOf(`s${i}`));
    const { calibration } = factFigures(
      facts,
      facts.map((_, i) => answer(i)),
      OPTIONS,
    );
    expect(calibration.exact.auroc).toEqual({ value: null, low: null, high: null });
  });
});

describe("knowledge", () => {
  const stream = random(5, "bits");
  /** Never-seen facts cost the prior and noise; seen ones that much less. */
  const facts = Array.from({ length: 600 }, (_, i) =>
    factOf(`s${i}`, { relation: i % 2 === 0 ? "r" : "q", exposures: i % 3 === 0 ? 0 : 2, weight: i % 3 === 0 ? 2 : 5 }),
  );
  const costing = (kept: number) =>
    facts.map(({ exposures, relation }, i) =>
      answer(i, { codeBits: 5 + (relation === "r" ? 1 : 2) * stream.normal() - (exposures === 0 ? 0 : kept) }),
    );

  it("is none in a model that knows nothing, though flooring credits it", () => {
    const { knowledge } = factFigures(facts, costing(0), OPTIONS);
    expect(knowledge!.overall.priorBits).toBe(400 * 5 * 5);
    expect(Math.abs(knowledge!.overall.share.value!)).toBeLessThan(0.03);
    expect(knowledge!.overall.share.low!).toBeLessThan(0);
    expect(knowledge!.overall.share.high!).toBeGreaterThan(0);
    expect(knowledge!.control).toBe(200);
  });

  it("is what is spared: floored, less the mean of never-seen facts of the relation", () => {
    const answered = costing(4);
    const { knowledge, relations, exposures, errorByBits } = factFigures(facts, answered, OPTIONS);
    const floored = (i: number) => Math.max(0, 5 - answered[i].codeBits);
    const meanOf = (relation: string) => {
      const own = [...facts.keys()].filter((i) => facts[i].exposures === 0 && facts[i].relation === relation);
      return own.reduce((sum, i) => sum + floored(i), 0) / own.length;
    };
    const seen = [...facts.keys()].filter((i) => facts[i].exposures === 2);
    const expected = seen.reduce((sum, i) => sum + 5 * (floored(i) - meanOf(facts[i].relation)), 0);
    const { overall, bitsPerParameter } = knowledge!;
    expect(overall.corrected.value).toBeCloseTo(expected, 6);
    expect(overall.share.value).toBeCloseTo(expected / (400 * 25), 10);
    expect(overall.unfloored.value).toBeCloseTo(
      seen.reduce((sum, i) => sum + 5 * (5 - answered[i].codeBits), 0),
      6,
    );
    expect(bitsPerParameter.value).toBeCloseTo(expected / 1000, 8);
    expect(bitsPerParameter.low!).toBeLessThan(bitsPerParameter.value!);
    expect(relations.reduce((sum, one) => sum + one.knowledge!.corrected.value!, 0)).toBeCloseTo(expected, 6);
    expect(exposures[0]).toMatchObject({
      exposures: 0,
      knowledge: { corrected: { value: null }, share: { value: null } },
    });
    expect(errorByBits.reduce((sum, one) => sum + one.facts, 0)).toBe(600);
    expect(errorByBits[0].from).toBeNull();
  });

  it("is not corrected without never-seen facts, and not given without priors", () => {
    const known = facts.map((fact) => ({ ...fact, exposures: null }));
    const uncorrected = factFigures(known, costing(4), OPTIONS);
    expect(uncorrected.knowledge).toMatchObject({ control: 0, overall: { corrected: { value: null } } });
    expect(uncorrected.knowledge!.bitsPerParameter.value).toBeCloseTo(
      uncorrected.knowledge!.overall.unfloored.value! / 1000,
    );
    expect(uncorrected.notes.join()).toContain("not corrected");
    const without = factFigures([...facts.slice(1), { ...facts[0], priorBits: null }], costing(4), OPTIONS);
    expect(without).toMatchObject({ knowledge: null, errorByBits: [], overall: { knowledge: null } });
    expect(without.notes.join()).toContain("not every fact has priorBits");
  });
});

describe("errors by bits", () => {
  it("fall where more is spent", () => {
    const facts = Array.from({ length: 40 }, (_, i) => factOf(`s${i}`));
    const answered = facts.map((_, i) =>
      answer(i, { codeBits: i % 4 === 0 ? 6.5 : 5 - (i % 4), verdict: i % 4 === 3 ? "exact" : "confusion" }),
    );
    const { errorByBits } = factFigures(facts, answered, OPTIONS);
    expect(errorByBits.map(({ from, facts: count, error }) => [from, count, error.value])).toEqual([
      [null, 10, 1],
      [1, 10, 1],
      [2, 10, 1],
      [3, 10, 0],
    ]);
  });
});
