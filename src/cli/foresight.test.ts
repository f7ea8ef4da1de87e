/**
 * What a run says before it begins, and `--dry-run`: that it says what then comes, stops where the run would have stopped, with
 * the same words and code, and leaves the disk as it was.
 */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { CONFIG, sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { foresightSchema } from "../profile/foresight.ts";
import { parseProfile } from "../profile/read.ts";
import { type Execution, run } from "./run.testing.ts";

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
async function dry(...args: readonly string[]): Promise<Execution> {
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

const foresightIn = ({ out }: Execution) => foresightSchema.parse(JSON.parse(out));

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
    expect(stages.reduce((sum, stage) => sum + stage.seconds, 0)).toBeCloseTo(seconds!, 9);
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

describe("a dry run of several models, of facts and of states", () => {
  it("of a training run is of all checkpoints, each of which has to belong to it", async () => {
    for (const step of [1, 2]) await writeModel(at("run", `step-${step}`));
    const asked = ["trajectory", at("run"), "--text", text(), "--threads", "1", "--work", at("work"), "--points", "8"];
    const { runs, missing, writes, seconds } = foresightIn(await dry(...asked, "--out", at("out"), "--json"));
    expect(runs.map(({ part, model: { name } }) => [part, name])).toEqual([
      ["checkpoint 1 of 2", "step-1"],
      ["checkpoint 2 of 2", "step-2"],
    ]);
    const [first, second] = runs.map(({ stages }) => stages.map(({ label }) => label));
    expect(first).toContain("other compressors");
    expect(second).toEqual(first.filter((label) => label !== "other compressors" && label !== "frontier"));
    expect(runs[0].seconds! + runs[1].seconds!).toBeCloseTo(seconds!, 9);
    expect(missing).toMatchObject([{ figure: "phaseChange", have: 2, needs: 3, remedy: "1 more checkpoint" }]);
    expect(writes).toContain(at("out", "profiles", "step-2.json"));

    await writeModel(at("run", "step-3"), { config: { hidden_size: 8 } });
    const foreseen = await dry(...asked, "--quiet");
    const real = await run(...asked, "--quiet");
    expect([foreseen.code, foreseen.err]).toEqual([real.code, real.err]);
    expect(real.err).toContain("width 8 instead of 16");
  });

  it("of a comparison is of the models that are to be measured", async () => {
    const other = await writeModel(at("other"), { config: { num_hidden_layers: 1 } });
    const asked = ["compare", await model(), other, "--text", text(), "--threads", "1", "--work", at("work")];
    const { runs } = foresightIn(await dry(...asked, "--json"));
    expect(runs.map(({ part, model: { layers } }) => [part, layers])).toEqual([
      ["model 1 of 2", 2],
      ["model 2 of 2", 1],
    ]);
    const { out } = await dry(...asked);
    expect(out).toMatch(/Will be missing: coding\.interval/);
  });

  it("of facts says how many questions there are, and what the facts lack", async () => {
    const candidates = ["red", "blue"];
    const facts = Array.from({ length: 3 }, (_, i) => ({
      ...{ subject: `s${i}`, relation: "is", value: "red", candidates },
      prompts: [{ text: `subject ${i} is`, joint: " ", terminator: "." }],
    }));
    const path = writeText(at("facts.jsonl"), facts.map((fact) => JSON.stringify(fact)).join("\n"));
    const asked = ["facts", await model(), "--facts", path, "--threads", "1"];
    const [{ facts: told, missing, text: read, stages }] = foresightIn(await dry(...asked, "--json")).runs;
    expect(told).toEqual({ name: "facts.jsonl", facts: 3, questions: 3 });
    expect(read).toBeNull();
    expect(stages.map(({ label }) => label)).toEqual(["facts: candidates", "facts: answers"]);
    expect(missing.map(({ figure }) => figure)).toEqual(["facts.knowledge", "facts.interval"]);
    const { code, out } = await run(...asked, "--quiet", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out).facts.notes).toEqual(expect.arrayContaining(missing.map(({ reason }) => reason)));

    const long = { ...facts[0], prompts: [{ text: "x".repeat(100), joint: " ", terminator: "." }] };
    writeText(at("facts.jsonl"), JSON.stringify(long));
    const foreseen = await dry(...asked, "--quiet");
    const real = await run(...asked, "--quiet");
    expect([foreseen.code, foreseen.err]).toEqual([real.code, real.err]);
    expect(real.code).toBe(2);
  });

  it("of states says how large the file will be", async () => {
    const asked = ["states", await model(), "--text", text(), "--threads", "1", "--out", at("states.safetensors")];
    const foresight = foresightIn(await dry(...asked, "--json"));
    expect(foresight.writes).toEqual([at("states.safetensors")]);
    const { code } = await run(...asked);
    expect(code).toBe(0);
    const { size } = lstatSync(at("states.safetensors"));
    expect(foresight.diskBytes / 2 / size).toBeGreaterThan(0.9);
    expect(foresight.diskBytes / 2 / size).toBeLessThan(1.1);
    const { code: wrong, err } = await run(...asked, "--force", "--json");
    expect([wrong, err]).toEqual([2, expect.stringContaining("--json is for --dry-run")]);
  });
});

describe("a dry run of training", () => {
  const configured = (): string => {
    const { eos_token_id, vocab_size, ...config } = CONFIG;
    return writeText(at("config.json"), JSON.stringify(config));
  };
  const shape = ["--context", "16", "--batch", "4", "--run-tokens", "32", "--threads", "1"];
  const learning = async (command: string): Promise<string[]> => {
    const from = command === "distil" ? ["--teacher", await model()] : ["--tokenizer", await model()];
    const given = ["--config", configured(), "--text", text(), "--held-out", "0.2", "--checkpoints", "4"];
    return [command, ...from, ...given, "--steps", "7", ...shape, "--out", at("out")];
  };
  const logOf = (folder: string): { step?: number; tokens?: number; checkpoint?: string }[] =>
    readFileSync(join(folder, "log.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));

  it("says steps, tokens and what is left, as they then are", async () => {
    const asked = await learning("train");
    const foresight = foresightIn(await dry(...asked, "--json"));
    const [{ training, text: read, memoryBytes, model: about }] = foresight.runs;
    expect(about).toMatchObject({ name: "config.json", architecture: "llama", layers: 2, width: 16 });
    expect(memoryBytes).toBeGreaterThan(40 * about.parameters!);
    expect((await run(...asked, "--quiet")).code).toBe(0);
    const log = logOf(at("out"));
    const steps = log.filter(({ tokens }) => tokens !== undefined);
    expect(training).toMatchObject({ steps: steps.length, settles: false, rows: 4, positions: 16 });
    expect(Math.abs(training!.tokens - steps.at(-1)!.tokens!)).toBeLessThan(16);
    expect(read!.documents).toBeGreaterThan(0);
    expect(training!.heldOutTokens).toBeGreaterThan(0);
    const left = readdirSync(at("out")).map((name) => at("out", name));
    expect([...foresight.writes].sort()).toEqual(left.sort());
    expect(training!.checkpoints).toBe(log.filter(({ checkpoint }) => checkpoint).length);
    const { size } = lstatSync(at("out", "step-7", "model.safetensors"));
    expect(size / training!.checkpointBytes).toBeGreaterThan(1);
    expect(size / training!.checkpointBytes).toBeLessThan(1.2);
    // the folder is taken now: both say so
    const [foreseen, real] = [await dry(...asked, "--quiet"), await run(...asked, "--quiet")];
    expect([foreseen.code, foreseen.err]).toEqual([real.code, real.err]);
    expect(real.code).toBe(2);
  });

  it("of a distillation is of student and control", async () => {
    const asked = await learning("distil");
    const { runs, writes } = foresightIn(await dry(...asked, "--json"));
    expect(runs.map(({ part, stages }) => [part, stages.map(({ label }) => label)])).toEqual([
      ["student", ["teacher on held-out text", "distilling"]],
      ["alone", ["training alone"]],
    ]);
    expect(runs[0].memoryBytes).toBeGreaterThan(runs[1].memoryBytes!);
    expect(writes).toEqual(expect.arrayContaining([at("out", "student", "step-7"), at("out", "alone", "step-7")]));
    const [alone] = foresightIn(await dry(...asked, "--no-control", "--json")).runs;
    expect(alone.part).toBeNull();
  });

  it("of capacity is of the strings that are not there yet, for so long at most", async () => {
    const { eos_token_id, ...config } = CONFIG;
    const path = writeText(at("config.json"), JSON.stringify({ ...config, vocab_size: 16 }));
    const asked = ["capacity", "--config", path, "--length", "8", "--steps", "10", "--batch", "4", "--threads", "1"];
    const strings = (...numbers: readonly number[]) => [...asked, "--strings", numbers.join(), "--out", at("out")];
    const first = await dry(...strings(4, 8));
    expect(first.out.replace(/\s+/g, " ")).toMatch(/; at most 10 steps of 4 rows of 8 tokens, 320 tokens in all; /);
    expect((await run(...strings(4), "--quiet")).code).toBe(0);
    const { runs, writes } = foresightIn(await dry(...strings(4, 8), "--resume", "--json"));
    expect(runs.map(({ part, training }) => [part, training!.settles])).toEqual([["8 strings, seed 0", true]]);
    expect(writes).toEqual([at("out", "capacity.json"), at("out", "report.html"), at("out", "strings-8", "seed-0")]);
    const again = await dry(...strings(4), "--resume");
    expect([again.code, again.out]).toEqual([0, expect.stringMatching(/^There is nothing left to train\./)]);
  });

  it("is said before a training that nobody asked to be quiet", async () => {
    const asked = await learning("train");
    const { code, err } = await run(...asked);
    expect(code).toBe(0);
    expect(err.replace(/\s+/g, " ")).toMatch(/7 steps of 4 rows of 16 tokens, .* step 0: wrote /);
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
