/**
 * The engine whose weights stream against the one that holds them: the same figures to the last bit, for decoders of every
 * kind, in no more memory for more blocks.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { writeUntrained } from "../models/untrained.ts";
import { slotsOf } from "../models/weights.ts";
import { describeEngine, everyNeed, observationsOf } from "../ports/engine.testing.ts";
import type { EngineRequest } from "../ports/engine.ts";
import type { Window, WindowBatch } from "../text/corpus.ts";
import type { DecoderEngineOptions } from "./asking.ts";
import { PROCESS_BYTES, runtimeBytes, streamedBytes } from "./memory.ts";
import { OnnxEngine } from "./onnx.ts";
import { StreamedEngine } from "./streamed.ts";
import { groupsOf } from "./streamed-groups.ts";

const at = temporaryFolder();
beforeAll(() => vi.stubEnv("XDG_CACHE_HOME", at("cache")));
afterAll(() => vi.unstubAllEnvs());

async function optionsOf(name: string, longest: number): Promise<DecoderEngineOptions> {
  const { config, weights } = await openCheckpoint(fixture(`models/${name}`));
  return { spec: specOf(config), weights, threads: 1, longest, describe: ({ index }) => `batch ${index}` };
}

describeEngine("the engine whose weights stream", {
  make: async () => new StreamedEngine(await optionsOf("llama", 8)),
  vocabulary: 32,
});

const window = (length: number, seed: number, fresh = 0): Window => ({
  document: seed,
  ids: Int32Array.from({ length }, (_, slot) => (5 * seed + 3 * slot + 1) % 32),
  prefixSlots: 0,
  start: 0,
  fresh,
});
const BATCHES: readonly WindowBatch[] = [
  { index: 0, windows: [window(12, 1), window(7, 2, 3)] },
  { index: 1, windows: [window(12, 3)] },
  { index: 2, windows: [window(9, 4), window(12, 5), window(1, 6)] },
];

/** Residual streams, attentions, MLPs and heads of several kinds. */
const EXACT = ["llama-tied-bf16", "gemma2", "mixtral", "phi3-longrope", "gpt2"];
const bothOf = (options: DecoderEngineOptions, request: EngineRequest) =>
  Promise.all(
    [new OnnxEngine(options), new StreamedEngine(options)].map((one) => observationsOf(one, BATCHES, request)),
  );

describe("the engine whose weights stream", () => {
  it.each(EXACT)("gives of %s what the one that holds them gives, to the last bit", async (name) => {
    const options = await optionsOf(name, 12);
    const [whole, streamed] = await bothOf(options, everyNeed(new OnnxEngine(options)));
    expect(streamed).toEqual(whole);
  });

  it("gives of a vocabulary of three chunks the same losses, likeliest tokens and sums in lanes", async () => {
    const config = {
      ...{ model_type: "llama", vocab_size: 40_003, hidden_size: 16, intermediate_size: 24, initializer_range: 1 },
      ...{ num_hidden_layers: 1, num_attention_heads: 2, tie_word_embeddings: true },
    };
    await writeUntrained(at("wide"), config, 7);
    const { weights } = await openCheckpoint(at("wide"));
    const options = { spec: specOf(config), weights, threads: 1, longest: 12, describe: () => "it" };
    for (const inLanes of [false, true]) {
      const request: EngineRequest = { heads: { losses: true, likeliest: 3, inLanes, preNorm: false } };
      const rows = (batch: WindowBatch) => Int32Array.from(batch.windows.keys());
      const [whole, streamed] = await bothOf(options, { ...request, likeliestRows: rows });
      expect(streamed).toEqual(whole);
    }
  });
});

/** Weights of nothing but zeros, in float32. */
async function writeZeros(folder: string, config: Record<string, unknown>): Promise<number> {
  mkdirSync(folder);
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const slots = new Map([...slotsOf(specOf(config))].map((slot) => [slot.names[0], slot]));
  const tensors = [...slots.values()].map(({ names: [name], shape }) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    return { name, dtype: "F32" as const, shape, data: new Float32Array(size) };
  });
  await writeSafetensors(join(folder, "model.safetensors"), tensors);
  return tensors.reduce((bytes, { data }) => bytes + data.byteLength, 0);
}

it("takes no more memory for more blocks, and no more than the formula says", async () => {
  const run = async (blocks: number, kind: typeof OnnxEngine | typeof StreamedEngine) => {
    const config = {
      ...{ model_type: "llama", vocab_size: 256, tie_word_embeddings: true, num_hidden_layers: blocks },
      ...{ hidden_size: 512, intermediate_size: 2048, num_attention_heads: 8 },
    };
    const folder = at(`${kind.name} ${blocks}`);
    const bytes = await writeZeros(folder, config);
    const { weights } = await openCheckpoint(folder);
    const options = { spec: specOf(config), weights, threads: 1, longest: 12, describe: () => "it" };
    const engine = new kind(options);
    const seen = await observationsOf(engine, BATCHES, { heads: { losses: true, preNorm: false } });
    expect(seen).toHaveLength(BATCHES.length);
    const load = { longest: 12, batchTokens: 36 };
    const [streamed, whole] = [streamedBytes, runtimeBytes].map(
      (of) => PROCESS_BYTES + of(options.spec, weights, load),
    );
    return { bytes, streamed, whole, peak: engine.report.peakBytes };
  };
  const [few, many] = [await run(2, StreamedEngine), await run(12, StreamedEngine)];
  const held = await run(12, OnnxEngine);
  const block = (many.bytes - few.bytes) / 10;
  // What the allocator keeps of one piece while the next is made.
  expect(many.peak - few.peak).toBeLessThan(2 * block);
  expect(held.peak - many.peak).toBeGreaterThan(8 * block);
  expect(many.peak).toBeLessThan(many.streamed);
  expect(many.streamed).toBeLessThan(held.whole);
});

it("lets as many batches go together as fit, and one in any case", () => {
  const sizes = (...all: number[]) =>
    [...groupsOf(all, (waiting) => ({ waiting, observed: 0 }))].map((group) => group.length);
  expect(sizes()).toEqual([]);
  expect(sizes(2 ** 30, 2 ** 27, 2 ** 27, 1)).toEqual([1, 2, 1]);
  expect(sizes(...new Array(70).fill(1))).toEqual([32, 32, 6]);
  expect([...groupsOf([2 ** 31, 1], (observed) => ({ waiting: 0, observed }))]).toHaveLength(2);
});
