/**
 * No model beats the known floor on text that it was not trained on, beyond its error bar (METHODS §9): every checkpoint of
 * every specimen, and a model of another language. The package carries the checkpoint that the demo measures.
 */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createWorld, documents } from "../src/almanac/almanac.ts";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { hasShared, hasSpecimens, shared, specimen } from "../src/fixtures.testing.ts";
import { findRun } from "../src/measure/checkpoints/checkpoints.ts";
import { measureFiles } from "../src/measure/model.testing.ts";
import type { Almanac } from "../src/profile/almanac.ts";
import { pack } from "./npm.testing.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

/** The model on held-out pages about known entities, other ones than the demo's. */
async function onHeldOutPages(model: string): Promise<Almanac> {
  const pages = [...documents(createWorld(7, "medium"), "known")].slice(-60);
  writeFileSync(at("known.jsonl"), pages.map((page) => `${JSON.stringify(page)}\n`).join(""));
  const { profile } = await measureFiles({ model, text: at("known.jsonl"), work: at("work") });
  expect(profile.almanac!.pages).toBe(60);
  return profile.almanac!;
}

const runs = hasSpecimens
  ? readdirSync(specimen("."), { withFileTypes: true }).filter((one) => existsSync(specimen(`${one.name}/log.jsonl`)))
  : [];
const checkpoints = (await Promise.all(runs.map(({ name }) => findRun([specimen(name)])))).flatMap((run) =>
  run.checkpoints.map(({ name, model }) => ({ name: `${run.name}/${name}`, model })),
);

describe.skipIf(!hasSpecimens)("the specimens (need specimens/main)", () => {
  it.each(checkpoints)("$name stays above the known floor, and knows no more than there is", async ({ model }) => {
    const { aboveFloor, knowledge } = await onHeldOutPages(model);
    expect(aboveFloor.high).toBeGreaterThan(0);
    for (const { share } of [knowledge!, ...knowledge!.exposures, ...knowledge!.relations]) {
      expect(share.value!).toBeLessThanOrEqual(1);
      expect(share.high ?? 1).toBeLessThanOrEqual(1);
    }
  });

  it("the last checkpoints of the main one and of the small one go with the package, alone; METHODS too", async () => {
    const { files } = pack("--dry-run");
    const folders = new Set(files.map(({ path }) => /^(specimens\/.*)\/[^/]+$/.exec(path)?.[1]).filter(Boolean));
    const last = async (name: string): Promise<string> =>
      `specimens/${name}/${(await findRun([specimen(name)])).checkpoints.at(-1)!.name}`;
    expect([...folders]).toEqual([await last("main"), await last("small")]);
    // reports carry the sections of METHODS that they cite
    expect(files.map(({ path }) => path)).toContain("docs/METHODS.md");
  });
});

it.skipIf(!hasShared)("stories260k stays above the known floor (needs ../shared)", async () => {
  expect((await onHeldOutPages(shared("models/stories260k"))).aboveFloor.low).toBeGreaterThan(0);
});
