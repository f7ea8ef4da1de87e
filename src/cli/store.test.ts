/** `lossyscope store`: what is typed, said and written, on a store in a folder. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { writeModel, writeText } from "../measure/model.testing.ts";
import type { Profile } from "../profile/profile.ts";
import { sampleProfile } from "../report/sample.testing.ts";
import { run } from "./run.testing.ts";

// Making one takes its time: all tests have the same, and come in order.
const folder = mkdtempSync(join(tmpdir(), "lossyscope-store-"));
const at = (...parts: readonly string[]): string => join(folder, ...parts);
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  vi.stubEnv("LOSSYSCOPE_STORE", at("store"));
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

const named = (name: string): Profile => ({ ...sampleProfile(), model: { ...sampleProfile().model, name } });

describe("a store in a folder", () => {
  it("takes profiles, lists, writes back and removes them", async () => {
    mkdirSync(at("profiles", "out"), { recursive: true });
    writeFileSync(at("profiles", "a.json"), JSON.stringify(named("org/first")));
    writeFileSync(at("profiles", "out", "profile.json"), JSON.stringify(named("org/second")));
    const added = await run("store", "add", at("profiles"), at("profiles", "a.json"));
    expect(added).toMatchObject({ code: 0, err: "" });
    expect(added.out).toContain(`Put 2 profiles into ${at("store")} (1, 2); 1 profile had been there`);
    const listed = await run("store", "list", "--model", "first");
    expect(listed.out).toMatch(/1 profile in .*\n.*bits a byte.*\n +1 +org\/first/s);
    const json = JSON.parse((await run("store", "list", "--json")).out);
    expect(json).toMatchObject([
      { id: 1, model: "org/first" },
      { id: 2, model: "org/second" },
    ]);
    expect((await run("store", "export", "--out", at("back"))).out).toBe(`wrote 2 profiles to ${at("back")}\n`);
    expect(JSON.parse(readFileSync(at("back", "1-org-first.json"), "utf8"))).toEqual(named("org/first"));
    expect((await run("store", "export", "1", "--out", at("back"))).err).toMatch(
      /1-org-first\.json exists: pass --force/,
    );
    expect((await run("store", "rm", "1", "2")).out).toBe("removed 2 profiles\n");
    expect((await run("store", "rm", "1")).err).toMatch(/has no profile 1: lossyscope store list says which it has/);
    expect((await run("store", "vacuum")).out).toMatch(/takes .*B, before it took .*B/);
    expect((await run("store", "list")).out).toMatch(/has no such profile/);
  }, 60_000);

  it("is told of a run of measure, and has its profile", async () => {
    const model = await writeModel(at("model"));
    const text = writeText(at("text.txt"), "one and two\n\nthree and four");
    const measure = ["measure", model, "--text", text, "--no-plane", "--no-geometry", "--no-baselines", "--quiet"];
    const { code, err } = await run(...measure, "--store", at("store"), "--json", at("one.json"));
    expect([code, err]).toEqual([0, ""]);
    const [stored] = JSON.parse((await run("store", "list", "--json")).out);
    expect(stored).toMatchObject({ model: "model", text: "text.txt" });
    const profile = JSON.parse(readFileSync(at("one.json"), "utf8"));
    expect(stored.bitsPerByte.value).toBe(profile.coding.overall.bitsPerByte.value);
    const failed = await run(...measure, "--store", at("store"), "--points", "2", "--context", "100");
    expect(failed.code).toBe(2);
    const runs = JSON.parse((await run("store", "runs", "--json")).out);
    expect(runs).toMatchObject([
      { state: "failed", said: expect.stringMatching(/64 positions, --context asks 100/) },
      { state: "done", profile: stored.id },
    ]);
    expect((await run("store", "runs")).out).toMatch(/2 runs in/);
  }, 60_000);

  it("names what cannot be put in, and is asked for by what it has", async () => {
    writeFileSync(at("not.json"), "{}");
    expect((await run("store", "add", at("not.json"))).err).toMatch(/not\.json is not a compression profile/);
    expect((await run("store", "rm", "x")).err).toMatch(/x is no id of a profile/);
    const shard = ["measure", at("model"), "--text", at("text.txt"), "--shard", "1/2", "--out", at("part")];
    expect((await run(...shard, "--store", at("store"))).err).toMatch(
      /a shard has no profile for --store: add the merged one/,
    );
    expect(existsSync(at("store", "lock"))).toBe(false);
  }, 60_000);
});
