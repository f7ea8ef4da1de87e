import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { scoreDocuments } from "../../engines/score.ts";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { u32 } from "../../formats/gguf/gguf.testing.ts";
import { openModel } from "../../references/open.ts";
import { writeGgufModel } from "../gguf.testing.ts";
import { measureFiles, sampleText, writeModel, writeText } from "../model.testing.ts";
import { validatePlan } from "../plan.ts";
import { llamaCppCorpus, llamaCppWindows } from "./llama-cpp.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

const BOS = 99;
const tokens = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

describe("llama-perplexity's chunks", () => {
  // Read off its loop: tokens[seq_start] = BOS, logits from n_ctx/2 on, tokens[i + 1] against them.
  it.each([
    [10, 4, null, [[0, 1, 2, 3], [4, 5, 6, 7]], [[3], [7]]], // biome-ignore format: a row each
    [10, 4, BOS, [[99, 1, 2, 3], [99, 5, 6, 7]], [[3], [7]]], // biome-ignore format: a row each
    [10, 5, BOS, [[99, 1, 2, 3, 4], [99, 6, 7, 8, 9]], [[3, 4], [8, 9]]], // biome-ignore format: a row each
  ])("of %i tokens, %i at once, BOS %s", (length, context, bos, read, scored) => {
    const windows = llamaCppWindows({
      ids: tokens(length),
      tokens: length,
      bos: bos === null ? null : { id: bos, token: "<s>" },
      context,
    });
    expect(windows.map(({ ids }) => [...ids])).toEqual(read);
    expect(windows.map(({ ids, fresh }) => [...ids.slice(fresh)])).toEqual(scored);
  });

  it("name the tokens they hold, and 255 of 512 are scored", () => {
    fc.assert(
      fc.property(fc.nat(60), fc.integer({ min: 3, max: 20 }), fc.boolean(), (length, context, opens) => {
        const bos = opens ? { id: BOS, token: "<s>" } : null;
        for (const { ids, fresh, prefixSlots, start } of llamaCppWindows({
          ids: tokens(length),
          tokens: length,
          bos,
          context,
        }))
          for (let slot = fresh; slot < ids.length; slot++) expect(ids[slot]).toBe(start + slot - prefixSlots);
      }),
    );
    const [{ ids, fresh }] = llamaCppWindows({ ids: tokens(512), tokens: 512, bos: null, context: 512 });
    expect(ids.length - fresh).toBe(255);
  });
});

describe("llama-perplexity's text", () => {
  const around = { before: [BOS], after: [] as number[] };
  const tokenizer = {
    encodeResting: async (text: string) => ({ ids: Int32Array.from(Buffer.from(text)) }),
    control: { bos: BOS, around },
    contentOf: () => "<s>",
  } as never;
  const documents = (...texts: string[]) => texts.map((text) => ({ text }));

  it("is one: documents one after another, one line break less, BOS before it", async () => {
    const { ids, bos } = await llamaCppCorpus(documents("ab\n", "cd\n\n"), tokenizer, 3, null);
    expect([...ids]).toEqual([BOS, ...Buffer.from("ab\ncd\n")]);
    expect(bos).toEqual({ id: BOS, token: "<s>" });
  });

  it("has room for two chunks, and the model for one, or is refused", async () => {
    const corpus = (context: number, positions: number) =>
      llamaCppCorpus(documents("abcdefg"), tokenizer, context, positions);
    expect((await corpus(4, 4)).ids.length).toBe(8);
    await expect(corpus(5, 5)).rejects.toThrow(/wants 10 tokens for chunks of 5, the text has 8/);
    await expect(corpus(4, 3)).rejects.toThrow(/chunks have 4 tokens, the model 3 positions/);
    await expect(corpus(2, 4)).rejects.toThrow(/scores nothing/);
    around.after.push(BOS);
    await expect(corpus(4, 4)).rejects.toThrow(/ends texts with a token/);
    around.after.pop();
  });

  it("is no conversation", () => {
    const asked = { text: [{ path: "x" }], likeLlamaCpp: true };
    expect(() => validatePlan({ ...asked, chat: true })).toThrow(/llama-perplexity scores texts/);
  });
});

describe.each([false, true])("llama-perplexity's figures of a GGUF file, BOS added: %s", (adds) => {
  it("are its rule over losses of chunks that are scored one by one", async () => {
    const folder = await writeModel(at("model"));
    const path = await writeGgufModel(at("m.gguf"), folder, undefined, [
      ["tokenizer.ggml.add_bos_token", { type: "bool", value: adds }],
      ["tokenizer.ggml.bos_token_id", u32(256)],
    ]);
    const words = sampleText(2, 50);
    const plan = { splitOn: null, likeLlamaCpp: true, context: { tokens: 24, asked: true } };
    const text = writeText(at("text.txt"), words);
    const { profile } = await measureFiles({ model: path, text, work: at("work"), plan });
    const like = profile.coding!.likeLlamaCpp!;

    const model = await openModel(path);
    const bytes = [...Buffer.from(words.replace(/\n$/, ""))];
    const all = adds ? [256, ...bytes] : bytes;
    const [nCtx, first] = [24, 12];
    let [nll, nll2, count] = [0, 0, 0];
    for (let chunk = 0; chunk < Math.floor(all.length / nCtx); chunk++) {
      const own = all.slice(chunk * nCtx, (chunk + 1) * nCtx);
      // The token in the first place is read and not scored: it is what a prefix is.
      const { losses } = await scoreDocuments({
        model,
        documents: [{ id: "chunk", ids: Int32Array.from(own.slice(1)) }],
        prefix: { id: adds ? 256 : own[0], addedByTokenizer: true },
        ...{ context: nCtx, overlap: 0, batchTokens: nCtx, threads: 1 },
      });
      for (let i = first; i + 1 < nCtx; i++) {
        const v = losses[0][i];
        nll += v;
        nll2 += v * v;
        count++;
      }
    }
    nll2 /= count;
    nll /= count;
    const ppl = Math.exp(nll);
    nll2 = Math.sqrt((nll2 - nll * nll) / (count - 1));
    expect(like).toMatchObject({ tokens: count, context: nCtx, bos: adds ? "<|endoftext|>" : null });
    expect(like.perplexity / ppl).toBeCloseTo(1, 6);
    expect(like.standardError / (nll2 * ppl)).toBeCloseTo(1, 5);
    expect(like.lossNats).toBeCloseTo(nll, 6);
  });
});
