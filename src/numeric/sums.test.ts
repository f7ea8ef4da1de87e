import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mean, sum } from "./sums.ts";

describe("sum", () => {
  it("keeps what plain addition loses", () => {
    const terms = [1, 1e100, 1, -1e100];
    expect(terms.reduce((a, b) => a + b)).toBe(0);
    expect(sum(terms)).toBe(2);
  });

  it("is exact on multiples of 2^-40 whose sum fits, in any order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), { maxLength: 200 }), (parts) => {
        const exact = Number(parts.reduce((total, part) => total + BigInt(part), 0n)) / 2 ** 40;
        expect(sum(parts.map((part) => part / 2 ** 40))).toBe(exact);
        expect(sum(parts.map((part) => part / 2 ** 40).reverse())).toBe(exact);
      }),
    );
  });

  it("adds a million tenths to the last place", () => {
    const tenths = new Float64Array(1_000_000).fill(0.1);
    expect(tenths.reduce((a, b) => a + b, 0)).not.toBe(100_000);
    expect(sum(tenths)).toBe(100_000);
  });

  it("passes infinities and NaN through", () => {
    expect(sum([1, Infinity, 2])).toBe(Infinity);
    expect(sum([Infinity, -Infinity])).toBeNaN();
    expect(sum([1, Number.NaN])).toBeNaN();
  });

  it("of nothing is 0, the mean of nothing is not a number", () => {
    expect(sum([])).toBe(0);
    expect(mean([])).toBeNaN();
    expect(mean([1, 2, 6])).toBe(3);
  });
});
