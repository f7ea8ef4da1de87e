import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { sampleText, writeModel } from "../measure/model.testing.ts";
import { trajectorySchema } from "../profile/trajectory.ts";
import { run } from "./run.testing.ts";

let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);
const options = (): string[] => ["--text", at("text.txt"), "--split-on", "\n\n", "--points", "8", "--no-baselines"];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "trajectory-cli-"));
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  writeFileSync(at("text.txt"), sampleText(24, 60));
  for (const step of [0, 3, 20]) {
    await writeModel(at("run", `step-${step}`), {
      change: (_, values) => values.forEach((value, i) => void (values[i] = value * (1 + step / 10))),
    });
  }
  writeFileSync(at("run", "log.jsonl"), '{"step":1,"tokens":10,"nllNats":5}\n{"step":3,"tokens":30,"nllNats":4}\n');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe("lossyscope trajectory", () => {
  it("measures a run, writes its trajectory and draws it again from that alone", async () => {
    const first = await run("trajectory", at("run"), ...options(), "--no-frontier", "--out", at("out"));
    expect(first.code).toBe(0);
    expect(first.err.split("\n").slice(-3)).toEqual([
      `wrote ${at("out/trajectory.json")}`,
      `wrote ${at("out/report.html")}`,
      "",
    ]);
    expect(first.err.match(/^checkpoint \d of 3: .* s$/gm)).toHaveLength(3);
    expect(first.out).toMatch(
      /^From step 0 to step 20 run goes from \d\.\d+ to \d+\.\d+ bits a byte\.\n\nPhase change/,
    );
    const trajectory = trajectorySchema.parse(JSON.parse(readFileSync(at("out/trajectory.json"), "utf8")));
    expect(trajectory.steps.map(({ step, trainedTokens }) => [step, trainedTokens])).toEqual([
      [0, 0],
      [3, 30],
      [20, null],
    ]);
    for (const { step, profile, bitsPerByte, plane } of trajectory.steps) {
      const kept = JSON.parse(readFileSync(at("out/profiles", `step-${step}.json`), "utf8"));
      expect(profile).toBe(kept.id);
      expect(bitsPerByte).toEqual(kept.coding.overall.bitsPerByte);
      expect(plane!.mean.complexity).toEqual(kept.plane.summary[1].complexity);
    }
    const course = (...more: string[]) =>
      run("trajectory", at("run"), ...options(), "--no-frontier", "--out", at("out"), ...more);
    const refused = await course();
    expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(/trajectory\.json, .*step-20\.json exist: /) });
    expect(await course("--resume")).toMatchObject({ code: 0, out: first.out });
    expect(await course("--resume", "--seed", "3")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/step-0\.json, .*step-3\.json and .* exist and were not left by this run: .*--force/),
    });
    writeFileSync(at("page.html"), "mine");
    expect(await course("--resume", "--report", at("page.html"))).toMatchObject({ code: 2 });
    expect(readFileSync(at("page.html"), "utf8")).toBe("mine");
    expect((await run("trajectory", "--from", at("out"))).out).toBe(first.out);
    expect(await run("trajectory", "--from", at("run"))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/run holds no trajectory\.json: name a file, or a folder that --out wrote/),
    });
    expect(await run("gate", at("out"), "--max", "coding.overall.bitsPerByte=9")).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /out holds no profile\.json, but trajectory\.json: name the profile of a step: .*step-N/,
      ),
    });
    const again = await run("trajectory", "--from", at("out/trajectory.json"), "--report", at("again.html"));
    expect(again.out).toBe(first.out);
    expect(readFileSync(at("again.html"), "utf8")).toBe(readFileSync(at("out/report.html"), "utf8"));
    const json = await run("trajectory", "--from", at("out/trajectory.json"), "--json");
    expect(JSON.parse(json.out)).toEqual(trajectory);
  });

  it.each([
    [["--text", "x"], 2, /trajectory needs a run or a trajectory: pass either checkpoints or --from/],
    [["a", "--from", "b", "--text", "x"], 2, /pass either checkpoints or --from/],
    [["a", "--text", "x", "--resume"], 2, /--resume takes the profiles that --out keeps/],
    [["nowhere", "--text", "x"], 1, /there is no folder nowhere/],
    [["--from", "nowhere.json"], 1, /cannot read nowhere.json/],
  ])("says what is wrong with %j", async (args, code, message) => {
    const ran = await run("trajectory", ...args);
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(message);
  });
});
