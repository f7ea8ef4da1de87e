import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Merges, ScoredPieces } from "./merges.ts";
import { atOnce } from "./running.ts";

/** The definition: join the leftmost pair of the lowest rank until none is left. */
function naive(merges: readonly (readonly [string, string])[], piece: string, own?: readonly number[]): string[] {
  const symbols = Array.from(piece);
  const rank = new Map(merges.map(([left, right], index) => [`${left} ${right}`, own ? own[index] : index]));
  for (;;) {
    const ranks = symbols.slice(1).map((right, i) => rank.get(`${symbols[i]} ${right}`) ?? Infinity);
    const best = Math.min(...ranks);
    if (best === Infinity) return symbols;
    const at = ranks.indexOf(best);
    symbols.splice(at, 2, symbols[at] + symbols[at + 1]);
  }
}

describe("Merges", () => {
  it("joins what the definition joins", () => {
    const symbol = fc.string({ unit: fc.constantFrom("a", "b", "😀"), minLength: 1, maxLength: 4 });
    const merges = fc.array(fc.tuple(symbol, symbol), { maxLength: 30 });
    const piece = fc.string({ unit: fc.constantFrom("a", "b", "😀", "c"), maxLength: 40 });
    fc.assert(
      fc.property(merges, piece, fc.uniqueArray(symbol), (merges, piece, tokens) => {
        const idOf = new Map(tokens.map((token, id) => [token, id]));
        expect(atOnce(new Merges(merges, idOf).apply(piece))).toEqual(naive(merges, piece));
      }),
      { numRuns: 2000 },
    );
  });

  it("joins by score whatever makes a token, the leftmost of those that rank alike", () => {
    const symbol = fc.string({ unit: fc.constantFrom("a", "b", "😀"), minLength: 1, maxLength: 5 });
    const piece = fc.string({ unit: fc.constantFrom("a", "b", "😀", "c"), maxLength: 40 });
    const ranks = fc.array(fc.nat(3), { minLength: 30, maxLength: 30 });
    fc.assert(
      fc.property(fc.uniqueArray(symbol, { maxLength: 30 }), piece, ranks, (tokens, piece, ranks) => {
        // every place where a token can be cut is a merge, of the token's rank
        const cuts = tokens.flatMap((token, id) => {
          const letters = Array.from(token);
          return letters.slice(1).map((_, at) => ({
            pair: [letters.slice(0, at + 1).join(""), letters.slice(at + 1).join("")] as const,
            rank: ranks[id],
          }));
        });
        const merges = cuts.map(({ pair }) => pair);
        const own = cuts.map(({ rank }) => rank);
        const idOf = new Map(tokens.map((token, id) => [token, id]));
        expect(atOnce(new ScoredPieces(idOf, ranks).apply(piece))).toEqual(naive(merges, piece, own));
      }),
      { numRuns: 2000 },
    );
  });

  it("takes no square of the time for a million times the same", () => {
    const pairs = [
      ["a", "a"],
      ["aa", "a"],
      ["aa", "aa"],
      ["aaaa", "aaaa"],
    ] as const;
    const merges = new Merges(pairs, new Map());
    expect(atOnce(merges.apply("a".repeat(1_000_000))).join("").length).toBe(1_000_000);
  }, 20_000);
});
