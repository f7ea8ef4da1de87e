import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { ckaCost, type LayeredStates, linearCka } from "./cka.ts";

type Matrix = readonly (readonly number[])[];

const normal = (rows: number, width: number, ...name: (string | number)[]): number[][] => {
  const stream = random(5, "cka", ...name);
  return Array.from({ length: rows }, () => Array.from({ length: width }, () => Math.fround(stream.normal())));
};

function layered(layers: readonly Matrix[]): LayeredStates {
  return {
    layers: layers.length,
    width: layers[0][0].length,
    read: async (layer, first, last) => Float32Array.from(layers[layer].slice(first, last).flat()),
  };
}

/** HSIC_1 as Song et al. write it: three sums over all pairs and triples of rows. */
function naiveHsic(x: Matrix, y: Matrix): number {
  const n = x.length;
  const kernel = (rows: Matrix): number[][] =>
    rows.map((one, i) => rows.map((other, j) => (i === j ? 0 : one.reduce((sum, v, k) => sum + v * other[k], 0))));
  const [k, l] = [kernel(x), kernel(y)];
  let [trace, sumK, sumL, chain] = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      trace += k[i][j] * l[j][i];
      sumK += k[i][j];
      sumL += l[i][j];
      for (let m = 0; m < n; m++) chain += k[i][j] * l[j][m];
    }
  }
  return (trace + (sumK * sumL) / ((n - 1) * (n - 2)) - (2 / (n - 2)) * chain) / (n * (n - 3));
}

const naiveCka = (x: Matrix, y: Matrix): number => naiveHsic(x, y) / Math.sqrt(naiveHsic(x, x) * naiveHsic(y, y));

/** y of which part is x, turned and cut to another width. */
const mixed = (x: Matrix, width: number, share: number, ...name: (string | number)[]): number[][] => {
  const turn = normal(x[0].length, width, "turn", ...name);
  const noise = normal(x.length, width, "noise", ...name);
  return x.map((row, i) =>
    noise[i].map((other, k) => Math.fround(share * row.reduce((sum, v, at) => sum + v * turn[at][k], 0) + other)),
  );
};

describe.each(["samples", "features"] as const)("linear CKA over %s", (form) => {
  const cka = async (x: Matrix, y: Matrix): Promise<number> =>
    (await linearCka(layered([x]), layered([y]), { rows: x.length, form }))[0][0]!;

  it("is the naive twin's for every pair of layers, whatever the sizes", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 6, max: 24 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 7 }),
        fc.nat(),
        async (rows, width, other, seed) => {
          const a = [normal(rows, width, "a", seed), normal(rows, width, "b", seed)];
          const b = a.map((x, layer) => mixed(x, other, 1, layer, seed));
          const found = await linearCka(layered(a), layered(b), { rows, form });
          for (const [i, x] of a.entries()) {
            for (const [j, y] of b.entries()) {
              const defined = naiveHsic(x, x) > 1e-6 && naiveHsic(y, y) > 1e-6;
              if (defined) expect(found[i][j]).toBeCloseTo(naiveCka(x, y), 8);
            }
          }
        },
      ),
      { numRuns: 60 },
    ));

  it("is 1 for a layer and itself, turned, scaled or shifted", async () => {
    const x = normal(150, 8, "x");
    // a reflection, I − 2vvᵀ/‖v‖², is orthogonal; halves and eighths keep float32 exact enough
    const v = normal(1, 8, "v")[0];
    const square = v.reduce((sum, one) => sum + one * one, 0);
    const turned = x.map((row) => {
      const along = (2 * row.reduce((sum, one, k) => sum + one * v[k], 0)) / square;
      return row.map((one, k) => one - along * v[k]);
    });
    expect(Math.abs((await cka(x, x)) - 1)).toBeLessThan(1e-9);
    expect(await cka(x, turned)).toBeCloseTo(1, 6); // float32 of the turned rows
    expect(
      await cka(
        x,
        x.map((row) => row.map((one) => 1024 * one)),
      ),
    ).toBeCloseTo(1, 9);
    expect(
      await cka(
        x,
        x.map((row) => row.map((one, k) => 2 * one + 64 * k)),
      ),
    ).toBeCloseTo(1, 6);
  });

  it("is the same the other way round", async () => {
    const x = normal(60, 5, "x");
    const y = mixed(x, 9, 0.5);
    expect(await cka(x, y)).toBeCloseTo(await cka(y, x), 12);
    expect(await cka(x, y)).toBeGreaterThan(0.1);
  });

  it("is near 0 for independent rows of many directions, where the biased one is not", async () => {
    const [x, y] = [normal(60, 80, "x"), normal(60, 80, "y")];
    const biased = (k: Matrix, l: Matrix): number => {
      const centre = (rows: Matrix): number[][] =>
        rows.map((row) => row.map((one, at) => one - rows.reduce((sum, other) => sum + other[at], 0) / rows.length));
      const cross = (one: Matrix, other: Matrix): number =>
        one[0].reduce(
          (sum, _, p) =>
            sum + other[0].reduce((s, __, q) => s + one.reduce((t, row, i) => t + row[p] * other[i][q], 0) ** 2, 0),
          0,
        );
      const [a, b] = [centre(k), centre(l)];
      return cross(a, b) / Math.sqrt(cross(a, a) * cross(b, b));
    };
    expect(biased(x, y)).toBeGreaterThan(0.4);
    expect(Math.abs(await cka(x, y))).toBeLessThan(0.05);
  });

  it("is not defined for rows that are all equal", async () => {
    const flat = Array.from({ length: 20 }, () => [0.1, 1e4, -3]);
    const x = normal(20, 3, "x");
    expect(await linearCka(layered([x, flat]), layered([flat, x]), { rows: 20, form })).toEqual([
      [null, expect.closeTo(1, 9)],
      [null, null],
    ]);
  });

  it("tells how far it is, and stops when asked", async () => {
    const x = layered([normal(20, 3, "x")]);
    const steps: number[][] = [];
    await linearCka(x, x, { rows: 20, form, onProgress: (done, total) => steps.push([done, total]) });
    expect(steps.at(-1)![0]).toBe(steps.at(-1)![1]);
    expect(steps.map(([done]) => done)).toEqual(steps.map((_, index) => index));
    await expect(linearCka(x, x, { rows: 20, form, signal: AbortSignal.abort() })).rejects.toThrow(/stopped/);
  });
});

it("is the same over samples in many tiles as over features", async () => {
  // so many layers that a tile has 647 rows at most
  const rows = 700;
  const x = normal(rows, 4, "x");
  const a = layered(Array.from({ length: 40 }, () => x));
  const b = layered([mixed(x, 3, 0.3)]);
  const [samples, features] = await Promise.all(
    (["samples", "features"] as const).map((form) => linearCka(a, b, { rows, form })),
  );
  expect(samples.flat()).toEqual(features.flat().map((value) => expect.closeTo(value!, 10)));
});

it("takes the cheaper form", () => {
  expect(ckaCost({ layers: 6, width: 64 }, { layers: 6, width: 64 }, 4000).form).toBe("features");
  expect(ckaCost({ layers: 31, width: 576 }, { layers: 31, width: 576 }, 4000).form).toBe("samples");
});

it("refuses too few rows", async () => {
  const x = layered([normal(3, 2, "x")]);
  await expect(linearCka(x, x, { rows: 3 })).rejects.toThrow(/3 rows are too few/);
});
