import { describe, expect, it } from "vitest";
import { random } from "./random.ts";

const draw = (n: number, next: () => number) => Float64Array.from({ length: n }, next);

/** Largest distance between the empirical distribution function and `cdf` (Kolmogorov–Smirnov). */
function kolmogorov(values: Float64Array, cdf: (x: number) => number): number {
  const n = values.length;
  return values
    .slice()
    .sort()
    .reduce((worst, x, i) => Math.max(worst, (i + 1) / n - cdf(x), cdf(x) - i / n), 0);
}

/** Normal distribution function by the error function's Taylor series, good to 1e-12 for |x| < 6. */
function normalCdf(x: number): number {
  let term = x;
  let series = x;
  for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(series); k++) {
    term *= (x * x) / (2 * k + 1);
    series += term;
  }
  return 0.5 + (series * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

/** Critical distance at the level 1e-6: √(ln(2/α)/2n). The streams are fixed, so a pass stays a pass. */
const critical = (n: number) => Math.sqrt(Math.log(2 / 1e-6) / (2 * n));

describe("random", () => {
  it("begins as a transcription of the two papers in Python does", () => {
    const stream = random(0, "test");
    expect([stream.uniform(), stream.uniform(), stream.uniform()]).toEqual([
      0.9903375228910106, 0.36809620865488024, 0.06462092119296003,
    ]);
  });

  it("is the same for the same name and another for any other", () => {
    const first = (...name: (number | string)[]) => random(...name).uniform();
    expect(first(7, "bootstrap", 3)).toBe(first(7, "bootstrap", 3));
    const names = [[7], [8], ["7"], [7, "a"], ["a", 7], [7, "a", 1], [7, "a1"], [7, "a", "1"], [71, "a"], []] as const;
    expect(new Set(names.map((name) => first(...name))).size).toBe(names.length);
  });

  it("is uniform", () => {
    const n = 100_000;
    const values = draw(n, random(1, "uniform").uniform);
    expect(values.every((u) => u >= 0 && u < 1)).toBe(true);
    expect(kolmogorov(values, (x) => x)).toBeLessThan(critical(n));
  });

  it("is uniform in pairs of successive draws", () => {
    const stream = random(2, "pairs");
    const cells = new Float64Array(64);
    for (let i = 0; i < 64_000; i++) cells[8 * stream.below(8) + stream.below(8)]++;
    // χ² with 63 degrees of freedom; its 1 − 1e-6 quantile is about 132.
    expect(cells.reduce((total, count) => total + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(132);
  });

  it("gives standard normals", () => {
    const n = 100_000;
    const values = draw(n, random(3, "normal").normal);
    expect(kolmogorov(values, normalCdf)).toBeLessThan(critical(n));
    const moment = (k: number) => values.reduce((total, x) => total + x ** k, 0) / n;
    // Five standard errors: the variances of x, x², x³, x⁴ are 1, 2, 15, 96.
    for (const [k, truth, variance] of [
      [1, 0, 1],
      [2, 1, 2],
      [3, 0, 15],
      [4, 3, 96],
    ]) {
      expect(Math.abs(moment(k) - truth)).toBeLessThan(5 * Math.sqrt(variance / n));
    }
    // Both halves of the polar pair are used: neighbours must not be correlated.
    const lagged = values.reduce((total, x, i) => total + x * (values[i + 1] ?? 0), 0) / n;
    expect(Math.abs(lagged)).toBeLessThan(5 / Math.sqrt(n));
  });

  it("keeps streams of neighbouring names apart", () => {
    const streams = 300;
    const length = 200;
    const centred = Array.from({ length: streams }, (_, name) => {
      const { uniform } = random(5, "bootstrap", name);
      return draw(length, () => uniform() - 0.5);
    });
    const spread = 1 / (12 * Math.sqrt(length));
    let worst = 0;
    for (let a = 0; a < streams; a++) {
      for (let b = 0; b < a; b++) {
        const covariance = centred[a].reduce((total, x, i) => total + x * centred[b][i], 0) / length;
        worst = Math.max(worst, Math.abs(covariance) / spread);
      }
    }
    // The largest of 44,850 standard normals passes 6 with probability 1e-4.
    expect(worst).toBeLessThan(6);
    const firsts = Float64Array.from(centred, (stream) => stream[0] + 0.5);
    expect(kolmogorov(firsts, (x) => x)).toBeLessThan(critical(streams));
  });

  it("draws integers evenly below n, n = 3 and n = 2^53 included", () => {
    const stream = random(4, "below");
    const thirds = new Float64Array(3);
    for (let i = 0; i < 90_000; i++) thirds[stream.below(3)]++;
    for (const count of thirds) expect(Math.abs(count - 30_000)).toBeLessThan(5 * Math.sqrt(20_000));
    expect(stream.below(1)).toBe(0);
    const wide = draw(20_000, () => stream.below(2 ** 53));
    expect(wide.every(Number.isSafeInteger)).toBe(true);
    expect(kolmogorov(wide, (x) => x / 2 ** 53)).toBeLessThan(critical(wide.length));
    for (const n of [0, -1, Number.NaN, 2 ** 53 + 2]) expect(() => stream.below(n)).toThrow(RangeError);
  });

  it("shuffles in place into every order alike", () => {
    const stream = random(6, "shuffle");
    const items = Int32Array.from({ length: 1000 }, (_, i) => i);
    expect(stream.shuffle(items)).toBe(items);
    expect(items).not.toEqual(items.slice().sort());
    expect(items.slice().sort()).toEqual(Int32Array.from({ length: 1000 }, (_, i) => i));

    const orders = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = stream.shuffle(["a", "b", "c", "d"]).join("");
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(24);
    // χ² with 23 degrees of freedom; its 1 − 1e-6 quantile is about 68.
    const chi = [...orders.values()].reduce((total, count) => total + (count - 1000) ** 2 / 1000, 0);
    expect(chi).toBeLessThan(68);
    expect(stream.shuffle([])).toEqual([]);
  });
});
