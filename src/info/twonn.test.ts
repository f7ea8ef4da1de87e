import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { twoNN } from "./twonn.ts";

/** Every distance in full, sorted; the censored estimate by its formula. */
function naive(states: Float32Array, d: number) {
  const rows = Array.from({ length: states.length / d }, (_, i) => [...states.subarray(i * d, (i + 1) * d)]);
  const distance = (a: number[], b: number[]) => Math.hypot(...a.map((x, k) => x - b[k]));
  const distinct = rows.filter((row, i) => rows.findIndex((other) => distance(row, other) === 0) === i);
  const n = distinct.length;
  const logs = distinct
    .map((row, i) => {
      const [near, next] = distinct
        .filter((_, j) => j !== i)
        .map((other) => distance(row, other))
        .sort((a, b) => a - b);
      return Math.log(next / near);
    })
    .sort((a, b) => a - b);
  const k = Math.floor(0.9 * n);
  const total = logs.slice(0, k).reduce((a, b) => a + b, 0) + (n - k) * logs[k - 1];
  return { dimension: (k - 1) / total, points: n, duplicates: rows.length - n };
}

/** Isometry of R^from into R^to: Gram–Schmidt on Gaussian columns. */
function embed(points: Float64Array[], to: number, seed: number): Float32Array {
  const { normal } = random(seed, "isometry");
  const from = points[0].length;
  const axes: Float64Array[] = [];
  for (let a = 0; a < from; a++) {
    const axis = Float64Array.from({ length: to }, normal);
    for (const other of axes) {
      const along = axis.reduce((dot, x, k) => dot + x * other[k], 0);
      for (let k = 0; k < to; k++) axis[k] -= along * other[k];
    }
    const norm = Math.hypot(...axis);
    axes.push(axis.map((x) => x / norm));
  }
  return Float32Array.from(
    points.flatMap((point) =>
      Array.from({ length: to }, (_, k) => axes.reduce((total, axis, a) => total + point[a] * axis[k], 0)),
    ),
  );
}

describe("twoNN", () => {
  it("equals the definition on all distances, repeated states dropped", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 25, max: 80 }), (seed, d, n) => {
        const stream = random(seed, "cloud");
        const states = Float32Array.from({ length: n * d }, (_, at) => stream.normal() * 10 ** ((at % d) / 20));
        for (let copy = 0; copy < 4; copy++) states.copyWithin(stream.below(n) * d, 0, d);
        const found = twoNN(states, d)!;
        const wanted = naive(states, d);
        expect(twoNN(states, d, true)).toEqual(found);
        expect([found.points, found.duplicates]).toEqual([wanted.points, wanted.duplicates]);
        expect(found.dimension / wanted.dimension).toBeCloseTo(1, 9);
      }),
      { numRuns: 40 },
    );
  });

  it.each([1, 2, 5])("finds the dimension of a flat torus, %i, in forty", (dimension) => {
    const { uniform } = random(dimension, "torus");
    // (cos θ, sin θ) per angle: locally a cube of that dimension, without faces.
    const points = Array.from({ length: 1500 }, () =>
      Float64Array.from({ length: dimension }, () => 2 * Math.PI * uniform()),
    ).map((angles) => Float64Array.from([...angles].flatMap((angle) => [Math.cos(angle), Math.sin(angle)])));
    const found = twoNN(embed(points, 40, dimension), 40)!;
    expect(found.standardError / found.dimension).toBeCloseTo(1 / Math.sqrt(Math.floor(0.9 * found.points) - 2), 9);
    // Four standard errors, and the few per cent by which curvature moves it at this number of points.
    expect(Math.abs(found.dimension - dimension)).toBeLessThan(4 * found.standardError + 0.03 * dimension);
  });

  it("falls a little short on ten dimensions, as it is known to", () => {
    const { uniform } = random(10, "cube");
    const points = Array.from({ length: 1500 }, () => Float64Array.from({ length: 10 }, uniform));
    const { dimension } = twoNN(embed(points, 64, 10), 64)!;
    expect(dimension).toBeGreaterThan(8);
    expect(dimension).toBeLessThan(10.5);
  });

  it("has the standard error that repeated draws show", () => {
    const estimates = Array.from({ length: 200 }, (_, draw) => {
      const { uniform } = random(draw, "square");
      return twoNN(Float32Array.from({ length: 2 * 200 }, uniform), 2)!;
    });
    const mean = estimates.reduce((total, { dimension }) => total + dimension, 0) / estimates.length;
    const spread = Math.sqrt(
      estimates.reduce((total, { dimension }) => total + (dimension - mean) ** 2, 0) / (estimates.length - 1),
    );
    expect(Math.abs(mean - 2)).toBeLessThan(0.06);
    const stated = estimates.reduce((total, { standardError }) => total + standardError, 0) / estimates.length;
    // Neighbours share distances, so the points' ratios are not quite independent.
    expect(spread / stated).toBeGreaterThan(0.8);
    expect(spread / stated).toBeLessThan(1.4);
  });

  it("is moved by no scale, rotation or shift of a power of two", () => {
    const { uniform } = random(4, "moves");
    const points = Array.from({ length: 300 }, () => Float64Array.from({ length: 3 }, uniform));
    const plain = twoNN(embed(points, 3, 1), 3)!.dimension;
    expect(twoNN(embed(points, 30, 2), 30)!.dimension).toBeCloseTo(plain, 3);
    const scaled = embed(points, 3, 1).map((x) => 1024 * x);
    expect(twoNN(scaled, 3)!.dimension).toBe(plain);
  });

  it("takes states that differ by rounding alone for one", () => {
    const { normal } = random(5, "noise");
    const states = Float32Array.from({ length: 200 * 16 }, normal);
    const twins = states.map((x) => x * (1 + 1e-6 * normal()));
    const both = new Float32Array([...states, ...twins]);
    expect(twoNN(both, 16)).toEqual({ ...twoNN(states, 16)!, duplicates: 200 });
  });

  it("is null where there is nothing to measure", () => {
    expect(twoNN(new Float32Array(0), 8)).toBeNull();
    expect(twoNN(new Float32Array(800).fill(1), 8)).toBeNull();
    expect(twoNN(Float32Array.from({ length: 19 * 2 }, random(6).normal), 2)).toBeNull();
    // On a ring all neighbours are equally far.
    const ring = Float32Array.from({ length: 64 * 64 }, (_, at) => (Math.floor(at / 64) === at % 64 ? 1 : 0));
    expect(twoNN(ring, 64)).toBeNull();
  });
});
