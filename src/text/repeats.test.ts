import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { occurrences } from "./repeats.ts";

/** Every place of every text, one after the other. */
function naive(pattern: readonly number[], texts: readonly (readonly number[])[]): number {
  if (pattern.length === 0) return 0;
  let found = 0;
  for (const text of texts)
    for (let start = 0; start + pattern.length <= text.length; start++)
      if (pattern.every((byte, i) => byte === text[start + i])) found++;
  return found;
}

const text = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 40 });
const pattern = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 6 });

describe("repeats", () => {
  it("counts every place", () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 5 }), fc.array(text, { maxLength: 4 }), (patterns, texts) => {
        const bytes = (all: readonly (readonly number[])[]): Uint8Array[] => all.map((one) => Uint8Array.from(one));
        expect(occurrences(bytes(patterns), bytes(texts))).toEqual(patterns.map((one) => naive(one, texts)));
      }),
    );
  });

  it("does not look across two texts", () => {
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    expect(occurrences([bytes("abab")], [bytes("ababab"), bytes("ab"), bytes("ab")])).toEqual([2]);
  });
});
