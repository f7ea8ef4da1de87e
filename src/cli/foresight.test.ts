/**
 * What a run says before it begins, and `--dry-run`: that it says what then comes, stops where the run would have stopped, with
 * the same words and code, and leaves the disk as it was.
 */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { foresightSchema } from "../profile/foresight.ts";
import { parseProfile } from "../profile/read.ts";
import { type Ran, run } from "./run.testing.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  vi.stubEnv("HOME", at("home"));
  mkdirSync(at("tmp"), { recursive: true });
  vi.stubEnv("TMPDIR", at("tmp"));
  return () => vi.unstubAllEnvs();
});

/** Every file and folder under the test's own, with bytes and times. */
function everything(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const { mtimeMs, size } = lstatSync(path);
    if (lstatSync(path).isDirectory()) return [path, ...everything(path)];
    return [`${path} ${mtimeMs} ${size} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`];
  });
}

/** Runs with `--dry-run` and makes sure that nothing was written. */
async function dry(...args: readonly string[]): Promise<Ran> {
  const before = everything(at("."));
  const ran = await run(...args, "--dry-run");
  expect(everything(at("."))).toEqual(before);
  return ran;
}

const model = (): Promise<string> => writeModel(at("model"));
const text = (): string => writeText(at("text.txt"), sampleText(12, 60));
const given = async (command: string, ...more: readonly string[]): Promise<string[]> => [
  ...[command, await model(), "--text", text(), "--threads", "1", "--work", at("work")],
  ...more,
];

const foresightIn = ({ out }: Ran) => foresightSchema.parse(JSON.parse(out));

describe("a dry run", () => {
  it("says what would be done, and how the figures that will be missing could be had", async () => {
    const { code, out } = await dry(...(await given("measure", "--out", at("out"))));
    expect(code).toBe(0);
    const said = out.replace(/\s+/g, " ");
    expect(said).toMatch(/^model \(llama, 2 blocks of 16 dimensions, \S+ parameters\) on text\.txt: 1 document, /);
    expect(said).toMatch(
      / (About|Less than) [^(]* \(.*model pass .*\); up to .* of memory for the model and .* of disk/,
    );
    expect(said).toContain(` Writes ${at("out", "profile.json")}, ${at("out", "report.html")}. `);
    expect(said).toMatch(
      /Will be missing: coding\.interval: .* 1 block to resample.*; it would take about [\d.]+ kB more/,
    );
  });

  it("is JSON that its schema knows, and foretells what the profile refuses", async () => {
    const asked = await given("measure", "--split-on", "\\n\\n", "--with", "recall", "--no-baselines");
    const ran = await dry(...asked, "--json", "--quiet");
    expect([ran.code, ran.err]).toEqual([0, ""]);
    const foresight = foresightIn(ran);
    const [{ missing, text: read, pass, stages, seconds }] = foresight.runs;
    expect(read).toMatchObject({ name: "text.txt", documents: 12, unit: "block", units: 12 });
    expect(pass!.slots).toBeGreaterThanOrEqual(read!.tokens);
    expect(stages.reduce((sum, stage) => sum + stage.seconds, 0)).toBeCloseTo(seconds, 9);
    expect(stages.map(({ label }) => label)).toContain("information plane");
    expect(stages.map(({ label }) => label)).not.toContain("other compressors");

    expect((await run(...asked, "--quiet", "--out", at("out"))).code).toBe(0);
    const profile = parseProfile(readFileSync(at("out", "profile.json"), "utf8"), "profile.json");
    expect(missing.map(({ figure, reason, remedy }) => ({ figure, reason, remedy }))).toEqual(profile.refusals);
    expect(missing.length).toBeGreaterThan(0);
    expect(profile.plane!.spillBytes).toBe(foresight.diskBytes);
  });

  it("is there for recall, too", async () => {
    const foresight = foresightIn(
      await dry(...(await given("recall", "--split-on", "\\n\\n", "--prefix", "4", "--length", "8", "--json"))),
    );
    const labels = foresight.runs[0].stages.map(({ label }) => label);
    expect(labels).toContain("recall: passages");
    expect(labels).not.toContain("information plane");
    expect(foresight.runs[0].missing.map(({ figure }) => figure)).toContain("recall.membership");
  });

  it("of a shard is of its share", async () => {
    const asked = ["measure", await model(), "--text", text(), "--threads", "1", "--batch-tokens", "64", "--json"];
    const whole = foresightIn(await dry(...asked));
    const half = foresightIn(await dry(...asked, "--shard", "2/2", "--out", at("parts")));
    expect(half.runs[0].pass!.batches).toBeLessThan(whole.runs[0].pass!.batches);
    expect(half.diskBytes).toBeLessThan(whole.diskBytes);
    expect(half.runs[0].stages.map(({ label }) => label)).toEqual(["model pass"]);
    const refused = await dry(
      "measure",
      ...asked.slice(1, -1),
      "--shard",
      "1/2",
      "--out",
      at("parts"),
      "--with",
      "recall",
    );
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("recall cannot be cut into shards")]);
  });

  it.each<[string, (folder: string) => readonly string[]]>([
    ["a window that the model has no positions for", () => ["--context", "65"]],
    ["an overlap as long as the window", () => ["--context", "32", "--overlap", "40"]],
    ["a result that is there", (folder) => ["--json", join(folder, "model", "config.json")]],
    ["a folder that is not there", (folder) => ["--json", join(folder, "nowhere", "profile.json")]],
    ["a file for a folder", (folder) => ["--out", join(folder, "model", "config.json")]],
    ["a pattern that is none", () => ["--split-on", "("]],
    ["no record with the label", () => ["--label", "language"]],
  ])("ends as the run would: %s", async (_, wrong) => {
    const asked = [...(await given("measure", "--quiet")), ...wrong(at("."))];
    const foreseen = await dry(...asked);
    const real = await run(...asked);
    expect([foreseen.code, foreseen.err]).toEqual([real.code, real.err]);
    expect(real.code).toBeGreaterThan(0);
    expect(foreseen.out).toBe("");
  });

  it.each([
    ["a model that is not there", ["measure", "nowhere/at-all", "--offline"]],
    ["an empty text", ["measure", "MODEL"]],
  ])("ends as the run would: %s", async (_, [command, name, ...more]) => {
    const empty = writeText(at("empty.txt"), "");
    const folder = await model();
    const asked = [
      command,
      name === "MODEL" ? folder : name,
      "--text",
      empty,
      "--quiet",
      "--work",
      at("work"),
      ...more,
    ];
    const foreseen = await dry(...asked);
    const real = await run(...asked);
    expect([foreseen.code, foreseen.err]).toEqual([real.code, real.err]);
    expect(real.code).toBe(1);
  });
});

describe("a run", () => {
  it("says before the model runs what it will do, and in the end what it took", async () => {
    const { code, err } = await run(...(await given("measure", "--no-baselines")));
    expect(code).toBe(0);
    expect(err.indexOf("2 blocks of 16 dimensions")).toBeGreaterThan(0);
    expect(err.indexOf("2 blocks of 16 dimensions")).toBeLessThan(err.indexOf("model pass:"));
    expect(err).toMatch(/\ntook [\d.]+ s, foretold were about [\d.]+ s\n/);
    expect(err).toContain("Will be missing: coding.interval");
  });

  it("says nothing with --quiet", async () => {
    const { code, err } = await run(...(await given("measure", "--no-baselines", "--quiet")));
    expect([code, err]).toEqual([0, ""]);
  });
});
