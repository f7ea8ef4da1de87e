/** Shards and their joining as a user types them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { figuresOf, sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { parseProfile } from "../profile/read.ts";
import { run } from "./run.testing.ts";

const folder = mkdtempSync(join(tmpdir(), "lossyscope-merge-"));
const at = (...parts: string[]): string => join(folder, ...parts);
const measuring = (...more: string[]): string[] => [
  ...["measure", at("model"), "--text", at("text.txt"), "--split-on", "\\n\\n", "--context", "32"],
  ...["--batch-tokens", "256", "--no-plane", "--no-baselines", "--keep", "losses", "--threads", "1", "--quiet"],
  ...more,
];
const profileIn = (path: string): unknown => figuresOf(parseProfile(readFileSync(path, "utf8"), path));

beforeAll(async () => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  await writeModel(at("model"));
  writeText(at("text.txt"), sampleText(12, 80));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

describe("lossyscope merge", () => {
  it("joins what shards left to the profile of one run, with what it keeps", async () => {
    expect(await run(...measuring("--out", at("one")))).toMatchObject({ code: 0 });
    for (const shard of ["1/2", "2/2"]) {
      const out = at(`part-${shard[0]}`);
      const ran = await run(...measuring("--shard", shard, "--out", out));
      expect(ran).toEqual({ code: 0, err: "", out: expect.stringMatching(/^.*part-\d.\w{16}\.\d-of-2\n$/) });
      expect(readdirSync(out)).toHaveLength(1);
    }
    const { code, out } = await run("merge", at("part-2"), at("part-1"), "--out", at("joined"));
    expect([code, out]).toEqual([0, expect.stringMatching(/bits for each byte/)]);
    expect(readdirSync(at("joined")).sort()).toEqual(readdirSync(at("one")).sort());
    expect(profileIn(at("joined", "profile.json"))).toEqual(profileIn(at("one", "profile.json")));
    expect(readFileSync(at("joined", "losses.safetensors"))).toEqual(readFileSync(at("one", "losses.safetensors")));
  });

  it("says of a measurement that it is whole", async () => {
    expect(await run("merge", at("joined"))).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /joined holds a whole measurement \(profile\.json\), and no part of a measurement: name/,
      ),
    });
    expect(await run(...measuring("--shard", "1/2", "--out", at("part-1")))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/1-of-2 is complete already: pass --resume to take it as it is, --force to measure/),
    });
    expect((await run(...measuring("--shard", "1/2", "--out", at("part-1"), "--resume"))).code).toBe(0);
    expect((await run(...measuring("--shard", "1/2", "--out", at("part-1"), "--force"))).code).toBe(0);
  });

  it("fails for want of a part, and before anything is written", async () => {
    const { code, err } = await run("merge", at("part-2"), "--out", at("half"));
    expect([code, err]).toEqual([1, expect.stringMatching(/^lossyscope: part 1 of 2 is missing: name the folders/)]);
    expect(readdirSync(folder)).not.toContain("half");
  });
});

describe("lossyscope measure --shard", () => {
  it.each([
    [["--shard", "3/2", "--out", "x"], /there is no shard 3 of 2/],
    [["--shard", "half", "--out", "x"], /expected i\/n, such as 2\/8/],
    [["--shard", "1/2"], /a shard leaves a part: say where with --out/],
    [["--shard", "1/2", "--out", "x", "--json"], /a shard has no profile for --json: pass --json to lossyscope merge/],
    [["--shard", "1/2", "--out", "x", "--work", "y"], /works in the folder of its part: leave out --work/],
    [["--shard", "1/999", "--out", at("none")], /the plan has \d+ batches for 999 shards: cut it into \d+ at most/],
  ])("refuses %j", async (given, message) => {
    expect(await run(...measuring(...given))).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  });
});
