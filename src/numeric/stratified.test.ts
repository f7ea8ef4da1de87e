/** Stratified resampling against its definition: strata keep their sizes, a mean has the spread it should have. */
import { describe, expect, it } from "vitest";
import { random } from "./random.ts";
import { stratifiedBootstrap } from "./stratified.ts";

describe("stratified bootstrap", () => {
  it("draws of every stratum as many units as it has, and begins with each once", () => {
    const strata = ["a", "b", "a", null, "b", "a"];
    const seen: number[][] = [];
    stratifiedBootstrap(strata, (times) => [seen.push([...times])], { seed: 1, resamples: 50 });
    expect(seen[0]).toEqual([1, 1, 1, 1, 1, 1]);
    expect(seen).toHaveLength(51);
    for (const times of seen) {
      expect(times[0] + times[2] + times[5]).toBe(3);
      expect(times[1] + times[4]).toBe(2);
      expect(times[3]).toBe(1);
    }
    expect(new Set(seen.map(String)).size).toBeGreaterThan(10);
  });

  it("gives a mean the interval of its standard error, without what differs between strata", () => {
    const stream = random(2, "values");
    const strata = Array.from({ length: 200 }, (_, unit) => unit % 2);
    const values = strata.map((stratum) => 100 * stratum + stream.normal());
    const [{ value, low, high }] = stratifiedBootstrap(
      strata,
      (times) => [values.reduce((sum, one, unit) => sum + times[unit] * one, 0) / 200],
      { seed: 3 },
    );
    expect(value).toBeCloseTo(values.reduce((sum, one) => sum + one, 0) / 200, 10);
    const expected = (2 * 1.96) / Math.sqrt(200);
    expect(high! - low!).toBeGreaterThan(0.8 * expected);
    expect(high! - low!).toBeLessThan(1.2 * expected);
  });

  it("has no interval where a figure is undefined in a resample, and repeats itself by seed", () => {
    const figures = (times: Float64Array) => [times[0] > 0 ? 1 : Number.NaN, times[1]];
    const run = (seed: number) => stratifiedBootstrap([0, 0, 0], figures, { seed, resamples: 200 });
    expect(run(1)[0]).toEqual({ value: 1, low: null, high: null });
    expect(run(1)).toEqual(run(1));
  });
});
