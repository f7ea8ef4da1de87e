/** A run from end to end in its process: it learns, its checkpoints are models, and a stopped run goes on to the same weights. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { openSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { fromFloat32, toFloat32 } from "../formats/tensor-types.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { bindWeights } from "../models/weights.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { openFolder } from "../references/folder.ts";
import { loadTokenizer } from "../tokenizer/tokenizer.ts";
import { type Preparation, type Prepared, prepare } from "./prepare.ts";
import { type CheckpointReport, type StepReport, type TrainingJob, type TrainingSettings, train } from "./trainer.ts";
import { heldOutBitsPerByte } from "./validate.ts";

const at = temporaryFolder();
/** One run that others are compared with. */
const reference = mkdtempSync(join(tmpdir(), "lossyscope-"));
afterAll(() => rmSync(reference, { recursive: true, force: true }));

const CONFIG = {
  model_type: "llama",
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 300,
  max_position_embeddings: 64,
  tie_word_embeddings: true,
};
/** Sentences of a small grammar: something to learn in a few steps. */
const TEXT = Array.from({ length: 400 }, (_, i) => {
  const who = ["the king", "a fox", "my aunt"][i % 3];
  return `${who} sees ${["the river", "an owl"][(i >> 1) % 2]} and ${i % 5 < 2 ? "sings" : "goes home"}.\n`;
}).join("");

const PREPARATION: Preparation = {
  documents: [{ id: "text", domain: "text", text: TEXT, replaced: 0 }],
  config: CONFIG,
  tokenizer: null,
  vocabulary: null,
  heldOut: 0.1,
  heldOutTokens: 1000,
  positions: 32,
  packing: "stream",
  shuffled: true,
  seed: 1,
};
const SETTINGS: TrainingSettings = {
  steps: 12,
  rows: 12 * 8,
  batch: 8,
  positions: 32,
  runTokens: 128,
  schedule: { rate: 0.01, warmup: 2, decay: "cosine", finalShare: 0.1 },
  beta1: 0.9,
  beta2: 0.95,
  weightDecay: 0.1,
  clip: 1,
  checkpoints: 5,
  seed: 1,
};

const jobOf = ({ config, spec, rows, files }: Prepared, out: string, more: Partial<TrainingJob> = {}): TrainingJob => ({
  out: at(out),
  config,
  spec,
  rows,
  settings: SETTINGS,
  identity: "identity",
  files,
  dtype: "float32",
  threads: 1,
  resume: false,
  validate: null,
  ...more,
});

const weightsOf = (folder: string): Promise<Record<string, Float32Array>> =>
  tensorsIn(join(folder, "model.safetensors"));

async function tensorsIn(path: string): Promise<Record<string, Float32Array>> {
  const file = await openSafetensors(path);
  const names = [...file.header.tensors.keys()];
  const values = await Promise.all(names.map(async (name) => [name, (await file.read(name)) as Float32Array] as const));
  await file.close();
  return Object.fromEntries(values);
}

describe("a training run", async () => {
  const prepared = await prepare(PREPARATION);

  const { heldOut: documents, tokenizer } = prepared;
  const validate = async (folder: string) =>
    heldOutBitsPerByte(await openFolder(folder), { documents, prefix: tokenizer.prefix, context: 32, threads: 1 });
  const steps: StepReport[] = [];
  let last: CheckpointReport;
  beforeAll(async () => {
    const onStep = (step: StepReport) => steps.push(step);
    ({ last } = await train(jobOf(prepared, "", { out: reference, validate, onStep })));
  });

  it("learns; its checkpoints are models whose names are those of published ones", async () => {
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, step) => step + 1));
    expect(steps[0].lossNats).toBeCloseTo(Math.log(300), 1);
    expect(steps.at(-1)!.lossNats).toBeLessThan(0.6 * steps[0].lossNats);
    expect(steps.at(-1)!.tokens).toBe(12 * 8 * 32);

    const log = readFileSync(join(reference, "log.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const tried = log.filter(({ checkpoint }) => checkpoint);
    expect(tried.map(({ step }) => step)).toEqual([0, 1, 2, 5, 12]);
    expect(tried.at(-1).heldOutBitsPerByte).toBe(last.heldOutBitsPerByte);
    expect(last.heldOutBitsPerByte).toBeLessThan(0.7 * tried[0].heldOutBitsPerByte);

    const { config, weights } = await openCheckpoint(last.folder);
    bindWeights(specOf(config), weights);
    const published = await openCheckpoint(fixture("models/llama-tied-bf16"));
    const first = (names: Iterable<string>) => [...names].filter((name) => !/layers\.[^01]/.test(name)).sort();
    expect(first(weights.names())).toEqual(first(published.weights.names()));
    expect((await loadTokenizer(last.folder, config)).prefix).toEqual(tokenizer.prefix);
  });

  it("stopped and resumed comes to the same weights, bit by bit; so does another run of the same seed", async () => {
    const stopping = new AbortController();
    const onStep = ({ step }: StepReport): void => {
      if (step === 7) stopping.abort();
    };
    const job = jobOf(prepared, "stopped");
    await expect(train({ ...job, onStep, signal: stopping.signal })).rejects.toThrow(
      /stopped after step 7 of 12: .*--resume/,
    );
    expect(existsSync(at("stopped", "step-12"))).toBe(false);
    await expect(train(job)).rejects.toThrow(/holds a training run already/);
    await expect(train({ ...job, resume: true, identity: "another" })).rejects.toThrow(
      /another text, config or settings/,
    );
    const resumed = await train({ ...job, resume: true });
    expect(await weightsOf(resumed.last.folder)).toEqual(await weightsOf(last.folder));
    const stepsOf = (run: string): string[] =>
      readFileSync(join(run, "log.jsonl"), "utf8")
        .split("\n")
        .filter((line) => line.includes("lossNats"));
    expect(stepsOf(at("stopped"))).toEqual(stepsOf(reference));
  });

  it("leaves checkpoints of 16 bits: the weights of float32 rounded, tried as they are written, resumed as before", async () => {
    const stopping = new AbortController();
    const onStep = ({ step }: StepReport): void => {
      if (step === 7) stopping.abort();
    };
    const job = jobOf(prepared, "16 bits", { dtype: "bfloat16", validate });
    await expect(train({ ...job, onStep, signal: stopping.signal })).rejects.toThrow(/stopped after step 7/);
    const resumed = await train({ ...job, resume: true });
    const { config, weights } = await openCheckpoint(resumed.last.folder);
    expect(config.torch_dtype).toBe("bfloat16");
    expect(new Set([...weights.names()].map((name) => weights.locate(name)!.dtype))).toEqual(new Set(["BF16"]));
    const [written, exact] = [await weightsOf(resumed.last.folder), await weightsOf(last.folder)];
    for (const [name, values] of Object.entries(exact)) {
      expect(written[name]).toEqual(toFloat32("BF16", fromFloat32("BF16", values)));
    }
    const state = (run: string) => tensorsIn(join(run, "training.safetensors"));
    expect(await state(at("16 bits"))).toEqual(await state(reference));
    expect(resumed.last.heldOutBitsPerByte).toBe(await validate(resumed.last.folder));
    expect(resumed.last.heldOutBitsPerByte).not.toBe(last.heldOutBitsPerByte);
    expect(resumed.last.heldOutBitsPerByte! / last.heldOutBitsPerByte!).toBeCloseTo(1, 2);
  });

  it("in one run a step comes to nearly the same weights", async () => {
    const one = await train(jobOf(prepared, "whole", { settings: { ...SETTINGS, runTokens: 1024 } }));
    const [whole, parts] = [await weightsOf(one.last.folder), await weightsOf(last.folder)];
    for (const [name, values] of Object.entries(whole)) {
      const apart = values.reduce((most, value, i) => Math.max(most, Math.abs(value - parts[name][i])), 0);
      expect(apart, name).toBeLessThan(0.02);
    }
  });

  it.each([
    [1e30, /diverged at step 2 \(loss .*gradient norm NaN.*the last good checkpoint is step-1/],
    [1e39, /diverged at step 1 \(parameters beyond all numbers\); the last good checkpoint is step-0/],
  ])("that diverges at a rate of %d says so, and keeps its last good checkpoint", async (rate, message) => {
    const settings = { ...SETTINGS, clip: null, schedule: { ...SETTINGS.schedule, rate, warmup: 0 } };
    const job = jobOf(prepared, "diverging", { settings });
    await expect(train(job)).rejects.toThrow(message);
    expect(await weightsOf(at("diverging", "step-0"))).toEqual(await weightsOf(join(reference, "step-0")));
    await expect(train({ ...job, resume: true })).rejects.toThrow(/diverged/);
  });

  it("does not keep a checkpoint that gives no numbers", async () => {
    const tried = async (folder: string): Promise<number> => {
      if (folder.endsWith("step-2")) throw new LossyscopeError("model", "the loss of token 3 is NaN");
      return 1;
    };
    await expect(train(jobOf(prepared, "nan", { validate: tried }))).rejects.toThrow(
      /diverged at step 2 \(the loss of token 3 is NaN\); the last good checkpoint is step-1: pass a lower --rate/,
    );
    expect(existsSync(at("nan", "step-1"))).toBe(true);
    expect(existsSync(at("nan", "step-2"))).toBe(false);
  });

  it("that cannot write keeps what it has", async () => {
    const job = jobOf(prepared, "blocked");
    rmSync(at("blocked"), { recursive: true, force: true });
    writeFileSync(at("blocked"), "a file where the folder should be");
    await expect(train(job)).rejects.toMatchObject({ fault: "io" });
    expect(readFileSync(at("blocked"), "utf8")).toBe("a file where the folder should be");
  });
});

describe("preparing", () => {
  it.each<[string, Partial<Preparation>, RegExp]>([
    [
      "heads that do not divide",
      { config: { ...CONFIG, num_attention_heads: 5 } },
      /does not divide into 5 heads|5 query heads/,
    ],
    ["a vocabulary that does not hold the bytes", { vocabulary: 200 }, /a vocabulary of 200 is too small/],
    ["rows that are too long", { positions: 65 }, /64 positions, rows of 65/],
    [
      "a tokenizer that is too large",
      { tokenizer: fixture("tokenizers/gpt2"), config: { ...CONFIG, vocab_size: 90 } },
      /text reaches the token .* past the model.s 90 embeddings/,
    ],
    ["two tokenizers", { tokenizer: "x", vocabulary: 300 }, /pass one of them/],
    ["no text", { documents: [] }, /no text to train on/],
  ])("refuses %s", async (_, more, message) => {
    await expect(prepare({ ...PREPARATION, ...more })).rejects.toThrow(message);
  });
});
