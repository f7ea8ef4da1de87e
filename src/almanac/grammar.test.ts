import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { pattern, read, spell, uniform, weighted } from "./grammar.ts";

describe("laws", () => {
  it("sum to one", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }), (weights) => {
        for (const law of [weighted(weights), uniform(weights.length)]) {
          let mass = 0;
          for (let i = 0; i < law.size; i++) mass += 2 ** -law.bits(i);
          expect(mass).toBeCloseTo(1, 12);
        }
      }),
    );
  });

  it("are drawn from as often as they say", () => {
    const weights = [5, 2, 1, 12];
    const law = weighted(weights);
    const stream = random(1, "law");
    const counts = weights.map(() => 0);
    const draws = 40_000;
    for (let i = 0; i < draws; i++) counts[law.draw(stream)]++;
    counts.forEach((count, i) => {
      const p = 2 ** -law.bits(i);
      expect(Math.abs(count - draws * p)).toBeLessThan(5 * Math.sqrt(draws * p * (1 - p)));
    });
  });
});

describe("patterns", () => {
  const lists = [
    ["an", "anna", "a"],
    ["b", "nab", "nb"],
  ];

  it("reads every way in which a text can have been spelled, and no other", () => {
    const compiled = pattern("<{x}{y}>");
    for (let x = 0; x < 3; x++) {
      for (let y = 0; y < 3; y++) {
        const text = `..${spell(compiled, [lists[0][x], lists[1][y]])}..`;
        const all = [...read(compiled, lists, text, 2)];
        const naive = lists[0].flatMap((a, i) =>
          lists[1].flatMap((b, j) =>
            text.startsWith(`<${a}${b}>`, 2) ? [{ picks: [i, j], end: text.length - 2 }] : [],
          ),
        );
        expect(all).toEqual(naive);
        expect(all).toContainEqual({ picks: [x, y], end: text.length - 2 });
      }
    }
    // "an" + "nab" and "anna" + "b"; "a" + "nb" and "an" + "b"
    expect([...read(compiled, lists, "<annab>", 0)]).toHaveLength(2);
    expect([...read(compiled, lists, "<anb>", 0)]).toHaveLength(2);
  });

  it("finds nothing where another text stands", () => {
    expect([...read(pattern("{x}!"), [["a"]], "a?", 0)]).toEqual([]);
    expect([...read(pattern("on {x}"), [["a"]], "in a", 0)]).toEqual([]);
  });
});
