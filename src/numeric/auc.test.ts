import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { auc, aucInterval } from "./auc.ts";
import { random } from "./random.ts";

/** The definition: all pairs. */
function naive(above: readonly number[], below: readonly number[]): number {
  let wins = 0;
  for (const a of above) for (const b of below) wins += a > b ? 1 : a === b ? 0.5 : 0;
  return wins / (above.length * below.length);
}

const scores = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 30 });

describe("area under the curve", () => {
  it("counts all pairs, ties half", () => {
    fc.assert(fc.property(scores, scores, (above, below) => Math.abs(auc(above, below) - naive(above, below)) < 1e-12));
  });

  it("turns round with the groups", () => {
    fc.assert(fc.property(scores, scores, (a, b) => Math.abs(auc(a, b) + auc(b, a) - 1) < 1e-12));
  });

  it("is not defined without members", () => {
    expect(auc([], [1])).toBeNaN();
    expect(aucInterval([1], [], { seed: 0 })).toEqual({ value: null, low: null, high: null });
  });

  it("has an interval as wide as Hanley & McNeil's normal one", () => {
    const stream = random(3, "scores");
    const draw = (shift: number, n: number): number[] => Array.from({ length: n }, () => stream.normal() + shift);
    const [above, below] = [draw(1, 150), draw(0, 100)];
    const { value, low, high } = aucInterval(above, below, { seed: 1 });
    const a = value!;
    const [q1, q2] = [a / (2 - a), (2 * a * a) / (1 + a)];
    const variance = (a * (1 - a) + 149 * (q1 - a * a) + 99 * (q2 - a * a)) / (150 * 100);
    expect((high! - low!) / (2 * 1.96 * Math.sqrt(variance))).toBeGreaterThan(0.85);
    expect((high! - low!) / (2 * 1.96 * Math.sqrt(variance))).toBeLessThan(1.15);
    expect(a).toBeCloseTo(naive(above, below), 12);
  });

  it("covers chance where the groups are alike", () => {
    let covered = 0;
    for (let trial = 0; trial < 100; trial++) {
      const stream = random(trial, "alike");
      const draw = (): number[] => Array.from({ length: 40 }, () => stream.normal());
      const { low, high } = aucInterval(draw(), draw(), { seed: trial, resamples: 400 });
      if (low! <= 0.5 && high! >= 0.5) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(88);
  });
});
