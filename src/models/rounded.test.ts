/** Products by whole numbers against sums of the same whole numbers here, and against the products that they stand for. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { fixture } from "../fixtures.testing.ts";
import { Graph } from "../graph/graph.ts";
import { random } from "../numeric/random.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { specOf } from "./config.ts";
import { buildMeasuringGraph } from "./heads.ts";
import { RoundedProducts, type Rounding } from "./rounded.ts";
import { openGraph } from "./session.testing.ts";
import { roundedBytes, roundRows, writeRounded } from "./sources/rounded.ts";

const at = temporaryFolder();
const [K, N] = [96, 5];

/** x [m, K] by weights [N, K]. */
async function product(x: Float32Array, weights: Float32Array, rounding: Rounding): Promise<Float32Array> {
  const graph = new Graph();
  const { first, second, scales } = roundRows(weights, K, rounding);
  const input = graph.input("x", "float32", ["m", K]);
  const matrix = {
    first: graph.bytes(first, [N, K]),
    second: rounding === "sliced" ? graph.bytes(second, [N, K]) : undefined,
    scales: graph.constant(scales, [N]),
  };
  graph.output("y", new RoundedProducts().product(input, matrix));
  const run = await openGraph({ bytes: graph.encode(), externalFolder: at(".") });
  return (await run({ x: { type: "float32", data: [...x], dims: [x.length / K, K] } })).y.data;
}

/** The nearest whole number, of halves the even one. */
const even = (value: number): number => {
  const near = Math.round(value);
  return Math.abs(value % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near;
};

/** A row as it is taken, scale and all: what the sums of whole numbers come to. */
function taken(row: Float32Array, rounding: Rounding): { first: number[]; second: number[]; scale: number } {
  const scale = Math.max(1e-30, ...row.map(Math.abs)) / 127;
  const first = Array.from(row, (value) => even(value / scale));
  const second = first.map((whole, i) => (rounding === "sliced" ? Math.round((row[i] / scale - whole) * 254) : 0));
  return { first, second, scale };
}

function naive(x: Float32Array, weights: Float32Array, rounding: Rounding): number[] {
  const rows = (values: Float32Array) =>
    Array.from({ length: values.length / K }, (_, row) => taken(values.subarray(row * K, (row + 1) * K), rounding));
  return rows(x).flatMap((a) =>
    rows(weights).map((w) => {
      let total = 0;
      for (let i = 0; i < K; i++)
        total += a.first[i] * w.first[i] + (a.second[i] * w.first[i] + a.first[i] * w.second[i]) / 254;
      return total * a.scale * w.scale;
    }),
  );
}

const numbers = (count: number, seed: number, spread = 1): Float32Array => {
  const stream = random(seed, "numbers");
  return Float32Array.from({ length: count }, () => stream.normal() * spread);
};
/** |a|·|w| of every pair of rows. */
const sizes = (x: Float32Array, weights: Float32Array): number[] => {
  const of = (values: Float32Array) =>
    Array.from({ length: values.length / K }, (_, row) => Math.hypot(...values.subarray(row * K, (row + 1) * K)));
  return of(x).flatMap((a) => of(weights).map((w) => a * w));
};

describe("a product by whole numbers", () => {
  it.each<[Rounding, number]>([
    ["int8", 2e-2],
    ["sliced", 2e-4],
  ])("%s is what the whole numbers come to, and near what they stand for", async (rounding, near) => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), async (seed) => {
        const [x, weights] = [numbers(3 * K, seed), numbers(N * K, seed + 1, 0.02)];
        x[7] = 30; // an outlier takes its row's steps with it
        const [found, same, size] = [
          await product(x, weights, rounding),
          naive(x, weights, rounding),
          sizes(x, weights),
        ];
        found.forEach((value, i) => {
          // A value that falls between two whole numbers may be rounded to either.
          expect(Math.abs(value - same[i])).toBeLessThan(size[i] * (rounding === "int8" ? 3e-3 : 1e-4));
          let exact = 0;
          for (let k = 0; k < K; k++) exact += x[Math.floor(i / N) * K + k] * weights[(i % N) * K + k];
          expect(Math.abs(value - exact)).toBeLessThan(size[i] * near);
        });
      }),
      { numRuns: 10 },
    );
  });

  it("knows of a row nothing but the row, and of nothing but zeros nothing", async () => {
    const [x, weights] = [numbers(3 * K, 1), numbers(N * K, 2)];
    x.fill(0, K, 2 * K);
    weights.fill(0, 0, K);
    const all = await product(x, weights, "sliced");
    expect([...all.subarray(N, 2 * N)]).toEqual([0, 0, 0, 0, 0]);
    expect(all[0]).toBe(0);
    expect(await product(x.subarray(2 * K), weights, "sliced")).toEqual(all.subarray(2 * N));
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("makes no number of %s", async (none) => {
    for (const rounding of ["int8", "sliced"] as const) {
      const [x, weights] = [numbers(2 * K, 3), numbers(N * K, 4)];
      x[5] = none;
      const found = await product(x, weights, rounding);
      expect([...found.subarray(0, N)].filter(Number.isFinite)).toEqual([]);
      expect([...found.subarray(N)].every(Number.isFinite)).toBe(true);
      weights[K + 1] = none;
      expect(Number.isFinite((await product(x.subarray(K), weights, rounding))[1])).toBe(false);
    }
  });

  it("adds the largest ones without loss", async () => {
    const ones = new Float32Array(K).fill(1);
    const weights = new Float32Array(N * K).fill(-0.5);
    const [found] = await product(ones, weights, "int8");
    expect(found / (-0.5 * K)).toBeCloseTo(1, 6);
  });
});

describe("a model by whole numbers", () => {
  const ids = [3, 14, 15, 9, 26, 5, 3, 5, 8, 9];
  const feeds = {
    input_ids: { data: ids, dims: [1, ids.length] },
    loss_rows: { data: ids.slice(1).map((_, i) => i), dims: [ids.length - 1] },
    loss_targets: { data: ids.slice(1), dims: [ids.length - 1] },
  };

  // Matrices stored either way round, fused, tied, of experts one by one and in a stack.
  it.each(["llama", "llama-tied-bf16", "gpt2", "phi3", "mixtral", "granitemoe", "qwen2_moe", "gpt_neox-f16"])(
    "%s costs about the same",
    async (name) => {
      const { config, weights } = await openCheckpoint(fixture(`models/${name}`));
      const spec = specOf(config);
      const lossesBy = async (rounding?: Rounding): Promise<Float32Array> => {
        const path = at(`${name}-${rounding}.weights`);
        const rounded = rounding && (await writeRounded(spec, weights, rounding, path));
        if (rounding) {
          const ends = [...rounded!.values()].map(
            ({ second, first, stack, rows, columns }) => (second ?? first) + stack * rows * columns,
          );
          expect(Math.abs(Math.max(...ends) - roundedBytes(spec, rounding))).toBeLessThan(4 * rounded!.size);
        }
        const run = await openGraph(buildMeasuringGraph(spec, weights, { losses: true, rounded }, 16));
        return (await run(feeds)).losses.data;
      };
      const exact = await lossesBy();
      const furthest = async (rounding: Rounding): Promise<number> => {
        const found = await lossesBy(rounding);
        return Math.max(...found.map((nats, i) => Math.abs(nats - exact[i])));
      };
      const [int8, sliced] = [await furthest("int8"), await furthest("sliced")];
      expect(int8).toBeGreaterThan(1e-6);
      expect(int8).toBeLessThan(2);
      expect(sliced).toBeLessThan(0.02);
      expect(sliced).toBeLessThan(int8 / 10);
    },
  );
});
