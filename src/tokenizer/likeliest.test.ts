import fc from "fast-check";
import { expect, it } from "vitest";
import { LikeliestPieces } from "./likeliest.ts";
import { atOnce } from "./running.ts";

const UNKNOWN = -30;
const tile = (pieces: ReadonlyMap<string, number>, text: string) =>
  atOnce(new LikeliestPieces(pieces, UNKNOWN).apply(text));

/** Score of a way to tile, of all ways the best. */
function best(pieces: ReadonlyMap<string, number>, text: string): number {
  if (text === "") return 0;
  const [first] = Array.from(text);
  const ways = [...pieces].flatMap(([piece, score]) =>
    text.startsWith(piece) ? [score + best(pieces, text.slice(piece.length))] : [],
  );
  if (!pieces.has(first)) ways.push(UNKNOWN + best(pieces, text.slice(first.length)));
  return Math.max(...ways);
}

it("tiles a text in the likeliest of all ways", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "c", "😀", "x"), minLength: 1, maxLength: 4 });
  const pieces = fc.array(fc.tuple(letters, fc.integer({ min: -12, max: 0 })), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(pieces, fc.string({ unit: fc.constantFrom("a", "b", "c", "😀", "x"), maxLength: 9 }), (list, text) => {
      const known = new Map(list);
      const found = tile(known, text);
      expect(found.join("")).toBe(text);
      const sum = found.reduce((total, piece) => total + (known.get(piece) ?? UNKNOWN), 0);
      expect(sum).toBe(best(known, text));
      for (const piece of found) if (!known.has(piece)) expect(Array.from(piece)).toHaveLength(1);
    }),
    { numRuns: 300 },
  );
});

it("keeps of two equal ways the one whose last token begins first", () => {
  const equal = new Map(Object.entries({ a: -1, b: -1, c: -1, ab: -1, bc: -1 }));
  expect(tile(equal, "abc")).toEqual(["a", "bc"]);
  expect(tile(new Map(Object.entries({ a: -1, aa: -2 })), "aaa")).toEqual(["a", "aa"]);
});

it("takes a token of a million letters, a text of a million, and no more than eight millions of letters", () => {
  const long = "a".repeat(2 ** 20);
  const short = "a".repeat(1000);
  expect(tile(new Map([["a", -1], [long, -5]]), short)).toEqual([...short]); // biome-ignore format: one line
  expect(tile(new Map([["a", -1], ["aa", -3]]), long)).toHaveLength(long.length); // biome-ignore format: one line
  expect(() => new LikeliestPieces([["a".repeat(2 ** 23 + 1), 0]], UNKNOWN)).toThrow(
    "the tokenizer's tokens have 8,388,609 characters in all, 8,388,608 are read at most",
  );
});
