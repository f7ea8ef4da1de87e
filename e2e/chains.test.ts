/**
 * What one command writes, the next one reads: every pair of commands that README, guide and tour chain, on models so small
 * that nothing takes long. The states of README's "Bring your own activations" are run as its lines stand there, and give
 * `measure`'s own figures.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { run } from "../src/cli/run.testing.ts";
import { hasShared, shared } from "../src/fixtures.testing.ts";
import { CONFIG, figuresOf, sampleText, writeModel } from "../src/measure/model.testing.ts";
import type { Estimation } from "../src/measure/states/estimate.ts";
import type { Profile } from "../src/profile/profile.ts";
import { readProfile } from "../src/store/profiles.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const quick = ["--quiet", "--threads", "1"];
const bare = [...quick, "--no-plane", "--no-geometry", "--no-baselines"];

let folder: string;
let home: string;
beforeAll(async () => {
  home = process.cwd();
  folder = mkdtempSync(join(tmpdir(), "lossyscope-chains-"));
  process.chdir(folder);
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
  vi.stubEnv("XDG_DATA_HOME", join(folder, "data"));
  await writeModel("MODEL");
  for (let k = 1; k <= 5; k++) {
    const scale = 1 - 0.15 * k;
    const weaker = (_: string, values: Float32Array): void =>
      values.forEach((value, i) => void (values[i] = value * scale));
    await writeModel(`models/m${k}`, { change: weaker });
  }
  for (const domain of ["letters", "diaries"]) {
    mkdirSync(`notes/${domain}`, { recursive: true });
    const texts = sampleText(14, 150, domain.length).split("\n\n");
    for (const [i, text] of texts.entries()) writeFileSync(`notes/${domain}/${i}.txt`, text);
  }
  writeFileSync("FILE", sampleText(1, 6000, 4));
  writeFileSync("config.json", JSON.stringify({ ...CONFIG, vocab_size: 290, eos_token_id: undefined }));
});
afterAll(() => {
  vi.unstubAllEnvs();
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a command that has to succeed. @returns its standard output */
async function ok(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await run(...args);
  expect({ args, code, err: code === 0 ? "" : err }).toEqual({ args, code: 0, err: "" });
  return out;
}
const json = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;

/** Every figure of the plane that `estimate` gives too. */
function planeFigures({ plane }: Profile) {
  return plane!.layers.map(({ layer, entropy, tokenEntropy, orders, labels }) => ({
    layer,
    entropy,
    tokenEntropy,
    labels: Object.fromEntries([
      ...Object.entries(orders).flatMap(([order, { complexity, expressivity }]) => [
        [`x${order}`, complexity],
        [`y${order}`, expressivity],
      ]),
      ...Object.entries(labels ?? {}),
    ]),
  }));
}

/** All numbers of `found` as near to those of `wanted` as two ways to round float32 leave them. */
function expectNear(found: unknown, wanted: unknown, where: string): void {
  if (typeof wanted === "number") expect(Math.abs((found as number) - wanted), where).toBeLessThan(1e-6);
  else if (typeof wanted !== "object" || wanted === null) expect(found, where).toBe(wanted);
  else {
    for (const [key, value] of Object.entries(wanted))
      expectNear((found as Record<string, unknown>)[key], value, `${where}.${key}`);
  }
}

describe("states → estimate", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const section = readme.slice(
    readme.indexOf("## Bring your own activations"),
    readme.indexOf("## Use it as a library"),
  );
  /** The words of a command that the section gives, line ends and all. */
  const line = (command: string): string[] => {
    const [, args] = new RegExp(`lossyscope (${command}\\s[^\`#]*?)\\s*(?:\`|\\n\`\`\`)`).exec(section)!;
    return args.split(/\s+/);
  };

  it("is what README says, word for word", async () => {
    await ok(...line("states"), ...quick);
    const out = await ok(...line("estimate"), "--quiet");
    expect(out).toMatch(/^states\.safetensors: 5,\d{3} positions of width 16, 100 reference points/);
    const { layers, orders } = json<Estimation>("figures.json");
    expect(orders).toBe(4);
    expect(layers.map(({ layer }) => layer)).toEqual([0, 1, 2]);
    for (const { labels } of layers) {
      expect(Object.keys(labels)).toEqual(["x1", "x2", "x3", "x4", "y1", "y2", "y3", "y4"]);
    }
  });

  async function holds(model: string, text: string): Promise<Estimation> {
    const same = ["--text", text, "--context", "48"];
    const plane = ["--no-geometry", "--no-baselines", "--no-frontier", "--json", "m.json", "--force"];
    await ok("measure", model, ...same, ...quick, ...plane);
    await ok("states", model, ...same, ...quick, "--no-logits", "--out", "s.safetensors", "--force");
    await ok("estimate", "s.safetensors", "--quiet", "--json", "e.json", "--force");
    const profile = await readProfile("m.json");
    const estimation = json<Estimation>("e.json");
    expect(estimation).toMatchObject({
      positions: profile.plane!.positions,
      unit: profile.plane!.unit,
      units: profile.plane!.units,
      absent: profile.plane!.absent,
    });
    expectNear(estimation.layers, planeFigures(profile), "layers");
    return estimation;
  }

  it("gives the figures of measure's plane: documents of two domains", async () => {
    const { layers } = await holds("MODEL", "notes");
    expect(Object.keys(layers[0].labels)).toContain("domain");
  });

  it("gives the figures of measure's plane: one document in blocks", async () => {
    expect((await holds("MODEL", "FILE")).unit).toBe("block");
  });

  it.skipIf(!hasShared)("gives them where the tokenizer adds a token of its own (needs ../shared)", async () => {
    await holds(shared("models/stories260k"), "FILE");
  });

  it.skipIf(!hasShared)("reads what vLLM dumped, short as it is (needs ../shared)", async () => {
    const dump = shared("vllm/hidden-states-31-layers.safetensors");
    const out = await ok("estimate", dump, "--json", "vllm.json");
    expect(out).toContain("no document holds two n-grams of 4 tokens: single tokens alone");
    const { layers, positions, width } = json<Estimation>("vllm.json");
    expect([layers.length, positions, width]).toEqual([31, 4, 576]);
    for (const { entropy, labels } of layers) {
      expect(entropy).toBeGreaterThan(0);
      expect(Object.keys(labels)).toEqual(["x1", "y1"]);
    }
  });
});

describe("measure → from profiles on", () => {
  const profiles = [1, 2, 3, 4, 5].map((k) => `profiles/m${k}.json`);
  beforeAll(async () => {
    mkdirSync("profiles", { recursive: true });
    for (const [i, path] of profiles.entries()) {
      await ok("measure", `models/m${i + 1}`, "--text", "notes", ...bare, "--json", path);
    }
  });

  it("compare, gate and choose", async () => {
    expect(await ok("compare", ...profiles.slice(0, 2), "--report", "c.html")).toContain("m1");
    expect(existsSync("c.html")).toBe(true);
    await ok("gate", profiles[0], "--baseline", profiles[0], "--max", "coding.overall.bitsPerByte=+0");
    expect(await ok("choose", ...profiles, "--bytes", "1MB")).toContain("m5");
  });

  it("atlas add → atlas fit → predict", async () => {
    const rows = profiles.map((_, i) => `m${i + 1},quiz,${0.9 - 0.1 * i},family-${i % 3}`);
    writeFileSync("scores.csv", ["model,benchmark,score,family", ...rows].join("\n"));
    await ok("atlas", "add", "mine", "--profiles", "profiles/", "--scores", "scores.csv");
    expect(await ok("atlas", "fit", "mine")).toContain("quiz");
    expect(await ok("predict", profiles[2], "--set", "mine")).toContain("m3");
  });

  it("states and losses that were kept: compare reads them, estimate says whose they are", async () => {
    for (const name of ["m1", "m2"]) {
      const kept = ["--keep", "states", "losses", "--out", `kept-${name}`];
      await ok("measure", `models/${name}`, "--text", "notes", ...bare, ...kept);
    }
    const out = await ok("compare", "kept-m1/profile.json", "kept-m2/profile.json");
    expect(out).toMatch(/CKA|alike/);
    const { code, err } = await run("estimate", "kept-m1/states.safetensors", "--quiet");
    expect(code).toBe(1);
    expect(err).toMatch(
      /were kept by `lossyscope measure` .* for `lossyscope compare`: give .* `lossyscope states` writes/,
    );
  });

  it("shards → merge: the same figures, as a profile for all that follows", async () => {
    for (const part of ["1", "2"]) {
      await ok("measure", "models/m1", "--text", "notes", ...bare, "--shard", `${part}/2`, "--out", `part-${part}`);
    }
    await ok("merge", "part-1", "part-2", "--quiet", "--out", "merged");
    const [whole, merged] = await Promise.all([readProfile(profiles[0]), readProfile("merged/profile.json")]);
    expect(figuresOf(merged)).toEqual(figuresOf(whole));
    await ok("gate", "merged/profile.json", "--baseline", profiles[0], "--max", "coding.overall.bitsPerByte=+0");
    expect(existsSync("merged/report.html")).toBe(true);
  });

  it.each([
    ["inspect", ["inspect", "MODEL", "--json", "inspected.json"], "inspected.json"],
    ["estimate", ["estimate", "dump.safetensors", "--quiet", "--json", "dumped.json"], "dumped.json"],
  ])("what %s writes is no profile, and is refused as none", async (_, args, path) => {
    if (args[0] === "estimate") await ok("states", "MODEL", "--text", "FILE", ...quick, "--out", "dump.safetensors");
    await ok(...args);
    for (const command of [
      ["compare", path, profiles[0]],
      ["gate", path, "--max", "coding.overall.bitsPerByte=1"],
      ["choose", path],
    ]) {
      const { code, err } = await run(...command);
      expect(code).not.toBe(0);
      expect(err).toContain(path);
      expect(err).toMatch(/profile/);
    }
  });
});

describe("training → everything else", () => {
  const shape = ["--context", "32", "--batch", "8", "--run-tokens", "256", "--rate", "0.01", "--threads", "1"];

  it("almanac → train → facts, measure, distil → measure, trajectory → compare", async () => {
    await ok("almanac", "--seed", "3", "--size", "tiny", "--out", "almanac", "--quiet");
    const training = ["--text", "almanac/train.jsonl", "--config", "config.json", ...shape, "--steps", "12"];
    await ok("train", ...training, "--checkpoints", "3", "--held-out", "0", "--out", "run", "--quiet");
    const facts = ["--facts", "almanac/facts.jsonl", "--limit-facts", "2"];
    await ok("facts", "run/step-12", ...facts, "--out", "answers", ...quick);
    expect(existsSync("answers/facts.html")).toBe(true);

    const pages = ["--domain", "known=almanac/known.jsonl", "--domain", "unseen=almanac/unseen.jsonl"];
    await ok("measure", "run/step-12", ...pages, "--with", "facts", ...facts, ...bare, "--out", "measured");
    const { almanac, facts: asked } = await readProfile("measured/profile.json");
    expect(almanac!.knowledge).toMatchObject({ pages: 32, facts: 224, control: { facts: 224 } });
    expect(almanac!.knowledge!.share.value!).toBeLessThanOrEqual(1);
    expect(json<{ facts: NonNullable<Profile["facts"]> }>("answers/facts.json").facts.overall).toEqual(asked!.overall);

    await ok("distil", "--teacher", "run/step-12", ...training, "--no-control", "--out", "small", "--quiet");
    await ok("measure", "small/student/step-12", "--text", "FILE", ...bare, "--json", "student.json");

    const course = ["--text", "almanac/known.jsonl", ...quick, "--no-geometry", "--no-frontier", "--no-baselines"];
    course.push("--points", "20");
    await ok("trajectory", "run", ...course, "--out", "course");
    const [first, last] = ["step-0", "step-12"].map((step) => `course/profiles/${step}.json`);
    expect(await ok("compare", first, last)).toContain("step-12");
    expect(await ok("trajectory", "--from", "course/trajectory.json", "--report", "again.html")).toContain(
      "From step 0",
    );
  }, 300_000);
});

describe("writing and storing", () => {
  it("generate → measure --text -, through a pipe", async () => {
    const [model, out] = [join(folder, "MODEL"), join(folder, "piped.json")];
    const tool = (...args: readonly string[]) =>
      spawn(process.execPath, [join(root, "bin/lossyscope.js"), ...args], { stdio: ["pipe", "pipe", "inherit"] });
    const prompt = ["--prompt", "once upon", "--max-tokens", "20", "--quiet"];
    const flags = ["--no-plane", "--no-geometry", "--no-baselines", "--quiet", "--threads", "1", "--json", out];
    const first = tool("generate", model, ...prompt);
    const second = tool("measure", model, "--text", "-", ...flags);
    first.stdout.pipe(second.stdin);
    const ended = [first, second].map((child) => new Promise((resolve) => child.on("exit", resolve)));
    expect(await Promise.all(ended)).toEqual([0, 0]);
    expect(json<Profile>(out).corpus.bytes).toBeGreaterThan("once upon".length);
  });

  it("compress → decompress: the same bytes", async () => {
    await ok("compress", "notes/letters/0.txt", "--model", "MODEL", "--out", "notes.lsz", ...quick);
    await ok("decompress", "notes.lsz", "--model", "MODEL", "-o", "again.txt", ...quick);
    expect(readFileSync("again.txt", "utf8")).toBe(readFileSync("notes/letters/0.txt", "utf8"));
  });
});
