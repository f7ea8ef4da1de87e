/** Training against a naive twin that counts every pair anew for every merge, and by what the result reads and writes. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasShared, shared } from "../fixtures.testing.ts";
import { END_OF_TEXT, writeBytes } from "./bytes.ts";
import { splitCutter } from "./cut.ts";
import { BYTE_LEVEL_PATTERN } from "./definition.ts";
import { Tokenizer as Library } from "./library.ts";
import { createTokenizer } from "./tokenizer.ts";
import { trainTokenizer } from "./train.ts";

interface Model {
  readonly vocab: Record<string, number>;
  readonly merges: readonly string[];
}
const modelOf = (texts: readonly string[], vocabulary: number): Model =>
  trainTokenizer(texts, vocabulary).tokenizer.model as Model;

/** The definition, word by word and pair by pair. */
function naiveMerges(texts: readonly string[], vocabulary: number): string[] {
  const cut = splitCutter({ Regex: BYTE_LEVEL_PATTERN }, "Isolated");
  const words: string[][] = [];
  for (const text of texts) {
    const ends = [...cut(text)].flat();
    words.push(...ends.map((end, index) => [...writeBytes(text.slice(ends[index - 1] ?? 0, end))]));
  }
  const { vocab } = modelOf([], 257);
  const ids = new Map(Object.entries(vocab));
  const merges: string[] = [];
  while (ids.size < vocabulary) {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let at = 0; at + 1 < word.length; at++) {
        const pair = `${word[at]} ${word[at + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const order = (pair: string): number[] => pair.split(" ").map((side) => ids.get(side)!);
    const [best] = [...counts].sort(
      ([a, n], [b, m]) => m - n || order(a)[0] - order(b)[0] || order(a)[1] - order(b)[1],
    );
    if (!best || best[1] < 2) break;
    const [left, right] = best[0].split(" ");
    merges.push(best[0]);
    if (!ids.has(left + right)) ids.set(left + right, ids.size);
    for (const word of words) {
      for (let at = 0; at + 1 < word.length; at++) {
        if (word[at] === left && word[at + 1] === right) word.splice(at, 2, left + right);
      }
    }
  }
  return merges;
}

describe("merges", () => {
  it("are those of the definition", () => {
    const text = fc.array(fc.constantFrom("a", "b", "ab", "aa", " ", "\n", "é", "1", "the ", "other"), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), fc.integer({ min: 257, max: 290 }), (parts, vocabulary) => {
        const texts = parts.map((part) => part.join(""));
        expect(modelOf(texts, vocabulary).merges).toEqual(naiveMerges(texts, vocabulary));
      }),
      { numRuns: 100 },
    );
  });

  it("stop where no pair occurs twice, and need room for the bytes", () => {
    expect(trainTokenizer(["abab cdcd"], 1000).size).toBe(257 + 2);
    expect(() => trainTokenizer(["a"], 256)).toThrow(/a vocabulary of 256 is too small.*257 tokens: take at least 257/);
  });
});

describe("the tokenizer", () => {
  const text = "It is the cause, it is the cause, my soul; 1234 é😀\r\n\t the causes.  The cause";
  const { tokenizer, tokenizerConfig, size } = trainTokenizer([text], 300);

  it("gives the text back, and the library agrees", () => {
    const ours = createTokenizer(tokenizer, { tokenizerConfig: { ...tokenizerConfig } });
    for (const sample of [text, "unseen words: żółw", ""]) {
      const { ids, repairs } = ours.encode(sample);
      expect(repairs).toEqual([]);
      expect(Buffer.concat([...ids].map((id) => ours.bytesOf(id))).toString()).toBe(sample);
      expect(new Library(tokenizer, tokenizerConfig).encode(sample).ids).toEqual([...ids]);
    }
    expect(ours.vocabularySize).toBe(size);
    expect(ours.contentOf(0)).toBe(END_OF_TEXT);
    expect(ours.encode("the cause").ids.length).toBeLessThan(4);
  });

  it("opens windows with the end of text", () => {
    expect(
      createTokenizer(tokenizer, { tokenizerConfig: { ...tokenizerConfig }, config: { eos_token_id: 0 } }).prefix,
    ).toEqual({
      id: 0,
      addedByTokenizer: false,
    });
  });

  it.skipIf(!hasShared)("reads a megabyte in seconds (needs ../shared/fixtures)", () => {
    const shakespeare = readFileSync(shared("text/tinyshakespeare.txt"), "utf8");
    const trained = trainTokenizer([shakespeare], 1024);
    expect(trained.size).toBe(1024);
    const { ids } = createTokenizer(trained.tokenizer).encode(shakespeare);
    expect(shakespeare.length / ids.length).toBeGreaterThan(2);
  });
});
