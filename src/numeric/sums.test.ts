import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "./random.ts";
import { addAllWide, addWide, mean, sum, wideSums } from "./sums.ts";

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

describe("wide sums", () => {
  const float32 = fc
    .float({ min: -(2 ** 24), max: 2 ** 24, noNaN: true })
    .filter((x) => x === 0 || Math.abs(x) > 2 ** -40);

  it("of float32 values are exact: the same in any order and any division, and nearest to the truth", () => {
    fc.assert(
      fc.property(fc.array(float32, { maxLength: 100 }), fc.nat(100), fc.nat(), (values, cut, seed) => {
        const whole = wideSums(1);
        for (const value of values) addWide(whole, 0, value);
        const shuffled = random(seed, "order").shuffle(values);
        const [left, right] = [wideSums(1), wideSums(1)];
        for (const value of shuffled.slice(0, cut)) addWide(left, 0, value);
        for (const value of shuffled.slice(cut)) addWide(right, 0, value);
        addAllWide(left, right);
        expect(left).toEqual(whole);
        // every value is a multiple of 2^-64: the sum in whole numbers, rounded once
        const exact = Number(values.reduce((total, value) => total + BigInt(value * 2 ** 64), 0n)) / 2 ** 64;
        expect(whole.high[0] + 0).toBe(exact);
      }),
    );
  });

  it("keep what one float64 loses", () => {
    const sums = wideSums(2);
    for (const value of [1, 2 ** 80, 2 ** -20, -(2 ** 80), -1]) addWide(sums, 1, value);
    expect([...sums.high]).toEqual([0, 2 ** -20]);
  });
});
