import { describe, expect, it } from "vitest";
import { quantile } from "../numeric/bootstrap.ts";
import { random } from "../numeric/random.ts";
import { phaseChange } from "./phase-change.ts";

const UNITS = 60;
const stream = random(3, "units");
const positions = Float64Array.from({ length: UNITS }, () => 50 + stream.below(200));
/** what is hard about a unit at every step: far larger than any difference between steps */
const common = positions.map((count) => count * 0.2 * stream.normal());

/** A run of these complexities, each unit with noise of its own of `spread` a position. */
function run(course: readonly number[], spread: number, seed = 0): Float64Array[] {
  const noise = random(seed, "noise");
  return course.map((value) => positions.map((count, u) => count * (value + spread * noise.normal()) + common[u]));
}
const options = { seed: 0, intervals: true };

describe("phaseChange", () => {
  it("finds the step from which complexity falls, though units differ far more than steps", () => {
    const found = phaseChange(positions, run([0.2, 0.3, 0.4, 0.5, 0.46, 0.42, 0.4], 0.02), options);
    expect(found).toMatchObject({ at: 3, places: [3, 3], found: true });
    expect(found.fall.value).toBeCloseTo(0.1, 1);
    expect(found.fall.low).toBeGreaterThan(0.08);
    expect(found.fall.high).toBeLessThan(0.12);
  });

  it("gives the interval in steps that were measured, its ends outward", () => {
    const { places, at, found } = phaseChange(positions, run([0.2, 0.45, 0.45, 0.451, 0.45, 0.3], 0.05), options);
    expect(places![0]).toBeLessThanOrEqual(at);
    expect(places![1]).toBeGreaterThan(places![0]);
    expect(places!.every(Number.isInteger)).toBe(true);
    expect(found).toBe(true);
  });

  it.each([
    ["a run that rises to its end", [0.2, 0.3, 0.4, 0.5], 3],
    ["a run that falls from its start", [0.5, 0.4, 0.3, 0.2], 0],
  ])("claims nothing of %s", (_, course, at) => {
    const found = phaseChange(positions, run(course, 0.02), options);
    expect(found).toMatchObject({ at, places: [at, at], found: false });
  });

  it("claims nothing where the fall may be chance, or the largest step the last", () => {
    const { fall, places, found } = phaseChange(positions, run([0.2, 0.3, 0.3001, 0.3], 0.05), options);
    expect([found, places![1]]).toEqual([false, 3]);
    expect(fall.low).toBeLessThan(0);
  });

  it("claims nothing of one step or without units enough for an interval", () => {
    const none = { places: null, found: false };
    expect(phaseChange(positions, run([0.4], 0.02), options)).toMatchObject({ ...none, at: 0, fall: { value: 0 } });
    const few = phaseChange(positions, run([0.2, 0.5, 0.2], 0.01), { seed: 0, intervals: false });
    expect(few).toMatchObject({ ...none, at: 1, fall: { low: null, high: null } });
  });

  it("draws the same units for all steps: what is equal stays equal in every resample", () => {
    const [once] = run([0.4], 0.3);
    const { at, fall, places } = phaseChange(positions, [once, once, once], options);
    expect([at, places]).toEqual([0, [0, 0]]);
    expect(fall).toEqual({ value: 0, low: 0, high: 0 });
  });

  it("claims a change where eleven steps differ by chance alone in fewer than one run of twenty", () => {
    const runs = 100;
    const flat = [0.3, ...Array<number>(10).fill(0.4)];
    let claimed = 0;
    for (let seed = 0; seed < runs; seed++) {
      if (phaseChange(positions, run(flat, 0.05, seed), options).found) claimed++;
    }
    expect(claimed / runs).toBeLessThan(0.05);
  });

  it("has the interval that its definition gives", () => {
    const course = run([0.2, 0.45, 0.452, 0.3], 0.05, 7);
    const falls = (weight: (unit: number) => number): number[] => {
      const mean = (sums: Float64Array): number =>
        sums.reduce((total, value, u) => total + weight(u) * value, 0) /
        positions.reduce((total, value, u) => total + weight(u) * value, 0);
      return course.slice(0, 3).map((sums) => mean(sums) - mean(course[3]));
    };
    const own = falls(() => 1);
    const strayed = Array.from({ length: 2000 }, (_, r) => {
      const times = new Float64Array(UNITS);
      const units = random(0, "bootstrap", UNITS, r);
      for (let draw = 0; draw < UNITS; draw++) times[units.below(UNITS)]++;
      return falls((u) => times[u]).map((fall, step) => fall - own[step]);
    });
    const ends = (pick: (values: number[]) => number): Float64Array =>
      Float64Array.from(strayed, (values) => pick(values)).sort();
    const { at, fall } = phaseChange(positions, course, options);
    expect(fall.value).toBeCloseTo(own[at], 12);
    expect(fall.low).toBeCloseTo(
      own[at] -
        quantile(
          ends((values) => Math.max(...values)),
          0.975,
        ),
      12,
    );
    expect(fall.high).toBeCloseTo(
      own[at] -
        quantile(
          ends((values) => Math.min(...values)),
          0.025,
        ),
      12,
    );
  });
});
