/** `measure Q --reference P` is the same door as `compare P Q`: one record, in the profile of Q. */
import { readFileSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { editJson, sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import type { Lockstep } from "../profile/lockstep.ts";
import { parseProfile } from "../profile/read.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
const QUICK = ["--no-plane", "--no-geometry", "--no-baselines", "--threads", "1", "--context", "32"];

/** Where lines break depends on the terminal. */
const unbroken = (text: string): string => text.replaceAll(/\s+/g, " ");

describe("lossyscope measure --reference", () => {
  afterAll(() => vi.unstubAllEnvs());
  beforeEach(async () => {
    vi.stubEnv("XDG_CACHE_HOME", at("cache"));
    await writeModel(at("p"));
    await writeModel(at("q"), { change: (name, values) => name.includes("mlp") && values.reverse() });
    writeText(at("text.txt"), sampleText(12, 60));
  });
  const on = (...more: string[]) => ["--text", at("text.txt"), "--split-on", "\\n\\n", ...QUICK, ...more];
  const measured = (...more: string[]) => run("measure", at("q"), "--reference", at("p"), ...on(...more));
  const profileAt = (path: string) => parseProfile(readFileSync(path, "utf8"), path);

  it("keeps in the profile what comparing both finds, to the last digit", async () => {
    const { code, out } = await measured("--out", at("out"));
    expect(code).toBe(0);
    expect(unbroken(out)).toMatch(
      /q diverges from p by \d\.\d+ \(\d\.\d+–\d\.\d+\) bits a token \(KL, .*less those of p, is /,
    );
    const profile = profileAt(at("out", "profile.json"));
    const { pairs } = JSON.parse((await run("compare", at("p"), at("q"), ...on("--json"))).out);
    const timeless = ({ provenance, ...rest }: Lockstep) => rest;
    expect(timeless(profile.lockstep!)).toEqual(timeless(pairs[0].lockstep));
    expect(profile.provenance.reference!.weights).not.toBe(profile.provenance.digests.weights);
    const page = readFileSync(at("out", "report.html"), "utf8");
    expect(page).toContain("How far it is from its reference, token by token");
    const gated = await run("gate", at("out", "profile.json"), "--max", "lockstep.overall.kl=1e-6");
    expect(gated.code).toBe(3);
  });

  it("belongs to the measurement: it is taken up again, and without it there is another one", async () => {
    const { out } = await measured("--out", at("out"));
    const again = await measured("--out", at("out"), "--resume");
    expect([again.err, again.out]).toEqual([expect.stringContaining("taken from an earlier run"), out]);
    const without = await run("measure", at("q"), ...on("--json", at("alone.json")));
    const alone = profileAt(at("alone.json"));
    expect([without.code, alone.lockstep, alone.provenance.reference]).toEqual([0, undefined, undefined]);
    expect(alone.id).not.toBe(profileAt(at("out", "profile.json")).id);
  });

  it("foretells it, and says beforehand and afterwards where the two cannot be read together", async () => {
    const labels = (out: string) => JSON.parse(out).runs[0].stages.map(({ label }: { label: string }) => label);
    expect(labels((await measured("--dry-run", "--json")).out)).toContain("token by token");
    editJson(at("p"), "tokenizer.json", ({ model }) => {
      const { vocab } = model as { vocab: Record<string, number> };
      [vocab.a, vocab.b] = [vocab.b, vocab.a];
    });
    const differ = /the vocabularies differ in 2 of 257 ids \(\d+ is "b" and "a", /;
    expect(unbroken((await measured("--dry-run")).out)).toMatch(
      new RegExp(`Will be missing: lockstep: ${differ.source}`),
    );
    const { code, out } = await measured("--json", at("p.json"));
    expect([code, unbroken(out)]).toEqual([
      0,
      expect.stringMatching(new RegExp(`Missing: lockstep: ${differ.source}`)),
    ]);
    expect(profileAt(at("p.json"))).toMatchObject({
      lockstep: null,
      refusals: [{ figure: "lockstep", reason: expect.stringMatching(differ) }],
    });
  });

  it("is refused where the text can be read once, and for a part", async () => {
    const piped = await run("measure", at("q"), "--reference", at("p"), "--text", "-", ...QUICK);
    expect(piped).toMatchObject({ code: 2, err: expect.stringContaining("read once, not for the reference too") });
    const part = await measured("--shard", "1/2", "--out", at("parts"));
    expect(part).toMatchObject({ code: 2, err: expect.stringContaining("cannot be cut into shards") });
    const dry = await measured("--shard", "1/2", "--out", at("parts"), "--dry-run");
    expect(dry).toMatchObject({ code: 2, err: part.err });
  });
});
