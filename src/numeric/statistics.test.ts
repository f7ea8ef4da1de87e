import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "./random.ts";
import { familyBootstrap, partialCorrelation, pearson, power, ranks, spearman } from "./statistics.ts";
import { sum } from "./sums.ts";

const X = [2.04, -2.56, 0.42, -0.57, -0.45, -0.22, -2.02, -0.23, -0.87, 3.32];
const Y = [0.23, -1.65, 0.67, -0.57, -0.45, 0.22, -2.32, 0.23, -1.14, 1.32];
const Z = [1.0, 0.5, -0.2, 0.3, 0.8, -1.1, 0.4, 0.9, -0.6, 0.1];

const column = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 4, maxLength: 12 });

describe("correlation", () => {
  it("is the mean product of standard scores", () => {
    fc.assert(
      fc.property(column, fc.integer(), (x, seed) => {
        const stream = random(seed, "y");
        const y = x.map(() => stream.normal());
        const n = x.length;
        const [mx, my] = [sum(x) / n, sum(y) / n];
        const cov = sum(x.map((value, i) => (value - mx) * (y[i] - my)));
        const naive = cov / Math.sqrt(sum(x.map((v) => (v - mx) ** 2)) * sum(y.map((v) => (v - my) ** 2)));
        if (new Set(x).size < 2) expect(pearson(x, y)).toBeNaN();
        else expect(pearson(x, y)).toBeCloseTo(naive, 10);
      }),
    );
  });

  it("does not depend on place and scale", () => {
    expect(
      pearson(
        X.map((x) => 1e6 + 3 * x),
        Y,
      ),
    ).toBeCloseTo(pearson(X, Y), 8);
    expect(
      pearson(
        X.map((x) => -x),
        Y,
      ),
    ).toBeCloseTo(-pearson(X, Y), 14);
  });

  it("is not defined where nothing varies, rounding included", () => {
    const flat = [0.1 + 0.2, 0.3, 0.3];
    expect(pearson(flat, [1, 2, 3])).toBeNaN();
    expect(pearson([1], [2])).toBeNaN();
  });

  it("shares the mean rank among equals", () => {
    expect([...ranks([3, 1, 3, 3, 2])]).toEqual([4, 1, 4, 4, 2]);
  });

  it("of ranks sees any rising curve as a line", () => {
    expect(
      spearman(
        X,
        X.map((x) => Math.exp(x)),
      ),
    ).toBeCloseTo(1, 12);
    // 1 − 6Σd²/(n³−n), exact without ties
    const noTies = [0.23, -1.65, 0.67, -0.57, -0.45, 0.22, -2.32, 0.24, -1.14, 1.32];
    const [rx, ry] = [ranks(X), ranks(noTies)];
    const squares = sum(rx.map((rank, i) => (rank - ry[i]) ** 2));
    expect(spearman(X, noTies)).toBeCloseTo(1 - (6 * squares) / 990, 12);
  });
});

describe("partial correlation", () => {
  it("is (r_xy − r_xz r_yz)/√((1−r_xz²)(1−r_yz²)) for one control", () => {
    const [xy, xz, yz] = [pearson(X, Y), pearson(X, Z), pearson(Y, Z)];
    const closed = (xy - xz * yz) / Math.sqrt((1 - xz ** 2) * (1 - yz ** 2));
    expect(
      partialCorrelation(
        X,
        Y,
        Z.map((z) => [z]),
      ),
    ).toBeCloseTo(closed, 12);
  });

  it("is not defined where the control determines a column", () => {
    expect(
      partialCorrelation(
        X.map((x) => 2 * x - 1),
        Y,
        X.map((x) => [x]),
      ),
    ).toBeNaN();
  });
});

describe("power", () => {
  it("needs four points, and one more for each control", () => {
    expect(power(3)).toBeNull();
    expect(power(4, 1)).toBeNull();
  });

  it("agrees with the tables of the 5 % level", () => {
    // exact (t distribution): 0.444 for 20 points, 0.197 for 100; Fisher's z is close to them
    expect(power(20)!.told).toBeCloseTo(0.444, 2);
    expect(power(100)!.told).toBeCloseTo(0.197, 2);
  });

  it("is what simulation finds", () => {
    const stream = random(1, "power");
    const { told, found } = power(25)!;
    const share = (rho: number): number => {
      let above = 0;
      for (let study = 0; study < 4000; study++) {
        const x = Array.from({ length: 25 }, () => stream.normal());
        const y = x.map((value) => rho * value + Math.sqrt(1 - rho ** 2) * stream.normal());
        if (Math.abs(pearson(x, y)) > told) above++;
      }
      return above / 4000;
    };
    expect(share(0)).toBeCloseTo(0.05, 1);
    expect(Math.abs(share(found) - 0.8)).toBeLessThan(0.025);
  });
});

describe("bootstrap over families", () => {
  const families = Array.from({ length: 60 }, (_, i) => `f${i % 20}`);
  const stream = random(5, "families");
  const effect = Array.from({ length: 20 }, () => stream.normal());
  const values = families.map((_, i) => effect[i % 20]);
  const meanOf = (points: readonly number[]): number => sum(points.map((point) => values[point])) / points.length;

  it("knows that kin are no new evidence", () => {
    const { low, high } = familyBootstrap(families, meanOf, { seed: 1 });
    const single = familyBootstrap(
      values.map((_, i) => String(i)),
      meanOf,
      { seed: 1 },
    );
    // three copies of everything: √3 times as wide as if they were independent
    expect(Math.abs((high! - low!) / (single.high! - single.low!) / Math.sqrt(3) - 1)).toBeLessThan(0.1);
  });

  it("is the same for the same seed", () => {
    expect(familyBootstrap(families, meanOf, { seed: 2 })).toEqual(familyBootstrap(families, meanOf, { seed: 2 }));
  });

  it("draws again where the statistic is not defined, and gives up where it never is", () => {
    const some = familyBootstrap(families, (points) => (points.includes(0) ? meanOf(points) : Number.NaN), { seed: 1 });
    expect(some.low).not.toBeNull();
    expect(some.low!).toBeLessThan(some.value!);
    const once = (points: readonly number[]): number => (new Set(points).size === 60 ? 1 : Number.NaN);
    expect(familyBootstrap(families, once, { seed: 1, resamples: 5 })).toEqual({ value: 1, low: null, high: null });
  });
});
