import { describe, expect, it } from "vitest";
import type { Preference } from "../profile/preference.ts";
import { ownSet } from "./add.ts";
import { predict } from "./predict.ts";
import { modelProfile } from "./sample.testing.ts";
import type { Score } from "./scores.ts";
import { type CalibrationSet, parseSet } from "./sets.ts";

const named = (name: string, bitsPerByte = 2) => ({
  file: `${name}.json`,
  profile: modelProfile({ name, bitsPerByte }),
});
const scored = (model: string, score: number, changes: Partial<Score> = {}): Score => ({
  model,
  benchmark: "quiz",
  score,
  stderr: null,
  family: null,
  source: "s.csv",
  ...changes,
});

describe("a set of one's own", () => {
  const profiles = [named("a", 2), named("b", 1.5), named("c", 1)];

  it("comes back as it was written, with the figures of the profiles", () => {
    const set = ownSet("mine", profiles, [scored("a", 0.3, { family: "f" }), scored("b", 0.4), scored("z", 0.5)]);
    const found = parseSet(JSON.stringify(set.description), set.rows, "mine");
    expect(found).toMatchObject({
      fit: ["bits_per_byte"],
      text: { digest: profiles[0].profile.corpus.digest },
    });
    expect(found.rows.map(({ model, family, score }) => [model, family, score])).toEqual([
      ["a", "f", 0.3],
      ["b", "b", 0.4],
    ]);
    const [row] = found.rows;
    const { coding, geometry, plane } = profiles[0].profile;
    expect(row.predictors).toMatchObject({
      bits_per_byte: coding!.overall.bitsPerByte.value,
      bits_per_byte_prose: coding!.domains.prose.bitsPerByte.value,
      optimality: plane!.summary[1].optimality.value,
      effective_rank: geometry!.layers.at(-1)!.centred!.effectiveRank,
      parameters: 259_776,
    });
    expect(Object.keys(found.predictors)).not.toContain("training_tokens");
    expect(set.notes.join(" ")).toMatch(
      /2 models, 1 benchmarks, 2 families.*: b\..*Profiles without a score: c\..*Scores without a profile: z\./,
    );
  });

  it("has preference among its predictors where all were asked the same pairs, which a prediction is held to", () => {
    const asked = (name: string, digest: string, share: number) => {
      const { file, profile } = named(name);
      const cheaper = { share: { value: share, low: null, high: null } };
      const section = { source: { name: "p.jsonl", digest }, cheaper, information: null };
      return { file, profile: { ...profile, preference: section as unknown as Preference } };
    };
    const scores = ["a", "b", "c"].map((name, place) => scored(name, place / 4));
    const three = (digest: string) => [asked("a", "d", 0.6), asked("b", "d", 0.7), asked("c", digest, 0.8)];
    const { description, rows } = ownSet("m", three("d"), scores);
    expect(description).toMatchObject({ pairs: { name: "p.jsonl", digest: "d" } });
    const parsed = parseSet(JSON.stringify(description), rows, "m");
    const set: CalibrationSet = { ...parsed, origin: "own", fit: ["chosen_cheaper"] };
    expect(set.rows.map(({ predictors }) => predictors.chosen_cheaper)).toEqual([0.6, 0.7, 0.8]);
    const predicted = (digest: string) =>
      predict(set, [asked("x", digest, 0.65).profile], { seed: 0, extrapolate: false }).models;
    expect(JSON.stringify(predicted("d"))).not.toContain("asked the pairs");
    expect(JSON.stringify(predicted("e"))).toContain("asked the pairs p.jsonl, the set is of p.jsonl");
    const mixed = ownSet("m", three("e"), scores);
    expect(Object.keys(mixed.description.predictors)).not.toContain("chosen_cheaper");
    expect(mixed.notes.join(" ")).toContain("the profiles are of 2 files of pairs");
  });

  it.each([
    ["a profile of a model twice", () => ownSet("m", [named("a"), named("a")], []), /a.json and a.json are both of a/],
    [
      "a profile computed otherwise than exactly",
      () => {
        const other = named("b");
        const precision = { kind: "int8" as const };
        return ownSet("m", [named("a"), { ...other, profile: { ...other.profile, precision } }], [scored("a", 1)]);
      },
      /b.json was computed with --precision int8/,
    ],
    [
      "profiles of different texts",
      () => {
        const other = named("b");
        const corpus = { ...other.profile.corpus, name: "elsewhere", digest: "ff" };
        return ownSet("m", [named("a"), { ...other, profile: { ...other.profile, corpus } }], [scored("a", 1)]);
      },
      /a.json is of tinyshakespeare .*, b.json is of elsewhere/,
    ],
    [
      "a score twice",
      () => ownSet("m", profiles, [scored("a", 1), scored("a", 2, { source: "t.csv" })]),
      /a on quiz stands in s.csv and in t.csv/,
    ],
    [
      "a model in two families",
      () =>
        ownSet("m", profiles, [scored("a", 1, { family: "f" }), scored("a", 1, { benchmark: "exam", family: "g" })]),
      /put a into the families f and g/,
    ],
    [
      "no model with both",
      () => ownSet("m", profiles, [scored("z", 1)]),
      /none of the models with a profile \(a, b, c\) has a score \(z\)/,
    ],
  ])("refuses %s", (_, make, message) => expect(make).toThrow(message));
});
