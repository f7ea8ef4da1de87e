/**
 * Two models in one runtime against each alone, and that neither the text nor the vocabulary makes the runtime larger than it
 * says.
 */
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { fixture } from "../fixtures.testing.ts";
import { writeModel } from "../measure/model.testing.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { LOCKSTEP_CHUNK } from "../models/lockstep.ts";
import { random } from "../numeric/random.ts";
import type { Decoder } from "../ports/model.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { longestOf, windowsOf } from "../text/windows.ts";
import { batchesForTwo, lockstepBytes, readTogether, scoredIn, type Together, type Two } from "./lockstep.ts";
import { PROCESS_BYTES } from "./memory.ts";
import { scoreDocuments } from "./score.ts";

const decoderIn = async (folder: string): Promise<Decoder> => {
  const { config, weights } = await openCheckpoint(folder);
  return { spec: specOf(config), weights };
};
const drawn = (vocabulary: number, length: number): Int32Array => {
  const pick = random(1, "lockstep engine", length);
  return Int32Array.from({ length }, () => pick.below(vocabulary));
};
const describeBatch = (batch: WindowBatch): string => `batch ${batch.index}`;

async function together(models: Two, batches: readonly WindowBatch[], vocabulary: number) {
  const seen: Together[] = [];
  const longest = longestOf(batches);
  const request = { models, vocabulary, batches, threads: 1, longest, describe: describeBatch };
  const report = await readTogether(request, (one) => void seen.push(one));
  return { seen, report };
}

describe("two models in one runtime", () => {
  it("score what each scores alone, each token once", async () => {
    const models: Two = [await decoderIn(fixture("models/llama")), await decoderIn(fixture("models/qwen3"))];
    const vocabulary = Math.min(...models.map(({ spec }) => spec.vocabulary));
    const prefix = { id: 1, addedByTokenizer: true };
    const documents = [23, 9, 1, 16].map((length) => ({ id: `of ${length}`, ids: drawn(vocabulary, length) }));
    const windows = documents.flatMap(({ ids }, document) => windowsOf(document, ids, prefix, 8, 3));
    const { seen } = await together(models, batchesForTwo(models, windows, 24), vocabulary);
    for (const [side, name] of (["natsP", "natsQ"] as const).entries()) {
      const { losses } = await scoreDocuments({
        model: { runs: { kind: "decoder", ...models[side] }, vocabulary },
        ...{ documents, prefix, context: 8, overlap: 3, batchTokens: 24, threads: 1 },
      });
      const found = losses.map(({ length }) => new Float32Array(length).fill(Number.NaN));
      for (const one of seen)
        for (const [row, { window, token }] of [...scoredIn(one.batch)].entries()) {
          expect(found[window.document][token]).toBeNaN();
          found[window.document][token] = one[name][row];
        }
      for (const [document, own] of losses.entries())
        for (const [token, nats] of own.entries()) expect(found[document][token]).toBeCloseTo(nats, 4);
    }
  });

  it("stop when asked to, and name the place of what is no number", async () => {
    const llama = await decoderIn(fixture("models/llama"));
    const [batch] = batchesForTwo([llama, llama], windowsOf(0, drawn(32, 6), null, 8, 3), 24);
    const request = { models: [llama, llama], vocabulary: 32, batches: [batch], threads: 1, longest: 8 } as const;
    const nothing = () => {};
    const late = readTogether({ ...request, describe: describeBatch, signal: AbortSignal.abort() }, nothing);
    await expect(late).rejects.toMatchObject({ fault: "interrupted" });
    const wrong = { ...batch, windows: [{ ...batch.windows[0], ids: Int32Array.of(999_999, 1) }] };
    const beyond = readTogether({ ...request, batches: [wrong, batch], describe: describeBatch }, nothing);
    await expect(beyond).rejects.toThrow(/batch 0/);
  });
});

describe("memory", () => {
  const temporary = temporaryFolder();

  it("of a large vocabulary stays under what is said, far from all its logits", async () => {
    const vocabulary = 20 * LOCKSTEP_CHUNK;
    const folder = await writeModel(temporary("large"), {
      config: { vocab_size: vocabulary, hidden_size: 8, num_attention_heads: 1, max_position_embeddings: 1024 },
    });
    const large = await decoderIn(folder);
    const models: Two = [large, large];
    const windows = windowsOf(0, drawn(vocabulary, 1024), null, 1024, 512);
    const load = { longest: 1024, batchTokens: 1024 };
    const { report, seen } = await together(models, batchesForTwo(models, windows, load.batchTokens), vocabulary);
    expect(Math.max(...seen.map(({ kl }) => Math.max(...kl.map(Math.abs))))).toBe(0);
    const said = lockstepBytes(models, vocabulary, load) + PROCESS_BYTES;
    expect(report.peakBytes).toBeLessThan(said);
    // logits of both, in float64, of all tokens that a batch scores
    expect(said).toBeLessThan(2 * 8 * 1023 * vocabulary);
  });

  it("of a text sixteen times as long is the same", async () => {
    const small = await decoderIn(fixture("models/llama"));
    const vocabulary = small.spec.vocabulary;
    const peakOf = async (windows: number): Promise<number> => {
      const ids = drawn(vocabulary, 32 * windows);
      const batches = batchesForTwo([small, small], windowsOf(0, ids, null, 32, 0), 256);
      const { report, seen } = await together([small, small], batches, vocabulary);
      expect(seen.length).toBeGreaterThanOrEqual(windows / 8);
      return report.peakBytes;
    };
    const [short, long] = [await peakOf(64), await peakOf(1024)];
    // of logits of both in float64, were they kept, a fourth
    expect(long - short).toBeLessThan((2 * 8 * 32 * 960 * vocabulary) / 4);
  });
});
