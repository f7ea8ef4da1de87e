import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adjustedRate, breakEvenBytes, charactersIn, isCodeLength, sumsIn } from "./ledger.ts";

const utf8 = new TextEncoder();

describe("characters by stretch", () => {
  it("counts a code point where its first byte lies", () => {
    // a 1 byte, é 2, € 3, 😀 4, b 1
    expect([...charactersIn("aé€😀b", [1, 2, 3, 7, 11])]).toEqual([1, 1, 0, 2, 1]);
    expect([...charactersIn("", [0, 0])]).toEqual([0, 0]);
  });

  it("equals looking at the bytes one by one", () => {
    const text = fc.string({ unit: "binary", maxLength: 60 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(40), { maxLength: 8 }), (string, cuts) => {
        const bytes = utf8.encode(string);
        const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
        const naive = ends.map((end, i) => {
          const stretch = bytes.subarray(i === 0 ? 0 : ends[i - 1], end);
          return stretch.filter((byte) => (byte & 0xc0) !== 0x80).length;
        });
        expect([...charactersIn(string, ends)]).toEqual(naive);
      }),
    );
  });
});

describe("sums by stretch", () => {
  it("add up to the whole and keep what is small", () => {
    const values = Float64Array.of(1e16, 1, -1e16, 1, 2, 3);
    expect([...sumsIn(values, [3, 3, 6])]).toEqual([1, 0, 6]);
    expect([...sumsIn(Float32Array.of(0.5, 0.25), [2])]).toEqual([0.75]);
  });
});

describe("with the model's own size in", () => {
  it("the adjusted rate is the rate of a file that holds both", () => {
    expect(adjustedRate(1000, 8000, 4000)).toBe(0.5);
    expect(adjustedRate(0, 8 * 400, 400)).toBe(1);
  });

  it("at the break-even size both sides are equally large", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e9 }),
        fc.double({ min: 0.1, max: 4, noNaN: true }),
        fc.double({ min: 0.01, max: 4, noNaN: true }),
        (weightBytes, bitsPerByte, gain) => {
          const size = breakEvenBytes(weightBytes, bitsPerByte, bitsPerByte + gain)!;
          const model = 8 * weightBytes + bitsPerByte * size;
          expect(model / ((bitsPerByte + gain) * size)).toBeCloseTo(1, 10);
        },
      ),
    );
  });

  it("a model no better than the baseline never breaks even", () => {
    expect(breakEvenBytes(1000, 2, 2)).toBeNull();
    expect(breakEvenBytes(1000, 3, 2)).toBeNull();
  });
});

it("repairs above a thousandth of the bytes make it no code length", () => {
  expect(isCodeLength(1, 1000)).toBe(true);
  expect(isCodeLength(2, 1000)).toBe(false);
  expect(isCodeLength(0, 0)).toBe(true);
});
