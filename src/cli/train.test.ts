/**
 * `train` and `distil` through the command line: what is printed and left behind, what is refused, what stays where a run
 * diverges; Ctrl-C in a process of its own (needs the compiled `dist/`). How steps are made is `lab/`'s to test.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { writeModel } from "../measure/model.testing.ts";
import { isPosix } from "../system.testing.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();

const CONFIG = {
  model_type: "llama",
  hidden_size: 24,
  intermediate_size: 48,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 290,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
};
/** Sentences of a small grammar: something to learn in a few steps. */
const TEXT = Array.from({ length: 600 }, (_, i) => {
  const who = ["the king", "a fox", "my aunt"][i % 3];
  return `${who} sees ${["the river", "an owl"][(i >> 1) % 2]} and ${i % 5 < 2 ? "sings" : "goes home"}.\n`;
}).join("");

const configured = (config: Readonly<Record<string, unknown>>): string => {
  writeFileSync(at("config.json"), JSON.stringify(config));
  return at("config.json");
};
const shape = ["--context", "32", "--batch", "8", "--run-tokens", "256", "--rate", "0.01", "--threads", "1"];
const trainArguments = (out: string, ...more: readonly string[]): string[] => {
  const steps = more.includes("--steps") ? [] : ["--steps", "20"];
  const given = ["--text", at("text"), "--config", at("config.json"), "--out", at(out)];
  return ["train", ...given, ...shape, "--checkpoints", "3", ...steps, ...more];
};
/** A hundred steps and no validation on the way. */
const HUNDRED = ["--steps", "100", "--held-out", "0"];
const train = (out: string, ...more: readonly string[]) => run(...trainArguments(out, ...more));

beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  configured(CONFIG);
  writeFileSync(at("text"), TEXT);
  return () => vi.unstubAllEnvs();
});

const inFolder = (path: string): string[] => readdirSync(path).sort();

describe("train", () => {
  it("leaves checkpoints that measure as they stand, and says what the last one is worth", async () => {
    const { code, out, err } = await train("run", "--dtype", "bfloat16");
    expect({ code, err }).toMatchObject({ code: 0 });
    const [, folder, bits] = /^(\S+) {2}(\d\.\d{4}) bits per byte held out\n$/.exec(out)!;
    expect(folder).toBe(at("run", "step-20"));
    expect(Number(bits)).toBeLessThan(4);
    expect(inFolder(at("run"))).toEqual(["log.jsonl", "step-0", "step-1", "step-20", "training.safetensors"]);
    expect(inFolder(folder)).toEqual([
      "config.json",
      "generation_config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const plane = ["--points", "8", "--no-baselines", "--no-frontier", "--context", "32", "--threads", "1"];
    const measured = await run("measure", folder, "--text", at("text"), ...plane, "--json", "--quiet");
    expect(measured.code, measured.err).toBe(0);
    const profile = JSON.parse(measured.out);
    expect(Object.keys(profile.ledger.byDtype)).toEqual(["BF16"]);
    expect(profile.coding.overall.bitsPerByte.value).toBeLessThan(4);
  });

  it.each<[string, Readonly<Record<string, unknown>>, RegExp, number]>([
    ["heads that do not divide", { num_attention_heads: 5 }, /a width of 24 does not divide into 5 heads/, 1],
    ["a vocabulary that does not hold the bytes", { vocab_size: 200 }, /a vocabulary of 200 is too small/, 2],
    [
      "rows that are too long",
      { max_position_embeddings: 16 },
      /16 positions, rows of 32 were asked for.*--context/,
      2,
    ],
    ["an architecture that is not known", { model_type: "ferret" }, /ferret/, 1],
  ])("refuses %s, and makes no folder", async (_, change, message, code) => {
    configured({ ...CONFIG, ...change });
    const refused = await train("run");
    expect(refused.err).toMatch(message);
    expect(refused.code).toBe(code);
    expect(existsSync(at("run"))).toBe(false);
  });

  it("refuses a folder that holds a run, and goes on with --resume alone", async () => {
    await train("run", "--steps", "2");
    expect(await train("run", "--steps", "2")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/holds a training run already.*--resume.*--force/),
    });
    expect(await train("run", "--steps", "2", "--seed", "5", "--resume")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/another text, config or settings/),
    });
    expect(await train("run", "--steps", "2", "--resume")).toMatchObject({
      code: 0,
      out: expect.stringContaining("step-2"),
    });
  });

  it("refuses a finished run before it reads anything, and replaces it with --force", async () => {
    await train("run", "--steps", "4");
    writeFileSync(at("run", "notes.txt"), "mine");
    const before = inFolder(at("run"));
    rmSync(at("text"));
    expect(await train("run", "--steps", "2")).toMatchObject({ code: 2, err: expect.stringMatching(/--force/) });
    expect(await train("run", "--steps", "2", "--force")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/cannot read .*text/),
    });
    expect(inFolder(at("run"))).toEqual(before);
    writeFileSync(at("text"), TEXT);
    await train("fresh", "--steps", "2", "--seed", "5");
    expect((await train("run", "--steps", "2", "--seed", "5", "--force")).code).toBe(0);
    expect(inFolder(at("run"))).toEqual([...inFolder(at("fresh")), "notes.txt"].sort());
    for (const file of ["log.jsonl", "step-2/model.safetensors", "training.safetensors"])
      expect(readFileSync(at("run", file)).equals(readFileSync(at("fresh", file))), file).toBe(true);
  });

  it("says that it diverged and where, and keeps the last good checkpoint", async () => {
    const diverged = await train("run", "--rate", "1000", "--warmup", "0", "--clip", "0", "--weight-decay", "1000");
    expect(diverged.code).toBe(2);
    expect(diverged.err).toMatch(
      /training diverged at step \d+ \(.*last good checkpoint is step-\d: pass a lower --rate/,
    );
    const good = /checkpoint is (step-\d)/.exec(diverged.err)![1];
    expect(inFolder(at("run", good))).toContain("model.safetensors");
    expect(inFolder(at("run")).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it.skipIf(!isPosix)("stopped by Ctrl-C and resumed leaves the bytes of a whole run (needs signals)", async () => {
    await train("whole", ...HUNDRED);
    const main = new URL("../../dist/cli/main.js", import.meta.url).href;
    const script = `import { main } from ${JSON.stringify(main)}; process.exitCode = await main(process.argv.slice(1));`;
    const child = spawn(
      process.execPath,
      ["--input-type=module", "-e", script, ...trainArguments("stopped", ...HUNDRED)],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    let err = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    const log = at("stopped", "log.jsonl");
    while (!existsSync(log) || !readFileSync(log, "utf8").includes('"step":5,')) {
      expect(child.exitCode, err).toBeNull();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    child.kill("SIGINT");
    expect(await ended, err).toBe(130);
    expect(err).toMatch(/stopped after step \d+ of 100: the same command with --resume goes on/);
    expect(existsSync(at("stopped", "step-100"))).toBe(false);
    expect(await train("stopped", ...HUNDRED, "--resume")).toMatchObject({ code: 0 });
    for (const file of ["step-100/model.safetensors", "step-1/config.json", "log.jsonl"]) {
      expect(readFileSync(at("stopped", file)).equals(readFileSync(at("whole", file))), file).toBe(true);
    }
  });
});

describe("distil", () => {
  const distil = (teacher: string, ...more: readonly string[]) =>
    run(
      ...["distil", "--teacher", teacher, "--text", at("text"), "--config", at("config.json"), "--out", at("out")],
      ...[...shape, "--checkpoints", "2", "--steps", "15", "--held-out", "0.1", ...more],
    );

  it("prints retention and divergence of the student, and of the same model trained alone", async () => {
    await train("teacher", "--steps", "60", "--held-out", "0.1", "--quiet");
    const { vocab_size: _, ...student } = { ...CONFIG, hidden_size: 16, intermediate_size: 32 };
    configured(student);
    const { code, out, err } = await distil(at("teacher", "step-60"));
    expect(code, err).toBe(0);
    const figures = (name: string): number[] => {
      const line = out.split("\n").find((one) => one.startsWith(name))!;
      return Array.from(line.matchAll(/-?\d+\.\d+/g), ([digits]) => Number(digits));
    };
    const [[unigram], [teacher]] = [figures("single tokens"), figures("teacher")];
    expect(teacher).toBeLessThan(unigram);
    for (const name of ["student", "alone"]) {
      const [bits, retention, kl] = figures(name);
      expect(retention).toBeCloseTo((unigram - bits) / (unigram - teacher), 2);
      expect(kl).toBeGreaterThan(0);
      expect(out).toContain(at("out", name, "step-15"));
      expect(inFolder(at("out", name, "step-15"))).toContain("tokenizer.json");
    }
    expect(figures("student")).not.toEqual(figures("alone"));
  }, 120_000);

  it("says of a teacher that gives no numbers that it is the teacher", async () => {
    const change = (name: string, values: Float32Array) => name === "model.norm.weight" && values.fill(Number.NaN);
    const teacher = await writeModel(at("teacher"), { change });
    configured({ ...CONFIG, vocab_size: 257 });
    const { code, err } = await distil(teacher);
    expect(err).toMatch(/(a loss is NaN at token|teacher is NaN at step 1: look for NaN)/);
    expect(code).toBe(1);
  });

  it("refuses a student of another vocabulary, and text that is all trained on", async () => {
    const teacher = await writeModel(at("teacher"));
    expect(await distil(teacher)).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /vocabulary of 257, the student's config.json one of 290: .*different tokens: set vocab_size/,
      ),
    });
    expect(await distil(teacher, "--held-out", "0")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/retention is taken on held-out text/),
    });
    expect(existsSync(at("out"))).toBe(false);
  });
});
