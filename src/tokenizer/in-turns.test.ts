/** A long text gives way as it is tokenised, whatever it is made of, and its tokens are those that it has at one go. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { addedTokenFinder } from "./added.ts";
import { longestFirstFinder } from "./added-longest.ts";
import type { AddedToken } from "./definition.ts";
import { tokenizeCorpus, tokenizeDocument } from "./document.ts";
import { LOT } from "./running.ts";
import { createTokenizer, loadTokenizer, type Tokenizer } from "./tokenizer.ts";

/** Characters of a text that is long enough for many turns. */
const LENGTH = 5 * LOT;
const repeated = (text: string): string => text.repeat(Math.ceil(LENGTH / text.length)).slice(0, LENGTH);

const TEXTS = {
  words: repeated("The quick brown fox, 1234 times — naïve café; "),
  "one word": repeated("abcdefghij"),
  "no spaces, beyond ASCII": repeated("日本語のテキストには空白がない。"),
  "one letter": repeated("a"),
  spaces: repeated(" "),
  digits: repeated("0123456789"),
  "letters to be composed": repeated("e\u0301 o\u0308, "),
};

/** How often it gives way. */
function turnsOf(tokenizer: Tokenizer, text: string): number {
  const work = tokenizer.encodeInTurns(text);
  let turns = 0;
  while (!work.next().done) turns++;
  return turns;
}

const loaded = (name: string): Promise<Tokenizer> => {
  const folder = fixture(`tokenizers/${name}`);
  return loadTokenizer(folder, {}, {});
};

describe.each(["gpt2", "gemma", "qwen", "metaspace-split"])("a long text for %s", (name) => {
  it.each(Object.entries(TEXTS))("of %s", async (_, text) => {
    const tokenizer = await loaded(name);
    expect(turnsOf(tokenizer, text)).toBeGreaterThanOrEqual(text.length / LOT - 1);
  });

  it("has the tokens, the digest and the count that it has at one go", async () => {
    const tokenizer = await loaded(name);
    const text = Object.values(TEXTS).join("\n<|endoftext|></s><eos>😀");
    const document = { id: "d", domain: "text", text, replaced: 0 };
    let rests = 0;
    const { documents } = await tokenizeCorpus(tokenizer, [document], async () => void rests++);
    const [inTurns, atOnce] = [documents[0], tokenizeDocument(tokenizer, document, 0)].map(
      ({ ids, byteEnds, ...others }) => ({ ...others, ids: ids.join(), byteEnds: byteEnds.join() }),
    );
    expect(inTurns).toEqual(atOnce);
    expect(rests).toBeGreaterThan(0);
  });

  it("ends where whoever waits has had enough", async () => {
    const document = { id: "d", domain: "text", text: TEXTS.words, replaced: 0 };
    const enough = tokenizeCorpus(await loaded(name), [document], () => Promise.reject(new Error("enough")));
    await expect(enough).rejects.toThrow("enough");
  });
});

it("added tokens are found across the places where the search gives way", () => {
  const content = fc.string({ unit: fc.constantFrom("a", "b", " "), minLength: 1, maxLength: 6 });
  const contents = fc.uniqueArray(content, { minLength: 1, maxLength: 6 });
  const around = fc.string({ unit: fc.constantFrom("a", "b", " ", "c"), maxLength: 24 });
  const token = (own: string, id: number): AddedToken => ({
    ...{ id, content: own, special: false, normalized: false },
    ...{ single_word: false, lstrip: false, rstrip: false },
  });
  fc.assert(
    fc.property(contents, around, fc.nat(24), (own, middle, before) => {
      // what stands at the turn, behind letters that no token has
      const head = "x".repeat(LOT - before);
      const tokens = own.map(token);
      for (const finder of [
        addedTokenFinder(
          tokens.map((one) => [one.content, one]),
          new Set(),
        ),
        longestFirstFinder(tokens),
      ]) {
        const places = (text: string, from: number) =>
          [...finder!(text)].flatMap((one) => (one === null ? [] : [[one.token.id, one.start - from, one.end - from]]));
        expect(places(head + middle, head.length)).toEqual(places(middle, 0));
      }
    }),
    { numRuns: 300 },
  );
});

it("a normaliser that composes letters works in parts that compose alike", () => {
  const json = JSON.parse(readFileSync(join(fixture("tokenizers/gpt2"), "tokenizer.json"), "utf8"));
  const tokenizer = createTokenizer({ ...json, normalizer: { type: "NFC" } });
  const text = `${"a".repeat(LOT - 1)}e\u0301${"o\u0308".repeat(LOT)} e\u0301`;
  const { ids, normalised } = tokenizer.encode(text);
  expect(normalised).toBe(true);
  expect([...ids]).toEqual([...tokenizer.encode(text.normalize("NFC")).ids]);
});
