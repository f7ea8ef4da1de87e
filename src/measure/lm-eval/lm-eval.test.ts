import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OnnxEngine } from "../../engines/onnx.ts";
import { fixture } from "../../fixtures.testing.ts";
import { sum } from "../../numeric/sums.ts";
import { decoderOf } from "../../ports/model.ts";
import { observationOf } from "../../probes/coding/coding.testing.ts";
import { openModel } from "../../references/open.ts";
import { batchesOf } from "../../text/windows.ts";
import { byteLevelTokenizerConfig, byteLevelTokenizerJson } from "../../tokenizer/bytes.ts";
import { createTokenizer } from "../../tokenizer/tokenizer.ts";
import { LmEvalTally, lmEvalCorpus, lmEvalCorpusWindows, lmEvalLength, lmEvalWindows } from "./lm-eval.ts";

const PREFIX = 99;
const tokens = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i);

/** A window as the harness has it: what is read as context, and what is predicted. */
const pairs = (count: number, maxLength: number) =>
  lmEvalWindows(0, tokens(count), PREFIX, maxLength).map(({ ids, fresh }) => {
    const context = Math.max(fresh, 1);
    return [[...ids.slice(0, context)], [...ids.slice(context)]];
  });

describe("lm-evaluation-harness's windows", () => {
  // Written by its own get_rolling_token_windows (context_len 1) and make_disjoint_window.
  it.each([
    [0, 4, []],
    [1, 4, [[[99], [0]]]],
    [4, 4, [[[99], [0, 1, 2, 3]]]],
    [
      5,
      4,
      [
        [[99], [0, 1, 2, 3]],
        [[0, 1, 2, 3], [4]],
      ],
    ],
    [
      10,
      4,
      [
        [[99], [0, 1, 2, 3]],
        [[3], [4, 5, 6, 7]],
        [
          [5, 6, 7],
          [8, 9],
        ],
      ],
    ],
    [
      12,
      4,
      [
        [[99], [0, 1, 2, 3]],
        [[3], [4, 5, 6, 7]],
        [[7], [8, 9, 10, 11]],
      ],
    ],
    [
      3,
      1,
      [
        [[99], [0]],
        [[0], [1]],
        [[1], [2]],
      ],
    ],
  ])("%i tokens, %i at once", (count, maxLength, expected) => expect(pairs(count, maxLength)).toEqual(expected));

  it("predict every token once, never read more than they may, and name the tokens they hold", () => {
    fc.assert(
      fc.property(fc.nat(60), fc.integer({ min: 1, max: 20 }), (count, maxLength) => {
        const windows = lmEvalWindows(3, tokens(count), PREFIX, maxLength);
        expect(pairs(count, maxLength).flatMap(([, predicted]) => predicted)).toEqual([...tokens(count)]);
        for (const { document, ids, prefixSlots, start } of windows) {
          expect(document).toBe(3);
          expect(ids.length).toBeLessThanOrEqual(maxLength + 1);
          for (let slot = prefixSlots; slot < ids.length; slot++) expect(ids[slot]).toBe(start + slot - prefixSlots);
        }
      }),
    );
  });

  it("refuses windows that predict nothing", () =>
    expect(() => lmEvalWindows(0, tokens(3), PREFIX, 0)).toThrow("predict nothing"));
});

describe("lm-evaluation-harness's length", () => {
  it.each<[number, object, number | null, number?]>([
    [7, { n_positions: 7, max_position_embeddings: 8, n_ctx: 9 }, 3],
    [8, { max_position_embeddings: 8, n_ctx: 9 }, 3],
    [9, { n_ctx: 9 }, 3],
    [5, { text_config: { max_position_embeddings: 5 }, max_position_embeddings: 8 }, 3],
    [3, { text_config: {}, max_position_embeddings: 8 }, 3],
    [3, { max_position_embeddings: null }, 3, 4],
    [4, {}, null, 4],
    [2048, {}, null],
  ])("is %i for %j", (expected, config, positions, tokenizers) => {
    expect(lmEvalLength({ config: config as never, positions }, tokenizers)).toBe(expected);
  });
});

describe("lm-evaluation-harness's figures", () => {
  it("let others have their turn while a long text is cut, and end where these want it", async () => {
    const tokenizer = createTokenizer(byteLevelTokenizerJson(), { tokenizerConfig: { ...byteLevelTokenizerConfig() } });
    const text = "some words of a text ".repeat(60_000);
    const model = { config: {}, positions: 8, vocabulary: 257 };
    let turns = 0;
    const corpus = await lmEvalCorpus([{ id: "a", text, bytes: text.length }], tokenizer, model, async () => {
      turns++;
    });
    // At least one for the text, one behind it, and one a stretch of words.
    expect(turns).toBeGreaterThan(4);
    expect(corpus.words).toBe(5 * 60_000 + 1);
    const stop = new Error("stop");
    const stopped = lmEvalCorpus([{ id: "a", text, bytes: text.length }], tokenizer, model, () => Promise.reject(stop));
    await expect(stopped).rejects.toBe(stop);
  });

  it("are sums over documents divided once, words split as Python splits them", async () => {
    const texts = ["Two words, é!\n", "", "a\x1cb\x85c\ufeffd"]; // Two, words,, é!, and an empty end; ""; a, b, c\ufeffd
    const tokenizer = createTokenizer(byteLevelTokenizerJson(), { tokenizerConfig: { ...byteLevelTokenizerConfig() } });
    const documents = texts.map((text, index) => ({ id: `${index}`, text, bytes: Buffer.byteLength(text) }));
    const corpus = await lmEvalCorpus(documents, tokenizer, {
      config: { n_positions: 2 },
      positions: 9,
      vocabulary: 257,
    });
    expect(corpus).toMatchObject({ prefix: { id: 256, token: "<|endoftext|>" }, maxLength: 2, withoutBos: null });
    const windows = lmEvalCorpusWindows(corpus);
    const tally = new LmEvalTally(corpus);
    windows.forEach((window, index) => {
      tally.observe(observationOf({ index, windows: [window] }, (document, token) => 1 + document + token / 2));
    });
    const nats = sum(
      documents.flatMap(({ bytes }, i) => Array.from({ length: bytes }, (_, token) => 1 + i + token / 2)),
    );
    const bytes = sum(documents.map((document) => document.bytes));
    const words = 4 + 1 + 3;
    const figures = tally.finish();
    expect(figures.loglikelihood).toBeCloseTo(-nats, 9);
    expect(figures.bitsPerByte).toBeCloseTo(nats / bytes / Math.LN2, 12);
    expect(figures.bytePerplexity / Math.exp(nats / bytes)).toBeCloseTo(1, 12);
    expect(figures.wordPerplexity / Math.exp(nats / words)).toBeCloseTo(1, 12);
    expect(figures.why).toContain("windows of 2 ");
    expect(figures.withoutBos).toBeNull();
  });

  it("need a token to open documents with, and rows for every token of the text", async () => {
    const bare = createTokenizer(byteLevelTokenizerJson());
    const model = { config: {}, positions: 8, vocabulary: 257 };
    await expect(lmEvalCorpus([], bare, model)).rejects.toThrow(/name neither/);
    const tokenizer = createTokenizer(byteLevelTokenizerJson(), {
      specialTokens: true,
      tokenizerConfig: { eos_token: "<|endoftext|>", added_tokens_decoder: { 300: { content: "<x>" } } },
    });
    const document = (text: string) => [{ id: "notes", text, bytes: text.length }];
    expect((await lmEvalCorpus(document("a"), tokenizer, model)).sequences.length).toBe(1);
    await expect(lmEvalCorpus(document("a<x>"), tokenizer, model)).rejects.toThrow(
      /"<x>" \(id 257\) of "notes" is past the model's 257/,
    );
  });
});

/** What the harness itself gave (fixtures/generate/lm_eval_goldens.py). */
interface Reported {
  readonly ids: readonly (readonly number[])[];
  readonly prefixTokenId: number;
  readonly maxLength: number;
  readonly loglikelihoods: readonly number[];
  readonly bits_per_byte: number;
  readonly byte_perplexity: number;
  readonly word_perplexity: number;
}
type Setting = "default" | "add_bos_token=False";
const golden: { texts: string[]; models: Record<string, Record<Setting, Reported>> } = JSON.parse(
  readFileSync(fixture("lm-eval/golden.json"), "utf8"),
);

/** Both compute in float32; the harness adds a window's log-likelihoods in it too. */
const TOLERANCE = 1e-6;

describe.each(Object.keys(golden.models))("lm-evaluation-harness on %s", (name) => {
  it("sees these tokens and reports these figures", async () => {
    const model = await openModel(fixture(`lm-eval/${name}`));
    const { spec, weights } = decoderOf(model)!;
    const tokenizer = await model.tokenizer({ specialTokens: true });
    const documents = golden.texts.map((text, i) => ({ id: `${i}`, text, bytes: Buffer.byteLength(text) }));
    const corpus = await lmEvalCorpus(documents, tokenizer, model);
    const tally = new LmEvalTally(corpus);
    const engine = new OnnxEngine({ spec, weights, threads: 1, longest: corpus.maxLength, describe: () => name });
    const batches = batchesOf(lmEvalCorpusWindows(corpus), 64);
    for await (const observation of engine.run(batches, { heads: { losses: true, preNorm: false } })) {
      tally.observe(observation);
    }
    const nats = tally.sequenceNats();
    const figures = tally.finish();
    const asked = { default: corpus.byDefault, "add_bos_token=False": corpus.withoutBos ?? corpus.byDefault };
    for (const setting of ["default", "add_bos_token=False"] as const) {
      const reported = golden.models[name][setting];
      expect([corpus.prefix.id, corpus.maxLength]).toEqual([reported.prefixTokenId, reported.maxLength]);
      expect(asked[setting].map((one) => [...corpus.sequences[one].ids])).toEqual(reported.ids);
      asked[setting].forEach((sequence, i) => {
        const expected = reported.loglikelihoods[i];
        expect(Math.abs(nats[sequence] + expected)).toBeLessThanOrEqual(TOLERANCE * Math.abs(expected));
      });
      const ours = setting === "default" ? figures : (figures.withoutBos ?? figures);
      expect(Math.abs(ours.bitsPerByte / reported.bits_per_byte - 1)).toBeLessThan(TOLERANCE);
      expect(Math.abs(ours.bytePerplexity / reported.byte_perplexity - 1)).toBeLessThan(10 * TOLERANCE);
      expect(Math.abs(Math.log(ours.wordPerplexity) / Math.log(reported.word_perplexity) - 1)).toBeLessThan(TOLERANCE);
    }
    expect(corpus.withoutBos === null).toBe(!name.startsWith("bos"));
  });
});
