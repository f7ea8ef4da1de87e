/** Every transform of one matrix against a second implementation that takes its definition word by word (METHODS §7.1). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { halfTable } from "../formats/halves.ts";
import { fromFloat32, toFloat32 } from "../formats/tensor-types.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { random } from "../numeric/random.ts";
import { decompose, decomposeWhitened, lowRank, rankOf } from "./low-rank.ts";
import type { Matrix } from "./matrix.ts";
import { prune } from "./prune.ts";
import { rounded, roundToNearest } from "./round.ts";
import { nameOf, refuseMisfits, squeezed, transformNamed } from "./transform.ts";

const drawn = (rows: number, columns: number, seed: number, scale = 0.05): Matrix => {
  const { normal } = random(seed, "matrix");
  return { rows, columns, values: Float32Array.from({ length: rows * columns }, () => scale * normal()) };
};

const asHalf = (x: number): number => toFloat32("F16", Uint8Array.from(fromFloat32("F16", Float32Array.of(x))))[0];
/** Ties to even. */
const roundHalfEven = (x: number): number => {
  const down = Math.floor(x);
  const rest = x - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 !== 0) ? down + 1 : down;
};

describe("round to nearest", () => {
  const naive = (group: readonly number[], bits: number, symmetric: boolean): number[] => {
    const most = 2 ** bits - 1;
    if (symmetric) {
      const scale = asHalf((2 * Math.max(...group.map(Math.abs))) / most);
      const [least, top] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
      return group.map((x) =>
        scale === 0 ? 0 : scale * Math.min(Math.max(roundHalfEven(x * (1 / scale)), least), top),
      );
    }
    const [low, high] = [Math.min(0, ...group), Math.max(0, ...group)];
    const scale = asHalf((high - low) / most);
    if (scale === 0) return group.map(() => 0);
    const zero = Math.min(roundHalfEven(-low * (1 / scale)), most);
    return group.map((x) => scale * (Math.min(Math.max(roundHalfEven(x * (1 / scale)) + zero, 0), most) - zero));
  };

  it("is what its definition says, of any size of group, symmetric or not", () => {
    const bits = fc.constantFrom(2, 3, 4, 5, 6, 8);
    const group = fc.constantFrom(4, 8, null);
    const scale = fc.constantFrom(1e-9, 1e-4, 0.05, 300);
    fc.assert(
      fc.property(bits, group, fc.boolean(), scale, fc.integer(), (bits, group, symmetric, scale, seed) => {
        const matrix = drawn(3, 16, seed, scale);
        matrix.values[5] = 0;
        const { values, codes, scales, zeros } = rounded(matrix, { bits, group, symmetric });
        const size = group ?? 16;
        for (let from = 0; from < 48; from += size) {
          const expected = naive([...matrix.values.subarray(from, from + size)], bits, symmetric);
          expect([...values.subarray(from, from + size)].map((x) => x + 0)).toEqual(
            expected.map((x) => Math.fround(x) + 0),
          );
          const step = halfTable()[scales[from / size]];
          const zero = zeros?.[from / size] ?? 2 ** (bits - 1);
          for (let i = from; i < from + size; i++) expect(values[i]).toBeCloseTo(step * (codes[i] - zero), 12);
        }
        expect(Math.abs(values[5])).toBe(0);
      }),
    );
  });

  it("takes the bits that its name says, a scale of 16 a group, a zero point of as many as the codes", () => {
    const matrix = drawn(6, 64, 1);
    expect(roundToNearest(matrix, { bits: 4, group: 32, symmetric: true }).bytes).toBe((384 * 4 + 12 * 16) / 8);
    expect(roundToNearest(matrix, { bits: 3, group: 32, symmetric: false }).bytes).toBe(
      (384 * 3 + 12 * 16) / 8 + Math.ceil((12 * 3) / 8),
    );
    expect(roundToNearest(matrix, { bits: 8, group: null, symmetric: true }).bytes).toBe(384 + 6 * 2);
  });

  it("costs at least its entropy and, entropy-coded, no more than it is stored in", () => {
    const { bytes, coded } = roundToNearest(drawn(64, 64, 2), { bits: 4, group: 64, symmetric: true });
    const { codes } = rounded(drawn(64, 64, 2), { bits: 4, group: 64, symmetric: true });
    const counts = new Map<number, number>();
    for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
    const entropy = [...counts.values()].reduce((sum, n) => sum - n * Math.log2(n / codes.length), 0);
    expect(coded).toBeGreaterThan(entropy / 8);
    expect(coded).toBeLessThan(entropy / 8 + 128);
    expect(coded).toBeLessThan(bytes);
  });

  it("is refused where groups do not divide, or a scale is beyond float16", () => {
    expect(() => rounded(drawn(2, 48, 1), { bits: 4, group: 32, symmetric: true })).toThrow(
      /groups of 32 .* rows of 48/,
    );
    expect(() => rounded(drawn(2, 32, 1, 1e7), { bits: 4, group: 32, symmetric: true })).toThrow(/beyond float16/);
  });
});

describe("pruning", () => {
  /** Places in order of importance, of equals the first first. */
  const goes = (importance: readonly number[], many: number): Set<number> =>
    new Set([...importance.keys()].sort((a, b) => importance[a] - importance[b] || a - b).slice(0, many));

  it("sets the least important to zero and leaves the others as they are", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), fc.boolean(), fc.integer(), (percent, weighed, seed) => {
        const matrix = drawn(4, 24, seed);
        for (let i = 0; i < 96; i += 3) matrix.values[i] = 0.5 * Math.sign(matrix.values[i]);
        const inputs = weighed ? Float64Array.from({ length: 24 }, (_, i) => 2 ** (i % 5)) : null;
        const { values } = prune(matrix, { pattern: { share: percent / 100 }, inputs }, "F32");
        const importance = [...matrix.values].map((x, i) => Math.abs(x) * (inputs?.[i % 24] ?? 1));
        const expected = inputs
          ? [0, 1, 2, 3].flatMap((row) => {
              const gone = goes(importance.slice(row * 24, (row + 1) * 24), Math.floor((percent / 100) * 24));
              return [...matrix.values.subarray(row * 24, (row + 1) * 24)].map((x, i) => (gone.has(i) ? 0 : x));
            })
          : [...matrix.values].map((x, i) => (goes(importance, Math.floor((percent / 100) * 96)).has(i) ? 0 : x));
        expect([...values]).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it("leaves two of every four", () => {
    const matrix = drawn(8, 16, 7);
    const { values, bytes } = prune(matrix, { pattern: { keep: 2, of: 4 }, inputs: null }, "BF16");
    for (let from = 0; from < 128; from += 4) {
      const four = [...matrix.values.subarray(from, from + 4)];
      const gone = goes(four.map(Math.abs), 2);
      expect([...values.subarray(from, from + 4)]).toEqual(four.map((x, i) => (gone.has(i) ? 0 : x)));
    }
    // Two numbers of 16 bits and two places of 2 bits for every four.
    expect(bytes).toBe((128 / 4) * ((2 * 16 + 2 * 2) / 8));
    expect(prune(matrix, { pattern: { share: 0.5 }, inputs: null }, "F32").bytes).toBe(128 / 8 + 64 * 4);
    expect(() => prune(drawn(2, 6, 1), { pattern: { keep: 2, of: 4 }, inputs: null }, "F32")).toThrow(/groups of 4/);
  });
});

/** Singular values by one-sided Jacobi (Hestenes 1958), of the columns of a [rows, columns] matrix in float64. */
function jacobiValues(values: ArrayLike<number>, rows: number, columns: number): number[] {
  const a = Array.from({ length: columns }, (_, j) =>
    Float64Array.from({ length: rows }, (_, i) => values[i * columns + j]),
  );
  const dot = (x: Float64Array, y: Float64Array): number => x.reduce((sum, v, i) => sum + v * y[i], 0);
  for (let sweep = 0; sweep < 30; sweep++)
    for (let p = 0; p < columns; p++)
      for (let q = p + 1; q < columns; q++) {
        const [alpha, beta, gamma] = [dot(a[p], a[p]), dot(a[q], a[q]), dot(a[p], a[q])];
        if (Math.abs(gamma) <= 1e-15 * Math.sqrt(alpha * beta)) continue;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const c = 1 / Math.hypot(1, t);
        for (let i = 0; i < rows; i++) {
          const x = a[p][i];
          a[p][i] = c * x - c * t * a[q][i];
          a[q][i] = c * t * x + c * a[q][i];
        }
      }
  return a.map((column) => Math.sqrt(dot(column, column))).sort((x, y) => y - x);
}

const squares = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, x) => sum + x * x, 0);

describe("lower rank", () => {
  it.each([
    [12, 20],
    [20, 12],
    [9, 9],
  ])("of %i × %i is off by the singular values that are left out, and by no more", (rows, columns) => {
    const matrix = drawn(rows, columns, rows);
    const sigma = jacobiValues(matrix.values, rows, columns).slice(0, Math.min(rows, columns));
    const found = decompose(matrix);
    for (const [index, value] of sigma.entries()) expect(found.values[index]).toBeCloseTo(value, 6);
    for (const rank of [1, 2, 4]) {
      const { values, bytes } = lowRank(matrix, found, { rank }, "F32");
      const error = squares(values.map((x, i) => x - matrix.values[i]));
      expect(error / squares(sigma.slice(rank))).toBeCloseTo(1, 4);
      expect(bytes).toBe(4 * rank * (rows + columns));
    }
    const energy = 0.8;
    const rank = rankOf(found.values, { energy });
    expect(squares(sigma.slice(0, rank))).toBeGreaterThanOrEqual(energy * squares(sigma) * (1 - 1e-6));
    expect(squares(sigma.slice(0, rank - 1))).toBeLessThan(energy * squares(sigma));
  });

  it.each([
    [10, 16],
    [16, 10],
  ])("of %i × %i by what it does to its inputs is the best there is", (rows, columns) => {
    const matrix = drawn(rows, columns, 3);
    const inputs = drawn(40, columns, 4, 1);
    for (let i = 0; i < 40; i++) for (let j = 0; j < columns; j++) inputs.values[i * columns + j] *= 1.5 ** -j;
    const moments = Float64Array.from(
      Array.from({ length: columns }, (_, i) =>
        Array.from({ length: i + 1 }, (_, j) =>
          Array.from({ length: 40 }, (_, x) => inputs.values[x * columns + i] * inputs.values[x * columns + j]).reduce(
            (a, b) => a + b,
            0,
          ),
        ),
      ).flat(),
    );
    const whitened = decomposeWhitened(matrix, moments);
    const off = (values: Float32Array): number => {
      const difference = values.map((x, i) => x - matrix.values[i]);
      return squares(outputs(difference));
    };
    const outputs = (w: Float32Array): Float64Array =>
      Float64Array.from({ length: rows * 40 }, (_, at) => {
        const [row, x] = [Math.floor(at / 40), at % 40];
        let sum = 0;
        for (let k = 0; k < columns; k++) sum += w[row * columns + k] * inputs.values[x * columns + k];
        return sum;
      });
    // No matrix of rank r is nearer to what W does to X than the tail of W X's own singular values.
    const sigma = jacobiValues(outputs(matrix.values), rows, 40).slice(0, Math.min(rows, columns));
    for (const rank of [1, 3, 5]) {
      const error = off(lowRank(matrix, whitened, { rank }, "F32").values);
      expect(error / squares(sigma.slice(rank))).toBeCloseTo(1, 3);
      expect(error).toBeLessThan(off(lowRank(matrix, decompose(matrix), { rank }, "F32").values));
    }
  });

  it("keeps the matrix where two factors are no smaller, and refuses more than full rank", () => {
    const matrix = drawn(8, 8, 1);
    const kept = lowRank(matrix, decompose(matrix), { rank: 4 }, "F32");
    expect(kept.values).toEqual(matrix.values);
    expect(kept.bytes).toBe(256);
    expect(() => rankOf(decompose(matrix).values, { rank: 9 })).toThrow(/full rank 8 has no rank 9/);
  });
});

describe("names", () => {
  it.each([
    "q8g32",
    "q2g128a",
    "q4row",
    "q3rowa",
    "Q4_K",
    "Q8_0",
    "prune50",
    "wanda30",
    "2:4",
    "wanda2:4",
    "rank0.95",
    "rank128",
    "svdllm0.9",
  ])("%s is what it says", (name) => {
    expect(nameOf(transformNamed(name))).toBe(name);
  });

  it.each([
    "",
    "q9g32",
    "q4",
    "q4g0",
    "prune0",
    "prune100",
    "4:2",
    "2:2",
    "rank0",
    "rank1.5",
    "Q4_1",
    "q4g32b",
    "__proto__",
  ])("%s is refused", (name) => {
    expect(() => transformNamed(name)).toThrow(LossyscopeError);
  });

  it("are refused before anything is read where they do not fit", () => {
    const matrices = [
      { name: "block 0, up", rows: 96, columns: 576 },
      { name: "block 0, key", rows: 64, columns: 576 },
    ];
    expect(() => refuseMisfits(transformNamed("q4g128"), matrices)).toThrow(
      /128 .* 576 inputs of block 0, up.*192 or whole/,
    );
    expect(() => refuseMisfits(transformNamed("Q4_K"), matrices)).toThrow(/groups of 256/);
    expect(() => refuseMisfits(transformNamed("rank65"), matrices)).toThrow(/block 0, key is 64 × 576 .* 64 at most/);
    expect(() => refuseMisfits(transformNamed("rank100"), matrices)).toThrow(/no matrix .* more than rank 96/);
    for (const name of ["q4g32", "q4row", "Q4_0", "2:4", "rank64", "prune50"])
      expect(() => refuseMisfits(transformNamed(name), matrices)).not.toThrow();
  });
});

describe("a transform by its name", () => {
  it.each(["q8g32", "Q6_K", "prune10"])("%s is near the matrix, and smaller", (name) => {
    const matrix = drawn(40, 256, 5);
    const result = squeezed(transformNamed(name), matrix, { kept: "F32" });
    const error = squares(result.values.map((x, i) => x - matrix.values[i])) / squares(matrix.values);
    expect(error).toBeLessThan(0.01);
    expect(result.bytes).toBeLessThan(4 * matrix.values.length);
    expect(result.coded).toBeLessThanOrEqual(result.bytes * 1.001);
  });
});
