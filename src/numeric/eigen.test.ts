import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { symmetricEigen, symmetricSpectra } from "./eigen.ts";
import { random } from "./random.ts";

/** numpy.linalg.eigvalsh of 1/(i+j+1), 8 × 8, and of cos(ij+i+j), 12 × 12. */
const HILBERT = [
  1.695938996921949, 0.2981252113169306, 0.0262128435781189, 0.0014676881177417907, 5.4369433697499504e-5,
  1.294332091873755e-6, 1.7988737457918858e-8, 1.1115390158041429e-10,
];
const COSINES = [
  3.0984972484332696, 2.998686553804753, 2.756142051651179, 2.2611637346735503, 1.342699227601865, 1.2281886465540528,
  -1.2277862203901502, -1.917240006978263, -2.2624084265099897, -2.43477272182777, -2.986633083923066,
  -3.0843612695686966,
];

const matrix = (d: number, entry: (i: number, j: number) => number) =>
  Float64Array.from({ length: d * d }, (_, at) => entry(Math.floor(at / d), at % d));

const lowerOf = (a: Float64Array, d: number) =>
  Float64Array.from(Array.from({ length: d }, (_, i) => [...a.subarray(i * d, i * d + i + 1)]).flat());

const symmetricEigenvalues = (a: Float64Array, d: number) =>
  symmetricSpectra(lowerOf(a, d), new Float64Array(d), 1).plain;

/** Cyclic Jacobi: slow, and right for reasons of its own. */
function jacobi(source: Float64Array, d: number): number[] {
  const a = source.slice();
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < d; p++) {
      for (let q = p + 1; q < d; q++) {
        if (a[p * d + q] === 0) continue;
        const theta = (a[q * d + q] - a[p * d + p]) / (2 * a[p * d + q]);
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let k = 0; k < d; k++) {
          const [x, y] = [a[k * d + p], a[k * d + q]];
          a[k * d + p] = c * x - s * y;
          a[k * d + q] = s * x + c * y;
        }
        for (let k = 0; k < d; k++) {
          const [x, y] = [a[p * d + k], a[q * d + k]];
          a[p * d + k] = c * x - s * y;
          a[q * d + k] = s * x + c * y;
        }
      }
    }
  }
  return Array.from({ length: d }, (_, i) => a[i * d + i]).sort((x, y) => y - x);
}

const normOf = (eigenvalues: ArrayLike<number>) => Math.max(...Array.from(eigenvalues, Math.abs));

/** Tolerance: units in the last place of the norm, sixteen and four for every dimension (both sides round). */
function expectClose(actual: ArrayLike<number>, wanted: ArrayLike<number>, norm = normOf(wanted)): void {
  expect(actual.length).toBe(wanted.length);
  const tolerance = 4 * Number.EPSILON * (4 + wanted.length) * norm;
  for (let i = 0; i < wanted.length; i++) expect(Math.abs(actual[i] - wanted[i])).toBeLessThanOrEqual(tolerance);
}

describe("symmetricSpectra", () => {
  it("gives what numpy.linalg.eigvalsh gives", () => {
    expectClose(
      symmetricEigenvalues(
        matrix(8, (i, j) => 1 / (i + j + 1)),
        8,
      ),
      HILBERT,
    );
    expectClose(
      symmetricEigenvalues(
        matrix(12, (i, j) => Math.cos(i * j + i + j)),
        12,
      ),
      COSINES,
    );
  });

  it("knows the path's Laplacian, 2 − 2 cos(πk/(d+1))", () => {
    const d = 200;
    const wanted = Array.from({ length: d }, (_, k) => 2 - 2 * Math.cos((Math.PI * (d - k)) / (d + 1)));
    expectClose(
      symmetricEigenvalues(
        matrix(d, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0)),
        d,
      ),
      wanted,
    );
  });

  it("agrees with Jacobi rotations, repeated and zero eigenvalues included", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 14 }), fc.integer(), fc.constantFrom(0, 1, 3), (d, seed, digits) => {
        const { normal } = random(seed, "symmetric");
        const a = new Float64Array(d * d);
        for (let i = 0; i < d; i++) {
          // Coarse entries make equal rows, exact zeros and degenerate spectra common.
          for (let j = 0; j <= i; j++) a[i * d + j] = a[j * d + i] = Number(normal().toFixed(digits));
        }
        expectClose(symmetricEigenvalues(a, d), jacobi(a, d));
      }),
    );
  });

  it("finds the spectrum a matrix was built from, over sixteen orders of magnitude", () => {
    const d = 120;
    const wanted = Float64Array.from({ length: d }, (_, i) => 10 ** (-i / 7.5));
    const a = matrix(d, (i, j) => (i === j ? wanted[i] : 0));
    const { normal } = random(2, "reflections");
    for (let turn = 0; turn < 5; turn++) {
      const v = Float64Array.from({ length: d }, normal);
      const square = v.reduce((total, x) => total + x * x, 0);
      for (const [along, across] of [
        [d, 1],
        [1, d],
      ]) {
        for (let i = 0; i < d; i++) {
          let dot = 0;
          for (let k = 0; k < d; k++) dot += a[i * across + k * along] * v[k];
          for (let k = 0; k < d; k++) a[i * across + k * along] -= (2 * dot * v[k]) / square;
        }
      }
    }
    expectClose(symmetricEigenvalues(a, d), wanted);
  });

  it("keeps trace and Frobenius norm at the width of a real model", () => {
    const d = 576;
    const { normal } = random(3, "wide");
    const a = new Float64Array(d * d);
    for (let i = 0; i < d; i++) for (let j = 0; j <= i; j++) a[i * d + j] = a[j * d + i] = normal();
    const values = symmetricEigenvalues(a, d);
    const trace = Array.from({ length: d }, (_, i) => a[i * d + i]).reduce((x, y) => x + y, 0);
    expect(values.reduce((x, y) => x + y, 0)).toBeCloseTo(trace, 8);
    const squares = a.reduce((total, x) => total + x * x, 0);
    expect(values.reduce((total, x) => total + x * x, 0) / squares).toBeCloseTo(1, 12);
    // Wigner's semicircle ends at 2√d.
    expect(values[0] / (2 * Math.sqrt(d))).toBeGreaterThan(0.97);
    expect(values[0] / (2 * Math.sqrt(d))).toBeLessThan(1.03);
  });

  it("is indifferent to scale, powers near the ends of float64 included", () => {
    const a = matrix(6, (i, j) => 1 / (1 + Math.abs(i - j)));
    const plain = symmetricEigenvalues(a, 6);
    for (const exponent of [-1000, -300, 300, 1020]) {
      const scaled = symmetricEigenvalues(
        a.map((entry) => entry * 2 ** exponent),
        6,
      );
      expect(scaled).toEqual(plain.map((value) => value * 2 ** exponent));
    }
  });

  it("gives the spectrum of A + ρvvᵀ beside that of A", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 14 }),
        fc.integer(),
        fc.constantFrom(-2.5, 0, 1e-3, 40),
        fc.constantFrom(0, 1, 1e-150),
        (d, seed, rho, length) => {
          const { normal } = random(seed, "update");
          const a = new Float64Array(d * d);
          for (let i = 0; i < d; i++) for (let j = 0; j <= i; j++) a[i * d + j] = a[j * d + i] = normal();
          const v = Float64Array.from({ length: d }, () => length * normal());
          const sum = matrix(d, (i, j) => a[i * d + j] + rho * v[i] * v[j]);
          const { plain, updated } = symmetricSpectra(lowerOf(a, d), v, rho);
          expectClose(plain, jacobi(a, d));
          // The two terms may cancel: what is left is known to the precision of either.
          const update = Math.abs(rho) * v.reduce((total, x) => total + x * x, 0);
          expectClose(updated, jacobi(sum, d), normOf(plain) + update);
        },
      ),
    );
  });

  it("gives vectors that are orthonormal and only stretched, of matrices of full rank and of little", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 0, max: 24 }), fc.integer(), (d, rank, seed) => {
        const { normal } = random(seed, "vectors");
        const rows = Array.from({ length: rank }, () => Float64Array.from({ length: d }, normal));
        const a = matrix(d, (i, j) => rows.reduce((sum, row) => sum + row[i] * row[j], 0));
        const { values, vectors } = symmetricEigen(lowerOf(a, d), d);
        expectClose(values, jacobi(a, d));
        const tolerance = 40 * Number.EPSILON * d * Math.max(1, values[0]);
        for (let k = 0; k < d; k++)
          for (let i = 0; i < d; i++) {
            let image = 0;
            let product = 0;
            for (let j = 0; j < d; j++) {
              image += a[i * d + j] * vectors[k * d + j];
              product += vectors[i * d + j] * vectors[k * d + j];
            }
            expect(Math.abs(image - values[k] * vectors[k * d + i])).toBeLessThan(tolerance);
            expect(Math.abs(product - Number(i === k))).toBeLessThan(tolerance);
          }
      }),
    );
  });

  it("centres a Gram matrix", () => {
    const d = 40;
    const { normal } = random(4, "rows");
    const rows = Array.from({ length: 100 }, () => Array.from({ length: d }, () => 30 + normal()));
    const total = Float64Array.from({ length: d }, (_, k) => rows.reduce((a, row) => a + row[k], 0));
    const gram = matrix(d, (i, j) => rows.reduce((a, row) => a + row[i] * row[j], 0));
    const scatter = matrix(d, (i, j) =>
      rows.reduce((a, row) => a + (row[i] - total[i] / 100) * (row[j] - total[j] / 100), 0),
    );
    const { plain, updated } = symmetricSpectra(lowerOf(gram, d), total, -1 / 100);
    expectClose(plain, jacobi(gram, d));
    const wanted = jacobi(scatter, d);
    const tolerance = 4 * Number.EPSILON * d * plain[0];
    // The centred matrix is known to the precision of the Gram matrix, 36,000 times its size.
    for (let i = 0; i < d; i++) expect(Math.abs(updated[i] - wanted[i])).toBeLessThan(tolerance);
    expect(wanted[0]).toBeLessThan(plain[0] / 10_000);
  });

  it("takes the smallest cases", () => {
    expect(symmetricEigenvalues(new Float64Array(0), 0)).toEqual(new Float64Array(0));
    expect(symmetricEigenvalues(Float64Array.of(-3), 1)).toEqual(Float64Array.of(-3));
    expect(symmetricEigenvalues(new Float64Array(9), 3)).toEqual(new Float64Array(3));
    expectClose(symmetricEigenvalues(Float64Array.of(2, 1, 1, 2), 2), [3, 1]);
  });

  it("refuses what is no such matrix", () => {
    expect(() => symmetricSpectra(new Float64Array(5), new Float64Array(3), 1)).toThrow(
      "the lower triangle of a 3 × 3 matrix has 6 entries, got 5",
    );
    expect(() => symmetricSpectra(Float64Array.of(1, Number.NaN, 1), new Float64Array(2), 1)).toThrow("entry 1");
    expect(() => symmetricSpectra(Float64Array.of(1, 0, 1), Float64Array.of(0, Infinity), 1)).toThrow("component 1");
    expect(() => symmetricSpectra(Float64Array.of(1, 0, 1), Float64Array.of(0, 1e200), 1)).toThrow("ρ‖v‖²");
  });
});
