import { describe, expect, it } from "vitest";
import { random } from "../numeric/random.ts";
import { cloudShape, type MomentSums } from "./spectrum.ts";

/** The sums of a cloud, products rounded to float32 as an engine gives them. */
function momentsOf(rows: readonly (readonly number[])[], round = Math.fround): MomentSums {
  const d = rows[0].length;
  const sums = {
    count: rows.length,
    sum: new Float64Array(d),
    gram: new Float64Array((d * (d + 1)) / 2),
    unitSum: new Float64Array(d),
  };
  for (const row of rows) {
    const norm = Math.hypot(...row);
    for (let i = 0; i < d; i++) {
      sums.sum[i] += row[i];
      if (norm > 0) sums.unitSum[i] += row[i] / norm;
      for (let j = 0; j <= i; j++) sums.gram[(i * (i + 1)) / 2 + j] += round(row[i] * row[j]);
    }
  }
  return sums;
}

describe("cloudShape", () => {
  it("gives what numpy gives for a cloud off its origin", () => {
    const rows = Array.from({ length: 40 }, (_, i) =>
      Array.from({ length: 6 }, (_, j) => Math.cos(1 + i * j + 2 * i + j) + 0.5),
    );
    const { centred, uncentred, anisotropy } = cloudShape(momentsOf(rows, (x) => x));
    expect(centred!.participationRatio).toBeCloseTo(5.948626571019991, 10);
    expect(centred!.effectiveRank).toBeCloseTo(5.973818777874076, 10);
    expect(centred!.effectiveRankRoyVetterli).toBeCloseTo(5.993339677148254, 10);
    expect(centred!.stableRank).toBeCloseTo(5.40926210408834, 10);
    expect(uncentred!.participationRatio).toBeCloseTo(3.932637754660546, 10);
    expect(uncentred!.effectiveRank).toBeCloseTo(4.9033442583992874, 10);
    expect(uncentred!.effectiveRankRoyVetterli).toBeCloseTo(5.749838883967949, 10);
    expect(uncentred!.stableRank).toBeCloseTo(2.2942537534760827, 10);
    // The mean cosine over all ordered pairs.
    expect(anisotropy).toBeCloseTo(0.2645301984773674, 12);
  });

  it("counts the directions of a cross-polytope exactly, whatever their scale", () => {
    const d = 7;
    const corners = Array.from({ length: 2 * d }, (_, i) =>
      Array.from({ length: d }, (_, j) => (j === i >> 1 ? 300 * (i % 2 ? 1 : -1) : 0)),
    );
    const { centred, uncentred, anisotropy } = cloudShape(momentsOf(corners));
    for (const shape of [centred!, uncentred!]) {
      for (const figure of Object.values(shape)) expect(figure).toBeCloseTo(d, 10);
    }
    expect(anisotropy).toBeCloseTo(-1 / (2 * d - 1), 12);
  });

  it("sees through the mean and the rounding of float32 products", () => {
    const { normal } = random(1, "plane in space");
    const axes = [0, 1].map(() => Array.from({ length: 32 }, normal));
    const rows = Array.from({ length: 500 }, () => {
      const [a, b] = [normal(), normal()];
      return Array.from({ length: 32 }, (_, j) => Math.fround(5 + a * axes[0][j] + b * axes[1][j]));
    });
    const { centred, uncentred } = cloudShape(momentsOf(rows));
    // Two directions beside the mean: thirty others hold float32 rounding alone and must not count.
    expect(centred!.effectiveRankRoyVetterli).toBeLessThan(2 + 1e-3);
    expect(centred!.participationRatio).toBeGreaterThan(1.5);
    expect(uncentred!.effectiveRankRoyVetterli).toBeLessThan(3 + 1e-3);
  });

  it("finds no more directions than states", () => {
    const { normal } = random(2, "few");
    const rows = Array.from({ length: 4 }, () => Array.from({ length: 50 }, normal));
    const { centred, uncentred } = cloudShape(momentsOf(rows));
    expect(centred!.effectiveRankRoyVetterli).toBeLessThanOrEqual(3);
    expect(centred!.effectiveRankRoyVetterli).toBeGreaterThan(2.9);
    expect(uncentred!.effectiveRankRoyVetterli).toBeLessThanOrEqual(4);
    expect(uncentred!.effectiveRankRoyVetterli).toBeGreaterThan(3.9);
  });

  it("has no centred shape where all states are equal", () => {
    const { normal } = random(3, "one");
    const state = Array.from({ length: 20 }, () => Math.fround(10 * normal()));
    const { centred, uncentred, anisotropy } = cloudShape(momentsOf(Array.from({ length: 300 }, () => state)));
    expect(centred).toBeNull();
    expect(uncentred!.participationRatio).toBeCloseTo(1, 6);
    expect(anisotropy).toBeCloseTo(1, 10);
  });

  it("has nothing to say of zero states, of one state, of none", () => {
    const zero = cloudShape(
      momentsOf([
        [0, 0],
        [0, 0],
      ]),
    );
    expect([zero.centred, zero.uncentred]).toEqual([null, null]);
    const one = cloudShape(momentsOf([[3, 4]]));
    expect([one.centred, one.anisotropy]).toEqual([null, null]);
    expect(one.uncentred!.stableRank).toBe(1);
    const none = { count: 0, sum: new Float64Array(2), gram: new Float64Array(3), unitSum: new Float64Array(2) };
    expect(cloudShape(none)).toEqual({ centred: null, uncentred: null, anisotropy: null });
  });
});
