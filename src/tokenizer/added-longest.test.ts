import fc from "fast-check";
import { expect, it } from "vitest";
import type { AddedFinder, AddedSpan } from "./added.ts";
import { longestFirstFinder } from "./added-longest.ts";
import type { AddedToken } from "./definition.ts";

const token = (content: string, id: number, strips: Partial<AddedToken> = {}): AddedToken => ({
  id,
  content,
  special: false,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  ...strips,
});

/** The definition: each token in turn is cut out of all that is left, from the left, and white space beside it with it. */
function naive(tokens: readonly AddedToken[], text: string): string[] {
  let fragments: (string | AddedToken)[] = [text];
  const size = ({ content }: AddedToken): number => Buffer.byteLength(content);
  for (const one of [...tokens].sort((a, b) => size(b) - size(a) || a.id - b.id)) {
    const cut = (fragment: string): (string | AddedToken)[] => {
      const at = fragment.indexOf(one.content);
      if (at < 0) return [fragment];
      const left = fragment.slice(0, at);
      const right = fragment.slice(at + one.content.length);
      return [
        one.lstrip ? left.replace(/[ \t-\r]+$/, "") : left,
        one,
        ...cut(one.rstrip ? right.replace(/^[ \t-\r]+/, "") : right),
      ];
    };
    fragments = fragments.flatMap((fragment) => (typeof fragment === "string" ? cut(fragment) : [fragment]));
  }
  return fragments.flatMap((fragment) => (typeof fragment === "string" ? [] : [fragment.content]));
}

const foundIn = (finder: AddedFinder, text: string): AddedSpan[] => [...finder(text)].filter((one) => one !== null);

it("takes the longest first, and the leftmost of one", () => {
  const finder = longestFirstFinder([token("ab", 0), token("bcd", 1)])!;
  expect(foundIn(finder, "abcd ab").map(({ start, end, token: { id } }) => [start, end, id])).toEqual([
    [1, 4, 1],
    [5, 7, 0],
  ]);
  expect(longestFirstFinder([])).toBeUndefined();
});

it("finds what the definition finds", () => {
  const content = fc.string({ unit: fc.constantFrom("a", "b", " ", "é", "😀"), minLength: 1, maxLength: 4 });
  const tokens = fc.uniqueArray(content, { maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "\n", "é", "😀", "\u3000"), maxLength: 30 });
  fc.assert(
    fc.property(tokens, text, fc.boolean(), fc.boolean(), (contents, text, lstrip, rstrip) => {
      const all = contents.map((one, id) => token(one, id, { lstrip, rstrip }));
      const finder = longestFirstFinder(all);
      const found = finder ? foundIn(finder, text) : [];
      expect(found.map(({ token: { content } }) => content)).toEqual(naive(all, text));
      for (const { contentStart, contentEnd, token } of found)
        expect(text.slice(contentStart, contentEnd)).toBe(token.content);
    }),
    { numRuns: 3000 },
  );
});

it("takes white space of ASCII beside a token, where the token asks for it", () => {
  const finder = longestFirstFinder([token("<a>", 0, { lstrip: true, rstrip: true })])!;
  expect(foundIn(finder, "x \t<a>\n \u3000y").map(({ start, end }) => [start, end])).toEqual([[1, 8]]);
});
