import { expect, test } from "vitest";
import { splitCutter } from "./cut.ts";

/** What huggingface/tokenizers 0.23 cuts with the same patterns. */
const BY_REFERENCE: readonly (readonly [
  pattern: string,
  behaviour: string,
  text: string,
  pieces: readonly string[],
])[] = [
  ["(?=([0-9]{3})+(?![0-9]))", "Isolated", "1234567", ["1", "234", "567"]],
  ["(?=([0-9]{3})+(?![0-9]))", "Isolated", "ab1234cd123456", ["ab1", "234cd", "123", "456"]],
  ["(?=([0-9]{3})+(?![0-9]))", "MergedWithPrevious", "ab1234cd123456", ["ab1", "234cd", "123", "456"]],
  ["(?=([0-9]{3})+(?![0-9]))", "Contiguous", "ab1234cd123456", ["ab1", "234cd", "123", "456"]],
  ["x*", "Isolated", "axxb", ["a", "xx", "b"]],
  ["x*", "Isolated", "é😀x", ["é", "😀", "x"]],
  ["x*", "MergedWithPrevious", "axxb", ["axx", "b"]],
  ["x*", "MergedWithNext", "axxb", ["a", "xxb"]],
  ["\\b", "Isolated", "ab cd", ["ab", " ", "cd"]],
];

test.each(BY_REFERENCE)("a match of nothing cuts: %s, %s, %s", (pattern, behaviour, text, pieces) => {
  const ends = [...splitCutter({ Regex: pattern }, behaviour)(text)].flat();
  expect(ends.map((end, index) => text.slice(ends[index - 1] ?? 0, end))).toEqual(pieces);
});
