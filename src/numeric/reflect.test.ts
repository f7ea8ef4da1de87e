import { describe, expect, it } from "vitest";
import { random } from "./random.ts";
import { reflecting, rowStart } from "./reflect.ts";

/** The same matrix and vector in both. */
function filled(d: number, seed: number) {
  const { normal } = random(seed, "reflections", d);
  const [pairs, plain] = [reflecting(d), reflecting(d, true)];
  for (let i = 0; i < pairs.a.length; i++) pairs.a[i] = plain.a[i] = normal() * 10 ** (normal() * 3);
  for (let i = 0; i < d; i++) pairs.v[i] = plain.v[i] = normal();
  return { pairs, plain };
}

describe("reflecting", () => {
  it("runs on pairs here", () => {
    expect(reflecting(8).a.buffer.byteLength % 2 ** 16).toBe(0);
  });

  it.each([1, 2, 3, 4, 5, 8, 17, 64, 131])("makes every block of a matrix of %d rows the same to the last bit", (d) => {
    const { pairs, plain } = filled(d, d);
    for (const { a, v, reflect } of [pairs, plain]) {
      reflect(v, 3.5);
      for (let i = d - 1; i > 0; i--) reflect(a.subarray(rowStart(i), rowStart(i) + i), 0.75);
    }
    expect(new BigUint64Array(pairs.a.slice().buffer)).toEqual(new BigUint64Array(plain.a.slice().buffer));
  });

  it("is H A H", () => {
    const d = 7;
    const { pairs } = filled(d, 1);
    const { a, v, reflect } = pairs;
    const before = Array.from({ length: d }, (_, i) =>
      Array.from({ length: d }, (_, j) => a[rowStart(Math.max(i, j)) + Math.min(i, j)]),
    );
    const h = v.reduce((total, x) => total + x * x, 0) / 2;
    const reflection = before.map((_, i) => before.map((_, j) => Number(i === j) - (v[i] * v[j]) / h));
    const times = (x: number[][], y: number[][]) =>
      x.map((row) => y[0].map((_, j) => row.reduce((total, value, k) => total + value * y[k][j], 0)));
    const wanted = times(times(reflection, before), reflection);
    const size = Math.max(...wanted.flat().map(Math.abs));
    reflect(v, h);
    for (let i = 0; i < d; i++)
      for (let j = 0; j <= i; j++) expect(Math.abs(a[rowStart(i) + j] - wanted[i][j])).toBeLessThan(1e-13 * size);
  });
});
