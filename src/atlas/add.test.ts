import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ownSet, profilesIn, storeSet } from "./add.ts";
import { modelProfile } from "./sample.testing.ts";
import type { Score } from "./scores.ts";
import { loadSet } from "./sets.ts";

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

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "atlas-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("a set of one's own", () => {
  const profiles = [named("a", 2), named("b", 1.5), named("c", 1)];

  it("comes back as it was stored, with the figures of the profiles", async () => {
    const set = ownSet("mine", profiles, [scored("a", 0.3, { family: "f" }), scored("b", 0.4), scored("z", 0.5)]);
    expect(await storeSet(set, folder, false)).toBe(join(folder, "mine"));
    const found = await loadSet("mine", folder);
    expect(found).toMatchObject({
      origin: "own",
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
    expect(await readdir(folder)).toEqual(["mine"]);
  });

  it.each([
    ["a profile of a model twice", () => ownSet("m", [named("a"), named("a")], []), /a.json and a.json are both of a/],
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

  it("does not take a name that is taken", async () => {
    const set = ownSet("mine", profiles, [scored("a", 0.3)]);
    await storeSet(set, folder, false);
    await expect(storeSet(set, folder, false)).rejects.toThrow(/there is a set mine.*--replace/);
    await expect(storeSet(ownSet("mine", profiles, [scored("a", 0.7)]), folder, true)).resolves.toBeTruthy();
    expect((await loadSet("mine", folder)).rows[0].score).toBe(0.7);
    const called = (name: string) => storeSet({ ...set, description: { ...set.description, name } }, folder, true);
    await expect(called("pile-loss")).rejects.toThrow(/published set/);
    await expect(called("../up")).rejects.toThrow(/cannot name a set/);
  });

  it("reads every profile of a folder, and nothing else", async () => {
    await expect(profilesIn(folder)).rejects.toThrow(/holds no .json file/);
    await writeFile(join(folder, "a.json"), JSON.stringify(profiles[0].profile));
    await writeFile(join(folder, "notes.txt"), "");
    expect((await profilesIn(folder)).map(({ profile }) => profile.model.name)).toEqual(["a"]);
    await writeFile(join(folder, "b.json"), "{}");
    await expect(profilesIn(folder)).rejects.toThrow(/b.json is not a compression profile/);
  });
});
