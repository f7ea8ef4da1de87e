import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { assign, ONE, pointOffSphere, referencePoints, toFixed } from "./assignment.ts";

describe("referencePoints", () => {
  it("are unit vectors in all directions, the same for the same seed, number and width", () => {
    const [m, d] = [2000, 5];
    const points = referencePoints(3, m, d);
    expect(points).toHaveLength(m * d);
    expect(pointOffSphere(points, d)).toBe(-1);
    // Each coordinate has mean 0 and variance 1/d on the sphere; five standard errors.
    for (let i = 0; i < d; i++) {
      const column = Array.from({ length: m }, (_, point) => points[point * d + i]);
      expect(Math.abs(column.reduce((a, b) => a + b) / m)).toBeLessThan(5 / Math.sqrt(m * d));
      expect(Math.abs(column.reduce((a, b) => a + b * b, 0) / m - 1 / d)).toBeLessThan(5 * Math.sqrt(2 / (m * d * d)));
    }
    expect(referencePoints(3, m, d)).toEqual(points);
    expect(referencePoints(4, m, d)).not.toEqual(points);
  });

  it("are told from points off the sphere", () => {
    expect(pointOffSphere(Float64Array.of(1, 0, 0.6, 0.8, 2, 0), 2)).toBe(2);
    expect(pointOffSphere(Float64Array.of(Number.NaN, 0), 2)).toBe(0);
  });
});

describe("assign", () => {
  const points = Float64Array.of(1, 0, 0, 1, -1, 0);
  const shape = { points, m: 3, d: 2, epsilon: 0.5 };

  it("is the softmax of the cosines over ε", () => {
    const stream = random(1, "states");
    for (const m of [3, 4, 5, 9]) {
      const d = 7;
      const drawn = referencePoints(0, m, d);
      const z = Float64Array.from({ length: 2 * d }, () => stream.normal());
      const fixed = assign(z, { points: drawn, m, d, epsilon: 0.1 });
      for (const row of [0, 1]) {
        const state = z.subarray(row * d, (row + 1) * d);
        const norm = Math.hypot(...state);
        const weights = Array.from({ length: m }, (_, point) =>
          Math.exp(state.reduce((dot, value, i) => dot + (value / norm) * drawn[point * d + i], 0) / 0.1),
        );
        const total = weights.reduce((a, b) => a + b);
        for (let point = 0; point < m; point++) {
          expect(Math.abs(fixed[row * m + point] - (weights[point] / total) * ONE)).toBeLessThan(0.501);
        }
      }
    }
  });

  it("assigns a zero state uniformly, and states of any length by their direction", () => {
    expect([...assign(Float32Array.of(0, 0), shape)]).toEqual(new Array(3).fill(Math.round(ONE / 3)));
    const [small, large, huge] = [1e-30, 1, 1e300].map((scale) => assign(Float64Array.of(3 * scale, 4 * scale), shape));
    expect(small).toEqual(large);
    expect(huge).toEqual(large);
  });
});

describe("toFixed", () => {
  it("rounds to multiples of 2^−26", () => {
    const out = new Uint32Array(5);
    toFixed(Float32Array.of(0, 1, 2 ** -26, 0.6 * 2 ** -26, 0.25), out);
    expect([...out]).toEqual([0, ONE, 1, 1, ONE / 4]);
  });

  it.each([Number.NaN, -1e-3, 1.01, Number.POSITIVE_INFINITY])("refuses %f", (value) => {
    expect(() => toFixed(Float32Array.of(0.5, value), new Uint32Array(2))).toThrow("which is no probability");
  });
});
