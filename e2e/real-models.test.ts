/**
 * A real model in GGUF, if it is at hand (`npm run real-models` fetches it): its ids, and its losses as float64 has
 * them on the weights that the file's blocks stand for (`fixtures/gguf/smollm2-nats.json`).
 */
import { existsSync, readFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { smollm2 } from "../scripts/real-models.ts";
import { scoreDocuments } from "../src/engines/score.ts";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { fixture } from "../src/fixtures.testing.ts";
import { measureFiles, writeText } from "../src/measure/model.testing.ts";
import { sum } from "../src/numeric/sums.ts";
import { openModel } from "../src/references/open.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

interface Golden {
  readonly text: string;
  readonly bos: number;
  readonly ids: readonly number[];
  readonly nats: readonly number[];
}
/**
 * llama-perplexity's rule over the logits of llama.cpp 0.5 (node-llama-cpp 3.22, CPU) for the golden text in chunks of 128: the
 * file's values written as float32, and the file itself, whose products llama.cpp takes with activations of 8 bits
 * (fixtures/generate/gguf_perplexity.mjs).
 */
const LLAMA_CPP = { float32: 47.402014, itself: 47.304463 };

const golden: Golden = JSON.parse(readFileSync(fixture("gguf/smollm2-nats.json"), "utf8"));

describe.skipIf(!existsSync(smollm2))("SmolLM2 in Q4_1 (needs npm run real-models)", () => {
  it("gives the ids, and the losses of float64 within 1e-4 nats a token", { timeout: 120_000 }, async () => {
    const model = await openModel(smollm2, { offline: true });
    const { ids } = (await model.tokenizer()).encode(golden.text);
    expect([...ids]).toEqual(golden.ids);
    const { losses } = await scoreDocuments({
      model,
      documents: [{ id: "text", ids }],
      prefix: { id: golden.bos, addedByTokenizer: true },
      context: 512,
      overlap: 256,
      batchTokens: 512,
      threads: 2,
    });
    const furthest = losses[0].reduce((most, nats, token) => Math.max(most, Math.abs(nats - golden.nats[token])), 0);
    expect(furthest).toBeLessThan(1e-4);
    expect(sum(losses[0]) / sum(golden.nats)).toBeCloseTo(1, 5);
  });

  it("has llama.cpp's perplexity of the same values, and about that of the file", { timeout: 120_000 }, async () => {
    const text = writeText(at("text.txt"), golden.text);
    const plan = { splitOn: null, likeLlamaCpp: true, context: { tokens: 128, asked: true } };
    const { profile } = await measureFiles({ model: smollm2, text, work: at("work"), plan, threads: 2 });
    const { perplexity } = profile.coding!.likeLlamaCpp!;
    // its keys and values are kept as float16
    expect(Math.abs(perplexity / LLAMA_CPP.float32 - 1)).toBeLessThan(1e-3);
    expect(Math.abs(perplexity / LLAMA_CPP.itself - 1)).toBeLessThan(1e-2);
  });
});
