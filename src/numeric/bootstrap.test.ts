import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bootstrapSums, percentileInterval, quantile, ratioInterval } from "./bootstrap.ts";
import { random } from "./random.ts";

/** Draws the units one by one and adds what they hold. */
function naiveSums(columns: readonly Float64Array[], seed: number, resamples: number): number[][] {
  const units = columns[0].length;
  return columns.map((column) =>
    Array.from({ length: resamples }, (_, r) => {
      const stream = random(seed, "bootstrap", units, r);
      let total = 0;
      for (let draw = 0; draw < units; draw++) total += column[stream.below(units)];
      return total;
    }),
  );
}

const column = (length: number) =>
  fc
    .array(fc.integer({ min: -1000, max: 1000 }), { minLength: length, maxLength: length })
    .map((values) => Float64Array.from(values));

describe("bootstrapSums", () => {
  it("equals drawing units one by one", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }).chain((units) => fc.tuple(column(units), column(units))),
        fc.integer(),
        (columns, seed) => {
          expect(bootstrapSums(columns, { seed, resamples: 7 }).map((sums) => [...sums])).toEqual(
            naiveSums(columns, seed, 7),
          );
        },
      ),
    );
  });

  it("gives the same resamples whichever columns are asked", () => {
    const a = Float64Array.from({ length: 30 }, (_, i) => i * i);
    const b = Float64Array.from({ length: 30 }, (_, i) => 1 / (i + 1));
    const together = bootstrapSums([a, b], { seed: 4 });
    expect(bootstrapSums([b], { seed: 4 })[0]).toEqual(together[1]);
    expect(bootstrapSums([b, a], { seed: 4 })[1]).toEqual(together[0]);
    expect(bootstrapSums([b], { seed: 5 })[0]).not.toEqual(together[1]);
    expect(together[0]).toHaveLength(2000);
    expect(bootstrapSums([a], { seed: 4, resamples: 10 })[0]).toEqual(together[0].slice(0, 10));
  });

  it("draws as many units as there are, every one of them alike", () => {
    const units = 25;
    const ones = new Float64Array(units).fill(1);
    const indicators = Array.from({ length: units }, (_, u) => Float64Array.from(ones, (_, v) => (u === v ? 1 : 0)));
    const [sizes, ...times] = bootstrapSums([ones, ...indicators], { seed: 1 });
    expect(sizes.every((size) => size === units)).toBe(true);
    for (const draws of times) {
      // A unit is drawn once a resample on average, variance 1 − 1/U: five standard errors of 2,000 resamples.
      expect(Math.abs(draws.reduce((a, b) => a + b, 0) / 2000 - 1)).toBeLessThan(5 / Math.sqrt(2000));
    }
  });

  it("takes nothing and refuses columns that do not match", () => {
    expect(bootstrapSums([], { seed: 0 })).toEqual([]);
    expect(bootstrapSums([new Float64Array(0)], { seed: 0, resamples: 3 })[0]).toEqual(new Float64Array(3));
    expect(() => bootstrapSums([new Float64Array(3), new Float64Array(2)], { seed: 0 })).toThrow(
      "column 1 has 2 sampling units, column 0 has 3",
    );
  });
});

describe("percentileInterval", () => {
  it("interpolates as numpy.percentile does", () => {
    // numpy.percentile(numpy.arange(11) ** 2, [2.5, 97.5])
    const squares = Float64Array.from({ length: 11 }, (_, i) => i * i).reverse();
    const { value, low, high } = percentileInterval(30, squares);
    expect(value).toBe(30);
    expect(low).toBeCloseTo(0.25, 12);
    expect(high).toBeCloseTo(95.25, 12);
    expect(squares[0]).toBe(100);
    expect(quantile([7], 0.975)).toBe(7);
  });

  it("has no ends where a resample leaves the figure undefined", () => {
    expect(percentileInterval(1, Float64Array.of(1, Number.NaN, 2))).toEqual({ value: 1, low: null, high: null });
    expect(percentileInterval(1, new Float64Array(0))).toEqual({ value: 1, low: null, high: null });
    expect(percentileInterval(Infinity, Float64Array.of(1, 2))).toEqual({ value: null, low: null, high: null });
  });
});

describe("ratioInterval", () => {
  it("covers the true ratio about as often as it says", () => {
    const runs = 400;
    let covered = 0;
    for (let run = 0; run < runs; run++) {
      const stream = random(run, "simulated documents");
      const bytes = Float64Array.from({ length: 60 }, () => 100 + 900 * stream.uniform());
      const bits = bytes.map((length) => length * (2 + 0.5 * stream.normal()));
      const { low, high } = ratioInterval(bits, bytes, { seed: run, resamples: 500 });
      if (low! <= 2 && 2 <= high!) covered++;
    }
    // The percentile bootstrap of 60 units covers about 93 % (METHODS §0); binomial error of 400 runs 1.3 points.
    expect(covered / runs).toBeGreaterThan(0.89);
    expect(covered / runs).toBeLessThan(0.98);
  });

  it("is a point where all units agree, though they differ in size", () => {
    const bytes = Float64Array.of(8, 32, 4, 16);
    const { value, low, high } = ratioInterval(
      bytes.map((length) => 3 * length),
      bytes,
      { seed: 9 },
    );
    expect([value, low, high]).toEqual([3, 3, 3]);
  });
});
