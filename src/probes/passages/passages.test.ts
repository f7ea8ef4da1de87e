import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "../../numeric/random.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { documentOf } from "../coding/coding.testing.ts";
import { passagesOf } from "./passages.ts";

const lossesOf = (documents: readonly TokenizedDocument[]) => (index: number) =>
  Float32Array.from(documents[index].ids, (_, token) => random("loss", index, token).uniform() * 6);

const PIECES = ["the ", "quick ", "é", "🐕 ", "\n", "\ufeff", "", "schnell "];

function corpusOf(lengths: readonly number[], domains: readonly string[] = ["all"]): TokenizedDocument[] {
  return lengths.map((tokens, index) => {
    const draws = random("pieces", index);
    const pieces = Array.from({ length: tokens }, () => PIECES[draws.below(PIECES.length)]);
    return documentOf(index, pieces, { domain: domains[index % domains.length] });
  });
}

/** Holds a passage against the document it came from. */
function check(documents: readonly TokenizedDocument[], passages: ReturnType<typeof passagesOf>): void {
  for (const { document, start, text, ends, nats, bitsPerByte } of passages) {
    const { byteEnds, text: whole } = documents[document];
    const bytes = Buffer.byteLength(text);
    expect(
      Buffer.from(whole)
        .subarray(start, start + bytes)
        .equals(Buffer.from(text)),
    ).toBe(true);
    expect(nats.length).toBe(ends.length);
    expect(ends.at(-1)).toBe(bytes);
    const losses = lossesOf(documents)(document);
    // Tokens without a byte make several runs of tokens possible: some run of the document's must be this one.
    const first = byteEnds.findIndex(
      (_, token) =>
        (token === 0 ? 0 : byteEnds[token - 1]) === start &&
        ends.every(
          (end, i) => byteEnds[token + i] === start + end && Math.abs(losses[token + i] - nats[i]) <= 0.5e-4 + 1e-9,
        ),
    );
    expect(first).toBeGreaterThanOrEqual(0);
    const bits = losses.subarray(first, first + nats.length).reduce((sum, value) => sum + value, 0) / Math.LN2;
    expect(bitsPerByte).toBeCloseTo(bits / bytes, 5);
  }
}

describe("passages", () => {
  it("are whole documents where the corpus is short", () => {
    const documents = corpusOf([40, 0, 300]);
    const passages = passagesOf(documents, lossesOf(documents), { seed: 1 });
    expect(passages.map(({ document, text }) => [document, text])).toEqual([
      [0, documents[0].text],
      [2, documents[2].text],
    ]);
    check(documents, passages);
  });

  it("stay within their bytes and are spread over domains and documents where it is long", () => {
    const documents = corpusOf([60_000, 30_000, 900, 5_000, 20, 40_000], ["a", "b", "c"]);
    const passages = passagesOf(documents, lossesOf(documents), { seed: 1, mostBytes: 60_000 });
    check(documents, passages);
    const bytes = passages.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    expect(bytes).toBeLessThanOrEqual(60_000);
    expect(bytes).toBeGreaterThan(50_000);
    expect(new Set(passages.map(({ document }) => document))).toEqual(new Set([0, 1, 2, 3, 4, 5]));
    const again = passagesOf(documents, lossesOf(documents), { seed: 1, mostBytes: 60_000 });
    expect(again).toEqual(passages);
    const others = passagesOf(documents, lossesOf(documents), { seed: 2, mostBytes: 60_000 });
    expect(others.map(({ start }) => start)).not.toEqual(passages.map(({ start }) => start));
  });

  it("never overlap and never cut a character, however tokens do", () => {
    // One token for each byte, as a byte-level tokenizer cuts what it does not know.
    const text = "a🐕é€".repeat(2_000);
    const bytes = Buffer.byteLength(text);
    const document: TokenizedDocument = {
      ...documentOf(0, [text]),
      ids: new Int32Array(bytes),
      byteEnds: Uint32Array.from({ length: bytes }, (_, i) => i + 1),
    };
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const passages = passagesOf([document], () => new Float32Array(bytes), { seed, mostBytes: 12_000 });
        expect(passages.length).toBeGreaterThan(1);
        passages.forEach(({ start, text }, i) => {
          expect(text).not.toContain("\ufffd");
          const next = passages[i + 1]?.start ?? bytes;
          expect(start + Buffer.byteLength(text)).toBeLessThanOrEqual(next);
        });
      }),
      { numRuns: 20 },
    );
  });

  it("leave out what cannot be cut small enough", () => {
    const documents = [documentOf(0, ["x".repeat(50_000)]), documentOf(1, Array(5_000).fill("ab "))];
    const passages = passagesOf(documents, lossesOf(documents), { seed: 3, mostBytes: 20_000 });
    expect(new Set(passages.map(({ document }) => document))).toEqual(new Set([1]));
    check(documents, passages);
  });
});
