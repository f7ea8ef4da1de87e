import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ONE } from "./assignment.ts";
import { entropyOfFixed, logarithmTable } from "./logarithm.ts";

describe("logarithmTable", () => {
  it("agrees with Math.log to 2 units in the last place, of 1 or of the result", () => {
    const table = logarithmTable(64);
    const positive = fc.double({ min: 2 ** -1000, max: 2 ** 1000, noNaN: true });
    const nearOne = fc.double({ min: 0.5, max: 2, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.oneof(positive, nearOne), { minLength: 1, maxLength: 64 }), (values) => {
        table.values.set(values);
        table.run(values.length);
        for (const [i, value] of values.entries()) {
          const exact = Math.log(value);
          expect(Math.abs(table.logarithms[i] - exact)).toBeLessThanOrEqual(2 ** -51 * Math.max(1, Math.abs(exact)));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("gives the same bits with and without WebAssembly", () => {
    const positive = fc.double({ min: 2 ** -1022, max: 2 ** 1000, noNaN: true });
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1, maxLength: 9 }), (values) => {
        const [pairs, plain] = [logarithmTable(9), logarithmTable(9, true)].map((table) => {
          table.values.set(values);
          table.run(values.length);
          return new BigUint64Array(table.logarithms.slice().buffer);
        });
        expect(pairs).toEqual(plain);
      }),
      { numRuns: 1000 },
    );
  });

  it("leaves what it was not asked for, and gives zero a finite number", () => {
    const table = logarithmTable(2);
    table.values.set([0, 5]);
    table.run(1);
    expect(Number.isFinite(table.logarithms[0])).toBe(true);
    expect(table.logarithms[1]).toBe(0);
  });
});

describe("entropyOfFixed", () => {
  it("is −Σ p ln p", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(ONE), { minLength: 1, maxLength: 40 }), (values) => {
        const fixed = Uint32Array.from([7, ...values, 7]);
        let expected = 0;
        for (const value of values) if (value > 0) expected -= (value / ONE) * Math.log(value / ONE);
        expect(entropyOfFixed(fixed, 1, values.length + 1)).toBeCloseTo(expected, 12);
      }),
    );
    expect(entropyOfFixed(Uint32Array.of(0, ONE, 0), 0, 3)).toBeCloseTo(0, 15);
  });
});
