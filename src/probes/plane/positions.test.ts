import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatenate, ORDERS, Positions } from "./positions.ts";

const documents = fc.array(
  fc.array(fc.nat(5), { maxLength: 14 }).map((ids) => ({ ids: Int32Array.from(ids) })),
  { maxLength: 6 },
);
const prefixes = fc.option(fc.constant(9));

/** Every token with both n-grams inside its document, found by looking. */
function eligible(sequences: number[][], order: number): [document: number, index: number][] {
  return sequences.flatMap((ids, d) =>
    ids.flatMap((_, i): [number, number][] => (i - order + 1 >= 0 && i + order <= ids.length - 1 ? [[d, i]] : [])),
  );
}

describe("Positions", () => {
  it("are the tokens with both 4-grams inside their document, a counted prefix being one of its tokens", () => {
    fc.assert(
      fc.property(documents, prefixes, (texts, prefix) => {
        const sequences = texts.map(({ ids }) => (prefix === null || ids.length === 0 ? [...ids] : [prefix, ...ids]));
        const positions = new Positions(concatenate(texts, prefix), false);
        const expected = eligible(sequences, ORDERS);
        expect(positions.count).toBe(expected.length);
        const visited: [number, number][] = [];
        positions.forEach((row, document, index) => {
          expect(row).toBe(visited.length);
          visited.push([document, index]);
        });
        expect(visited).toEqual(expected);
        for (const [d, ids] of sequences.entries()) {
          for (let i = 0; i < ids.length; i++) {
            expect(positions.row(d, i)).toBe(expected.findIndex(([document, index]) => document === d && index === i));
          }
        }
        const rows = positions.rowsOfOrder(ORDERS);
        expect([...rows]).toEqual([...expected.keys()]);
        const input = positions.inputKeys(rows, ORDERS);
        const output = positions.outputKeys(rows, ORDERS);
        for (const [row, [d, i]] of expected.entries()) {
          expect(input.map((key) => key[row])).toEqual(sequences[d].slice(i - 3, i + 1).reverse());
          expect(output.map((key) => key[row])).toEqual(sequences[d].slice(i + 1, i + 5));
        }
      }),
    );
  });

  it("may be those of every order by itself", () => {
    fc.assert(
      fc.property(documents, prefixes, (texts, prefix) => {
        const sequences = texts.map(({ ids }) => (prefix === null || ids.length === 0 ? [...ids] : [prefix, ...ids]));
        const positions = new Positions(concatenate(texts, prefix), true);
        const all = eligible(sequences, 1);
        expect(positions.count).toBe(all.length);
        for (let order = 1; order <= ORDERS; order++) {
          const rows = positions.rowsOfOrder(order);
          const expected = eligible(sequences, order);
          expect([...rows].map((row) => all[row])).toEqual(expected);
          expect(positions.inputKeys(rows, order).map((key) => [...key])).toEqual(
            Array.from({ length: order }, (_, n) => expected.map(([d, i]) => sequences[d][i - n])),
          );
        }
      }),
    );
  });
});
