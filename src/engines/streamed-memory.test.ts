/** What a runtime takes whose weights stream, by its own count: that of a piece, however many there are. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { slotsOf } from "../models/weights.ts";
import { observationsOf } from "../ports/engine.testing.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { PROCESS_BYTES, runtimeBytes, streamedBytes } from "./memory.ts";
import { OnnxEngine } from "./onnx.ts";
import { StreamedEngine } from "./streamed.ts";

const at = temporaryFolder();
beforeAll(() => vi.stubEnv("XDG_CACHE_HOME", at("cache")));
afterAll(() => vi.unstubAllEnvs());

const ids = Int32Array.from({ length: 12 }, (_, slot) => slot);
const BATCHES: readonly WindowBatch[] = [0, 1].map((index) => ({
  index,
  windows: [0, 1, 2].map((document) => ({ document, ids, prefixSlots: 0, start: 0, fresh: 0 })),
}));

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
  const [few, many] = [await run(2, StreamedEngine), await run(8, StreamedEngine)];
  const held = await run(8, OnnxEngine);
  const block = (many.bytes - few.bytes) / 6;
  // What the allocator keeps of one piece while the next is made.
  expect(many.peak - few.peak).toBeLessThan(2 * block);
  expect(held.peak - many.peak).toBeGreaterThan(4 * block);
  expect(many.peak).toBeLessThan(many.streamed);
  expect(many.streamed).toBeLessThan(held.whole);
});
