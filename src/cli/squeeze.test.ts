/** `squeeze` through the command line: what it writes and prints, and what it refuses before it runs. */
import { existsSync, readFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { squeezeSchema } from "../profile/squeeze.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();

beforeEach(async () => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  await writeModel(at("model"));
  writeText(at("text"), sampleText(12, 50));
  return () => vi.unstubAllEnvs();
});

const squeeze = (...more: readonly string[]) =>
  run(
    "squeeze",
    at("model"),
    "--text",
    at("text"),
    "--split-on",
    "\n\n",
    "--threads",
    "1",
    "--work",
    at("work"),
    ...more,
  );

describe("squeeze", () => {
  it("writes points and page, prints the table, and says how to measure a point again", async () => {
    const { code, out, err } = await squeeze("--try", "q4", "--groups", "8", "--prune", "50", "--out", at("out"));
    expect({ code, err }).toMatchObject({ code: 0 });
    const found = squeezeSchema.parse(JSON.parse(readFileSync(at("out", "squeeze.json"), "utf8")));
    expect(found.points.map(({ name }) => name).sort()).toEqual(["prune50", "q4g8"]);
    expect(found.points.find(({ name }) => name === "q4g8")!.command).toBe(
      "lossyscope squeeze model --text text --split-on '\n\n' --try q4g8",
    );
    expect(readFileSync(at("out", "report.html"), "utf8")).toContain("Rate and distortion");
    expect(out).toContain("q4g8");
    expect(err).toMatch(/1 of 2: q4g8, 6\.\d+ bits a parameter, KL .* frontier q4g8/);
    const again = await squeeze("--try", "q4", "--groups", "8", "--out", at("out"));
    expect(again).toMatchObject({ code: 2, err: expect.stringMatching(/squeeze.json .*exist.*--force/) });
  });

  it("says what it would do, and does nothing", async () => {
    const { code, out } = await squeeze("--try", "q4row,Q8_0", "--groups", "8", "--spare", "embedding", "--dry-run");
    expect({ code, out }).toMatchObject({ code: 2 });
    const dry = await squeeze("--try", "q4row", "--rank", "0.9", "--out", at("out"), "--dry-run");
    expect(dry.code).toBe(0);
    expect(dry.out).toMatch(/point 2 of 2/);
    expect(dry.out).toContain("squeeze.json");
    expect(existsSync(at("out"))).toBe(false);
    const all = ["--try", "q4row,q3row", "--sensitivity", "--budget", "14", "--drop-blocks", "1"];
    const written = ["--point", "mixed14", "--write", at("written")];
    const { code: done, out: told } = await squeeze(...all, ...written, "--dry-run", "--json");
    expect(done).toBe(0);
    const parts = (JSON.parse(told).runs as { part: string; seconds: number }[]).slice(3);
    expect(parts.map(({ part }) => part)).toEqual([
      "without each of 2 blocks",
      "a plan of several types",
      "12 parts alone",
      "what was written",
    ]);
    // Two passes without a block; six parts in two types each, and the plan.
    expect(parts[0].seconds).toBeGreaterThan(1.5 * parts[3].seconds);
    expect(parts[1].seconds).toBeGreaterThan(6 * parts[3].seconds);
    const small = await squeeze("--try", "q4row,q3row", "--budget", "1kB", "--dry-run");
    expect(small).toMatchObject({ code: 2, err: expect.stringMatching(/smallest types tried take .*--budget allows/) });
    expect(existsSync(at("written"))).toBe(false);
  });

  it.each([
    [["--try", "q4", "--groups", "32"], /q4g32 takes groups of 32 values of a row, which do not divide the 16 inputs/],
    [["--try", "q1"], /nothing that a model can be squeezed by is called "q1/],
    [["--rank", "99"], /no matrix of the model has more than rank 16/],
    [["--prune", "0"], /no per cents from 1 to 99/],
    [["--drop-blocks", "2"], /of 2 blocks one at least has to stay/],
    [["--nm", "4:2"], /nothing that a model can be squeezed by is called "4:2"/],
    [["--prune", "50", "--sensitivity"], /--sensitivity has no rounding to take/],
  ])("refuses %j with the numbers", async (options, message) => {
    const { code, err } = await squeeze(...options);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});
