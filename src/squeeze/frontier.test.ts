import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gaussianBound, undominated } from "./frontier.ts";

describe("the frontier", () => {
  it("holds what no other point beats, and nothing else", () => {
    const some = fc.array(
      fc.record({ rate: fc.integer({ min: 1, max: 9 }), distortion: fc.option(fc.integer({ min: 0, max: 9 })) }),
    );
    fc.assert(
      fc.property(some, (points) => {
        const kept = undominated(points);
        const beats = (a: (typeof points)[number], b: (typeof points)[number]): boolean =>
          a.distortion !== null &&
          b.distortion !== null &&
          a.rate <= b.rate &&
          a.distortion <= b.distortion &&
          (a.rate < b.rate || a.distortion < b.distortion);
        for (const point of points) {
          const isBeaten = point.distortion === null || points.some((other) => beats(other, point));
          const isThere = kept.some(({ rate, distortion }) => rate === point.rate && distortion === point.distortion);
          expect(isThere).toBe(!isBeaten);
        }
        for (let i = 1; i < kept.length; i++) expect(kept[i].rate).toBeLessThan(kept[i - 1].rate);
      }),
    );
  });
});

describe("the Gaussian bound", () => {
  it("of equal variances is 2^(−2R)", () => {
    for (const bits of [0, 0.5, 1, 2, 4, 8])
      expect(gaussianBound([{ variance: 3, components: 7 }], bits) / 2 ** (-2 * bits)).toBeCloseTo(1, 9);
  });

  it("of two variances fills the smaller one last", () => {
    const both = [
      { variance: 16, components: 1 },
      { variance: 1, components: 1 },
    ];
    // Below 1 bit a component all bits go to the first: D = 16·2^(−2·2R) + 1.
    for (const bits of [0.25, 0.5, 0.9])
      expect(gaussianBound(both, bits)).toBeCloseTo((16 * 2 ** (-4 * bits) + 1) / 17, 9);
    // Above it both are under water θ = 4·2^(−2R).
    for (const bits of [1.5, 3]) expect(gaussianBound(both, bits)).toBeCloseTo((2 * 4 * 2 ** (-2 * bits)) / 17, 9);
    expect(gaussianBound([{ variance: 0, components: 4 }], 2)).toBe(0);
  });
});
