import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance } from "./edit-distance.ts";

/** The definition by recursion on the last elements. */
function naive(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) return a.length + b.length;
  const [shortA, shortB] = [a.slice(0, -1), b.slice(0, -1)];
  return Math.min(
    naive(shortA, b) + 1,
    naive(a, shortB) + 1,
    naive(shortA, shortB) + (a[a.length - 1] === b[b.length - 1] ? 0 : 1),
  );
}

const codes = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));
const short = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 6 });
const any = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 40 });

describe("edit distance", () => {
  it("is the textbook's", () => {
    expect(editDistance(codes("kitten"), codes("sitting"))).toBe(3);
    expect(editDistance(codes("intention"), codes("execution"))).toBe(5);
  });

  it("is that of the recursion", () => {
    fc.assert(fc.property(short, short, (a, b) => editDistance(a, b) === naive(a, b)));
  });

  it("is a distance", () => {
    fc.assert(
      fc.property(any, any, any, (a, b, c) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
    );
  });
});
