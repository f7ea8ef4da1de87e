import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantile } from "../numeric/bootstrap.ts";
import { random } from "../numeric/random.ts";
import { nearestRows, packing } from "./packing.ts";

const gaussians = (V: number, d: number, seed: number) =>
  Float32Array.from({ length: V * d }, random(seed, "gaussians").normal);

const rowsOf = (matrix: Float32Array, d: number) =>
  Array.from({ length: matrix.length / d }, (_, i) => [...matrix.subarray(i * d, (i + 1) * d)]);

function cosine(a: number[], b: number[]): number {
  return a.reduce((dot, x, k) => dot + x * b[k], 0) / (Math.hypot(...a) * Math.hypot(...b));
}

function naiveCosines(matrix: Float32Array, d: number): Float64Array {
  const rows = rowsOf(matrix, d).filter((row) => Math.hypot(...row) > 0);
  return Float64Array.from(rows.flatMap((a, i) => rows.slice(0, i).map((b) => Math.abs(cosine(a, b))))).sort();
}

describe("packing", () => {
  it("equals the definition on all pairs, zero rows left out", () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 45 }), fc.integer({ min: 1, max: 9 }), fc.integer(), (V, d, seed) => {
        const matrix = gaussians(V, d, seed);
        matrix.fill(0, d, 2 * d);
        const cosines = naiveCosines(matrix, d);
        const found = packing(matrix, d, 0)!;
        expect([found.vectors, found.width, found.sampledPairs]).toEqual([V - 1, d, null]);
        expect(found.largest).toBeCloseTo(cosines.at(-1)!, 12);
        // Of so few pairs a thousandth is less than one: the percentile lies in the bin of the largest.
        expect(found.percentile999).toBeGreaterThan(found.largest - 2 ** -16);
      }),
    );
  });

  it("finds the percentile of many pairs", () => {
    const matrix = gaussians(600, 12, 1);
    const cosines = naiveCosines(matrix, 12);
    expect(packing(matrix, 12, 0)!.percentile999).toBeCloseTo(quantile(cosines, 0.999), 3);
  });

  it("meets the Welch bound on a simplex, and nothing beats it", () => {
    const d = 5;
    // Corners of a simplex: the unit vectors of R^(d+1) less their mean, written in a basis of the plane they span.
    const basis = Array.from({ length: d }, (_, a) =>
      Array.from({ length: d + 1 }, (_, k) => (k <= a ? 1 : k === a + 1 ? -(a + 1) : 0) / Math.sqrt((a + 1) * (a + 2))),
    );
    const simplex = Float32Array.from({ length: (d + 1) * d }, (_, at) => basis[at % d][Math.floor(at / d)]);
    const { largest, welch } = packing(simplex, d, 0)!;
    expect(welch).toBeCloseTo(1 / d, 12);
    expect(largest).toBeCloseTo(1 / d, 6);
    for (let seed = 0; seed < 20; seed++) {
      const cloud = packing(gaussians(12, d, seed), d, 0)!;
      expect(cloud.largest).toBeGreaterThan(cloud.welch);
    }
    const axes = Float32Array.from({ length: 16 }, (_, at) => (at % 5 === 0 ? 3 : 0));
    expect(packing(axes, 4, 0)).toMatchObject({ largest: 0, percentile999: 0, welch: 0 });
  });

  it("knows random unit vectors: in the plane, on the sphere, in five dimensions", () => {
    const tail = (d: number) => packing(gaussians(2, d, 0), d, 0)!.random.percentile999;
    expect(tail(2)).toBeCloseTo(Math.sin((Math.PI / 2) * 0.999), 10);
    expect(tail(3)).toBeCloseTo(0.999, 10);
    const x = tail(5);
    expect(1.5 * (x - x ** 3 / 3)).toBeCloseTo(0.999, 10);
    // One pair: the median of |cosine| on the sphere.
    expect(packing(gaussians(2, 3, 0), 3, 0)!.random.largest).toBeCloseTo(0.5, 10);
    expect(packing(Float32Array.of(1, -2), 1, 0)!.random).toEqual({ largest: 1, percentile999: 1 });
  });

  it.each([8, 64, 577])("agrees with drawn random vectors, d = %i", (d) => {
    const drawn = Array.from({ length: 41 }, (_, seed) => packing(gaussians(120, d, seed), d, 0)!);
    const expected = drawn[0].random;
    const below = drawn.filter(({ largest }) => largest < expected.largest).length;
    // Half of the draws lie below the median: a binomial of 41 leaves 8..33 with probability below 1e-4.
    expect(below).toBeGreaterThan(7);
    expect(below).toBeLessThan(34);
    const percentile = drawn.reduce((total, { percentile999 }) => total + percentile999, 0) / drawn.length;
    expect(Math.abs(percentile / expected.percentile999 - 1)).toBeLessThan(0.03);
  });

  it("samples rows where all pairs are too many, and says how many pairs it took", () => {
    const [V, d] = [400, 6];
    const matrix = gaussians(V, d, 3);
    const whole = packing(matrix, d, 0)!;
    const sample = packing(matrix, d, 0, 21 * V * d)!;
    expect(sample.sampledPairs).toBe(21 * V - (21 * 22) / 2);
    expect(sample.largest).toBeLessThanOrEqual(whole.largest);
    expect(sample.percentile999).toBeCloseTo(whole.percentile999, 1);
    expect(sample.random.largest).toBeLessThan(whole.random.largest);
    expect(packing(matrix, d, 0, 21 * V * d)).toEqual(sample);
    expect(packing(matrix, d, 1, 21 * V * d)!.percentile999).not.toBe(sample.percentile999);
  });

  it("sees one pair of equal directions", () => {
    const matrix = gaussians(50, 8, 4);
    for (let k = 0; k < 8; k++) matrix[17 * 8 + k] = -2 * matrix[31 * 8 + k];
    expect(packing(matrix, 8, 0)!.largest).toBeCloseTo(1, 12);
  });

  it("is null where there are no pairs", () => {
    expect(packing(new Float32Array(0), 4, 0)).toBeNull();
    expect(packing(Float32Array.of(0, 0, 1, 2), 2, 0)).toBeNull();
  });
});

describe("nearestRows", () => {
  it("equals sorting all cosines", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 12 }), (seed, k) => {
        const d = 5;
        const matrix = gaussians(30, d, seed);
        matrix.fill(0, 7 * d, 8 * d);
        const rows = rowsOf(matrix, d);
        const [found, ...none] = nearestRows(matrix, d, [11, 7], k);
        expect(none).toEqual([[]]);
        const wanted = rows
          .map((row, id) => ({ id, cosine: cosine(rows[11], row) }))
          .filter(({ id }) => id !== 11 && id !== 7)
          .sort((a, b) => b.cosine - a.cosine)
          .slice(0, k);
        expect(found.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
        found.forEach((neighbour, i) => {
          expect(neighbour.cosine).toBeCloseTo(wanted[i].cosine, 12);
        });
      }),
    );
  });
});
