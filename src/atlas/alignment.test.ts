import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import type { Profile } from "../profile/profile.ts";
import { sampleProfile } from "../report/sample.testing.ts";
import { alignedStretches, documentKeys } from "./alignment.ts";

type Passage = Profile["passages"][number];

/** A tokenizer of its own over bytes [start, end): one to four bytes a token, some of them inside characters. */
function passage(bytes: Uint8Array, start: number, end: number, seed: number, document = 0): Passage {
  const dice = random(seed, "cut");
  const ends: number[] = [];
  for (let at = start; at < end; )
    ends.push((at = Math.min(end, at + (dice.below(9) === 0 ? 0 : 1 + dice.below(4)))) - start);
  return {
    document,
    start,
    text: new TextDecoder().decode(bytes.subarray(start, end)),
    bitsPerByte: null,
    ends,
    nats: ends.map(() => dice.uniform()),
  };
}

const holding = (...passages: Passage[]): Profile => ({ ...sampleProfile(), passages });
const boundary = (bytes: Uint8Array, at: number): boolean => at === bytes.length || (bytes[at] & 0xc0) !== 0x80;
const onwards = (bytes: Uint8Array, at: number): number => (boundary(bytes, at) ? at : onwards(bytes, at + 1));

describe("aligned stretches", () => {
  const prose = fc.string({ unit: fc.constantFrom("a", "b", " ", "é", "€", "😀", "\n"), minLength: 4, maxLength: 300 });

  it("cover what both kept, at places where tokens of both and a character end, with the nats of the tokens between", () => {
    fc.assert(
      fc.property(prose, fc.nat(), fc.nat(30), fc.integer({ min: 1, max: 60 }), (text, seed, shift, size) => {
        const bytes = new TextEncoder().encode(text);
        const late = onwards(bytes, Math.min(shift, bytes.length));
        const [a, b] = [passage(bytes, 0, bytes.length, seed), passage(bytes, late, bytes.length, seed + 1)];
        if (b.ends.length === 0) return;
        const found = alignedStretches([holding(a), holding(b)], size);
        const endsOf = ({ start, ends }: Passage): number[] => [start, ...ends.map((end) => start + end)];
        const shared = endsOf(a).filter((end) => endsOf(b).includes(end) && boundary(bytes, end));
        const reach = Math.max(...shared) - Math.min(...shared);
        expect(found.reduce((sum, one) => sum + one.bytes, 0)).toBe(shared.length > 0 ? reach : 0);
        for (const { start, bytes: length, text: shown, nats } of found) {
          expect(shared).toContain(start);
          expect(shared).toContain(start + length);
          expect(new TextEncoder().encode(shown)).toEqual(bytes.slice(start, start + length));
          for (const [side, { start: from, ends, nats: costs }] of [a, b].entries()) {
            // the naive twin: every token that ends behind the start and not behind the end
            const naive = costs.filter((_, token) => {
              const end = from + ends[token];
              const opening = start === from && end === from;
              return opening || (end > start && end <= start + length);
            });
            expect(nats[side]).toBeCloseTo(
              naive.reduce((sum, cost) => sum + cost, 0),
              9,
            );
          }
        }
      }),
    );
  });

  it("are about as long as asked, and end between words where they can", () => {
    const bytes = new TextEncoder().encode("some words of a text ".repeat(200));
    const of = (seed: number): Profile => holding(passage(bytes, 0, bytes.length, seed));
    const found = alignedStretches([of(1), of(2)], 100);
    expect(found.length).toBeGreaterThan(25);
    for (const { bytes: length } of found) expect(length).toBeGreaterThanOrEqual(50);
    const atSpace = found
      .slice(0, -1)
      .filter(({ text }, index) => text.endsWith(" ") || found[index + 1].text.startsWith(" "));
    expect(atSpace.length).toBeGreaterThan(0.9 * (found.length - 1));
  });

  it("join passages of one document by content, not by place", () => {
    const bytes = new TextEncoder().encode("one two three four five");
    const documents = sampleProfile().documents;
    const turned = { ...holding(passage(bytes, 0, 23, 5, 1)), documents: [...documents].reverse() };
    expect(alignedStretches([holding(passage(bytes, 0, 23, 4, 0)), turned], 5).length).toBeGreaterThan(0);
    expect(alignedStretches([holding(passage(bytes, 0, 23, 4, 1)), turned], 5)).toEqual([]);
  });
});

it("tells documents of the same bytes apart by their order", () => {
  const [one] = sampleProfile().documents;
  expect(documentKeys({ ...sampleProfile(), documents: [one, one] })).toEqual([`${one.sha256}#0`, `${one.sha256}#1`]);
});
