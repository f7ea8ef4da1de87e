import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import type { Profile } from "../profile/profile.ts";
import { trajectorySchema } from "../profile/trajectory.ts";
import { sampleProfile } from "../report/sample.testing.ts";
import type { MeasuredStep } from "./trajectory.ts";
import { trajectoryOf } from "./trajectory.ts";

const UNITS = 40;
const stream = random(5, "units");
const positions = Array.from({ length: UNITS }, () => 60 + stream.below(90));
const hardness = positions.map(() => 0.1 * stream.normal());

/** A checkpoint whose blocks have this mean complexity (share of ln m). */
function step(at: number, complexity: number, change: (profile: Profile) => Profile = (same) => same): MeasuredStep {
  const profile = sampleProfile();
  const noise = random(at, "noise");
  const plane: Profile["plane"] = {
    ...profile.plane!,
    evaluated: {
      positions,
      complexity: positions.map((count, u) => count * (complexity + hardness[u] + 0.005 * noise.normal())),
    },
  };
  const { frontier: _once, ...others } = plane;
  return {
    step: at,
    name: `step-${at}`,
    profile: change({
      ...profile,
      id: `id-${at}`,
      plan: { ...profile.plan, seed: 0, baselines: at === 0, plane: at === 0 ? { frontier: {} } : { frontier: null } },
      plane: at === 0 ? plane : others,
    }),
  };
}
const rise = [step(0, 0.2), step(1, 0.25), step(10, 0.4), step(100, 0.34), step(1000, 0.3)];
const run = (steps: readonly MeasuredStep[]) => trajectoryOf({ name: "run", steps, log: null });

describe("trajectoryOf", () => {
  it("takes every figure from the profiles", () => {
    const trajectory = run(rise);
    expect(trajectorySchema.parse(trajectory)).toEqual(trajectory);
    const { plane, geometry, coding } = rise[2].profile;
    const found = trajectory.steps[2];
    expect(found).toMatchObject({ step: 10, name: "step-10", profile: "id-10", almanac: null });
    expect(found.bitsPerByte).toEqual(coding!.overall.bitsPerByte);
    expect(found.plane!.mean.optimality).toEqual(plane!.summary["1"].optimality);
    expect(found.plane!.layers.map(({ complexity }) => complexity)).toEqual(
      plane!.layers.map(({ orders }) => orders["1"].complexity.heldOut),
    );
    const ranks = geometry!.layers.slice(1).map(({ centred }) => centred!.effectiveRank);
    expect(found.effectiveRank!.mean).toBeCloseTo(ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length, 12);
    expect(trajectory.plane!.frontier).toEqual(rise[0].profile.plane!.frontier);
    expect(trajectory.corpus.baselines).toEqual(coding!.overall.baselines);
  });

  it("finds the phase change, with the steps of its interval", () => {
    expect(run(rise).phaseChange).toMatchObject({
      found: true,
      step: 10,
      interval: { low: 10, high: 10 },
      reason: null,
    });
    expect(run(rise).phaseChange!.fall.value).toBeCloseTo(0.1, 2);
  });

  it.each([
    ["a run that rises", [step(0, 0.2), step(1, 0.3), step(2, 0.4)], /largest at the last step/],
    ["a run that falls", [step(0, 0.4), step(1, 0.3), step(2, 0.2)], /largest at the first step/],
    ["two checkpoints", [step(0, 0.4), step(1, 0.3)], /three checkpoints/],
    ["a plateau", [step(0, 0.2), step(1, 0.401), step(2, 0.4), step(3, 0.4)], /may be/],
  ])("says why there is none in %s", (_, steps, reason) => {
    const { found, reason: given } = run(steps).phaseChange!;
    expect(found).toBe(false);
    expect(given).toMatch(reason);
  });

  it("looks for none where nothing was held out", () => {
    const without = rise.map(({ profile, ...rest }) => {
      const { evaluated: _evaluated, ...plane } = profile.plane!;
      return { ...rest, profile: { ...profile, plane } };
    });
    expect(run(without).phaseChange).toBeNull();
  });

  it("takes share of knowledge and floors from almanac pages", () => {
    const share = { value: 0.4, low: 0.3, high: 0.5 };
    const pages = { pages: 9, bytes: 900, bitsPerByte: share, floorKnown: 0.2, floorUnknown: 0.5 };
    const facts = { pages: 9, facts: 63, priorBits: 300, share: { ...share, value: 0.35 }, unhedged: share };
    const almanac: Profile["almanac"] = {
      ...pages,
      knowledge: { ...facts, control: null, exposures: [], relations: [], leftOut: { pages: 0, facts: 0 } },
      shareOfKnowledge: share,
      shareOfKnowledgeWithoutGap: share,
      aboveFloor: share,
      languageGap: share,
      unseen: pages,
      exposures: [],
      interval: { level: 0.95, resamples: 2000, absent: null },
    };
    const trajectory = run(rise.map((one) => ({ ...one, profile: { ...one.profile, almanac } })));
    expect(trajectory.corpus.floors).toEqual({ known: 0.2, unknown: 0.5 });
    expect(trajectory.steps[3].almanac).toEqual({
      bitsPerByte: share,
      knowledge: facts.share,
      shareOfKnowledge: share,
      shareOfKnowledgeWithoutGap: share,
    });
    const older = run(
      rise.map((one) => ({ ...one, profile: { ...one.profile, almanac: { ...almanac, knowledge: undefined } } })),
    );
    expect(older.steps[3].almanac!.knowledge).toBeNull();
  });

  it("thins the training loss evenly in ln step, and counts the tokens read", () => {
    const log = Array.from({ length: 5000 }, (_, i) => ({ step: i + 1, tokens: 100 * (i + 1), nats: 3 / (i + 1) }));
    const { training, steps } = trajectoryOf({ name: "run", steps: rise, log });
    expect(steps.map(({ trainedTokens }) => trainedTokens)).toEqual([0, 100, 1000, 10_000, 100_000]);
    expect(training!.length).toBeLessThanOrEqual(201);
    expect(training![0]).toEqual({ step: 1, nats: 3 });
    for (const { step: at, nats } of training!) expect(Math.abs(Math.log((nats * at) / 3))).toBeLessThan(0.01);
  });

  it.each([
    ["text", (profile: Profile) => ({ ...profile, corpus: { ...profile.corpus, digest: "ff" } })],
    [
      "tokenizer",
      (profile: Profile) => ({
        ...profile,
        provenance: { ...profile.provenance, digests: { ...profile.provenance.digests, tokenizer: "ff" } },
      }),
    ],
    ["width", (profile: Profile) => ({ ...profile, model: { ...profile.model, width: 7 } })],
    ["options", (profile: Profile) => ({ ...profile, plan: { ...profile.plan, seed: 1 } })],
    ["reference points", (profile: Profile) => ({ ...profile, plane: { ...profile.plane!, source: "seed 4" } })],
  ])("refuses another %s, naming the checkpoints", (what, change) => {
    const steps = [rise[0], step(7, 0.3, change)];
    expect(() => run(steps)).toThrow(new RegExp(`step-0 and step-7 .*differ in ${what}`));
  });
});
