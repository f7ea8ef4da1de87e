/**
 * Blocks without a model: transcripts of arbitrary bytes under every kind of tokenizer, and their codes under made-up
 * distributions, come back byte for byte; what was never written comes to an end.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { random } from "../numeric/random.ts";
import { byteLevelTokenizerConfig, byteLevelTokenizerJson } from "../tokenizer/bytes.ts";
import { createTokenizer, loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { BlockDecoder, BlockEncoder, encodeAsBytes, escapeBits, type Row } from "./block.ts";
import { writtenBytes } from "./text.ts";
import { asBytes, partedBytes, type Transcript, transcribe } from "./transcript.ts";

const NAMES = [
  "gpt2",
  "prefix-space",
  "neox",
  "llama3",
  "qwen",
  "smollm",
  "falcon",
  "gemma",
  "metaspace-first",
  "metaspace-split",
  "unknown-fused",
  "unigram",
];
const BYTES = createTokenizer(byteLevelTokenizerJson(), { tokenizerConfig: { ...byteLevelTokenizerConfig() } });
/** lower-cases and strips accents: much that it does not give back */
const LOSSY = createTokenizer({
  ...byteLevelTokenizerJson(),
  normalizer: { type: "Sequence", normalizers: [{ type: "NFD" }, { type: "StripAccents" }, { type: "Lowercase" }] },
});
const tokenizers = new Map<string, Tokenizer>([
  ["bytes", BYTES],
  ["lossy", LOSSY],
  ...(await Promise.all(
    NAMES.map(async (name) => [name, await loadTokenizer(fixture(`tokenizers/${name}`), {})] as const),
  )),
]);
const texts: string[] = JSON.parse(readFileSync(fixture("tokenizers/cases.json"), "utf8")).texts;

/** What a transcript says, by its definition. */
function spoken(tokenizer: Tokenizer, { ids, escapes }: Transcript): Buffer {
  const parts: Uint8Array[] = [];
  for (let token = 0, next = 0; token <= ids.length; token++) {
    let previous = token > 0 ? ids[token - 1] : null;
    if (escapes[next]?.before === token) {
      parts.push(escapes[next++].bytes);
      previous = null;
    }
    if (token < ids.length) parts.push(writtenBytes(tokenizer, ids[token], previous));
  }
  return Buffer.concat(parts);
}

/** Distributions that depend on the step alone, sharp ones among them. */
function distributions(vocabulary: number): () => Float32Array {
  const stream = random(5, "block test");
  return () => {
    const sharpness = 20 * stream.uniform();
    const weights = Float32Array.from({ length: vocabulary }, () => Math.exp(sharpness * (stream.uniform() - 1)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  };
}

/** @returns the tokens that were answered */
function ask(row: Row, vocabulary: number): number[] {
  const next = distributions(vocabulary);
  const answers: number[] = [];
  for (let answer = row.next(next()); answer !== null; answer = row.next(next())) answers.push(answer);
  return answers;
}

const PIECES = [...texts, "naïve CAFÉ", "▁", " ", "  two", "\n", "<0x41>", "<|endoftext|>", "e\u0301"].map((text) =>
  Buffer.from(text),
);
const JUNK = [
  [0xff],
  [0xc3],
  [0xe2, 0x82],
  [0xed, 0xa0, 0x80],
  [0xc0, 0x80],
  [0],
  Array.from({ length: 40 }, (_, i) => 0x80 + i),
].map((bytes) => Buffer.from(bytes));
const block = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 3 }).map((parts) => Buffer.concat(parts)),
  fc.array(fc.constantFrom(...PIECES, ...JUNK), { maxLength: 8 }).map((parts) => Buffer.concat(parts)),
  fc.string({ unit: "binary", maxLength: 60 }).map((text) => Buffer.from(text)),
);

describe.each([...tokenizers])("%s", (_, tokenizer) => {
  const vocabulary = tokenizer.vocabularySize;

  it("transcripts say what they were made of", () => {
    fc.assert(
      fc.property(block, (bytes) => {
        const transcript = transcribe(tokenizer, bytes);
        expect(spoken(tokenizer, transcript)).toEqual(Buffer.from(bytes));
        const before = transcript.escapes.map((run) => run.before);
        expect(new Set(before).size).toBe(before.length);
      }),
    );
  });

  it("text that the tokenizer covers is its tokens and nothing else", () => {
    for (const text of texts) {
      const { ids, repairs } = tokenizer.encode(text);
      if (repairs.length > 0 || text.length === 0) continue;
      expect(transcribe(tokenizer, Buffer.from(text))).toEqual({ ids, escapes: [] });
    }
  });

  it("codes come back byte for byte, with the tokens that were written, at the cost foretold", () => {
    fc.assert(
      fc.property(block, (bytes) => {
        const transcript = transcribe(tokenizer, bytes);
        const encoder = new BlockEncoder(transcript);
        const written = ask(encoder, vocabulary);
        const code = encoder.finish();
        if (bytes.length === 0) return;
        const decoder = new BlockDecoder(tokenizer, code, bytes.length);
        expect(ask(decoder, vocabulary)).toEqual(written);
        expect(Buffer.from(decoder.finish())).toEqual(Buffer.from(bytes));
        expect(decoder.share).toBe(1);
        const next = distributions(vocabulary);
        const tokenBits = Array.from(transcript.ids).reduce((sum, id) => sum - Math.log2(next()[id]), 0);
        expect(Math.abs(8 * code.length - tokenBits - escapeBits(transcript))).toBeLessThan(40);
      }),
      { numRuns: 40 },
    );
  });

  it("a code that was never written comes to an end, within the block", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 40 }), (code, length) => {
        const decoder = new BlockDecoder(tokenizer, code, length);
        expect(ask(decoder, vocabulary).length).toBeLessThanOrEqual(4 * length + 4);
        expect(decoder.finish()).toHaveLength(length);
      }),
      { numRuns: 40 },
    );
  });
});

describe("a block", () => {
  it("as bytes needs no distribution, and costs what the order-2 model says", () => {
    const bytes = Buffer.from("the cat sat on the mat, the cat sat on the mat, the cat sat on the mat");
    const code = encodeAsBytes(asBytes(bytes));
    expect(Math.abs(8 * code.length - escapeBits(asBytes(bytes)))).toBeLessThan(40);
    const decoder = new BlockDecoder(BYTES, code, bytes.length);
    expect(decoder.next(new Float32Array(BYTES.vocabularySize).fill(1 / BYTES.vocabularySize))).toBeNull();
    expect(Buffer.from(decoder.finish())).toEqual(bytes);
  });

  it("pays nothing for escapes that it has not, and little for those that it often has", () => {
    const ids = Int32Array.from({ length: 1000 }, () => 7);
    expect(escapeBits({ ids, escapes: [] })).toBeLessThan(1e-5);
    const one = Uint8Array.of(0xe9);
    const escapes = Array.from({ length: 100 }, (_, i) => ({ before: 10 * i, bytes: one }));
    // 30 bits for the first, then log2 of ten and less than a bit of the ten tokens after it; 3 bits of length; the byte
    const bits = escapeBits({ ids, escapes }) / 100;
    expect(bits).toBeGreaterThan(Math.log2(10) + 3);
    expect(bits).toBeLessThan(Math.log2(10) + 3 + 2);
  });

  it("stops before a character that its end would part", () => {
    const bytes = Buffer.from("aé€😀");
    // a | é at 1 | € at 3 | 😀 at 6, to 10
    expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((end) => partedBytes(bytes, end))).toEqual([
      0, 1, 0, 1, 2, 0, 1, 2, 3, 0,
    ]);
    expect(partedBytes(Uint8Array.of(0x41, 0xe2, 0x82, 0x41), 2)).toBe(0);
    expect(partedBytes(Uint8Array.of(0x82, 0x82, 0x82, 0x82), 2)).toBe(0);
  });
});

it("text that spells a token without a row in the model goes as bytes", () => {
  const token = { special: false, single_word: false, lstrip: false, rstrip: false, normalized: false };
  const file = { ...byteLevelTokenizerJson(), added_tokens: [{ ...token, id: 257, content: "<no-row>" }] };
  const tokenizer = createTokenizer(file, { rows: 257 });
  const bytes = Buffer.from("a<no-row>");
  expect(transcribe(tokenizer, bytes)).toEqual(asBytes(bytes));
  expect(transcribe(tokenizer, Buffer.from("no-row")).escapes).toEqual([]);
});
