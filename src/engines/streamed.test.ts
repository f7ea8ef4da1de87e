/**
 * The engine whose weights stream against the one that holds them: the same figures to the last bit, for decoders of every
 * kind. Both run in this process; through the runtime's own goes `streamed-memory.test.ts`.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { fixture } from "../fixtures.testing.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { writeUntrained } from "../models/untrained.ts";
import { describeEngine, everyNeed, observationsOf } from "../ports/engine.testing.ts";
import type { EngineRequest } from "../ports/engine.ts";
import type { Window, WindowBatch } from "../text/corpus.ts";
import type { DecoderEngineOptions } from "./asking.ts";
import { OnnxEngine } from "./onnx.ts";
import { StreamedEngine } from "./streamed.ts";
import { groupsOf } from "./streamed-groups.ts";

vi.mock("./runtime.ts", async () => ({ createRuntime: (await import("./runtime.testing.ts")).runtimeHere }));

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

it("lets as many batches go together as fit, and one in any case", () => {
  const sizes = (...all: number[]) =>
    [...groupsOf(all, (waiting) => ({ waiting, observed: 0 }))].map((group) => group.length);
  expect(sizes()).toEqual([]);
  expect(sizes(2 ** 30, 2 ** 27, 2 ** 27, 1)).toEqual([1, 2, 1]);
  expect(sizes(...new Array(70).fill(1))).toEqual([32, 32, 6]);
  expect([...groupsOf([2 ** 31, 1], (observed) => ({ waiting: 0, observed }))]).toHaveLength(2);
});
