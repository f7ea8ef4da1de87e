import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ownSet } from "../atlas/add.ts";
import { modelProfile } from "../atlas/sample.testing.ts";
import { groupBy } from "../numeric/groups.ts";
import { profilesIn } from "./profiles.ts";
import { defaultAtlas, loadSet, setNames, storeSet } from "./sets.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "atlas-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("published sets", () => {
  it("are there, each row with source, status and licence", async () => {
    const names = (await setNames(folder)).map(({ name }) => name);
    expect(names).toEqual(["ladder", "last-word", "llm-compression", "open-llm", "open-llm-v2", "pile-loss"]);
    for (const name of names) {
      const set = await loadSet(name, folder);
      expect(set.name).toBe(name);
      for (const { source, status, licence, model } of set.rows) {
        expect(
          [source, status, licence].filter((cell) => cell === ""),
          `${name}: ${model}`,
        ).toEqual([]);
        expect(status).not.toMatch(/recalled/);
      }
      // every model stands in every area of a set, whether or not its cells are filled
      if (name !== "llm-compression") {
        const sizes = [...groupBy(set.rows, ({ area }) => area).values()].map((rows) => rows.length);
        expect(new Set(sizes).size).toBe(1);
      }
    }
  });
});

describe("a set of one's own", () => {
  const profiles = [2, 1.5].map((bitsPerByte, at) => ({
    file: `${"ab"[at]}.json`,
    profile: modelProfile({ name: "ab"[at], bitsPerByte }),
  }));
  const scored = (score: number) => ({
    model: "a",
    benchmark: "quiz",
    score,
    stderr: null,
    family: null,
    source: "s.csv",
  });

  it("comes back as it was stored", async () => {
    const set = ownSet("mine", profiles, [scored(0.3)]);
    expect(await storeSet(set, folder, false)).toBe(join(folder, "mine"));
    expect(await loadSet("mine", folder)).toMatchObject({ ...set.description, origin: "own", rows: [{ score: 0.3 }] });
    expect(await readdir(folder)).toEqual(["mine"]);
  });

  it("does not take a name that is taken", async () => {
    const set = ownSet("mine", profiles, [scored(0.3)]);
    await storeSet(set, folder, false);
    await expect(storeSet(set, folder, false)).rejects.toThrow(/the set mine exists: pass --force to replace it/);
    await expect(storeSet(ownSet("mine", profiles, [scored(0.7)]), folder, true)).resolves.toBeTruthy();
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

  it("names the sets there are when there is none of that name", () =>
    expect(loadSet("nowhere", folder)).rejects.toThrow(
      /no calibration set is called nowhere: choose from .*llm-compression/,
    ));
});

it("keeps own sets in the user's data folder", () => {
  expect(defaultAtlas({ XDG_DATA_HOME: "/data" })).toBe("/data/lossyscope/atlas");
  expect(defaultAtlas({ XDG_DATA_HOME: "" })).toMatch(/\.local\/share\/lossyscope\/atlas$/);
});
