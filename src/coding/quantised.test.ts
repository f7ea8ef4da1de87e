import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LossyscopeError } from "../numeric/errors.ts";
import { escapeInterval, tokenAt, tokenInterval, tokenStarts } from "./quantised.ts";
import { TOTAL } from "./range-coder.ts";

/** Softmaxes in float32, from flat to certain; they add up to one to rounding. */
const distribution = fc
  .tuple(
    fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 300 }),
    fc.constantFrom(0, 1, 20, 200),
  )
  .map(([scores, sharpness]) => {
    const weights = scores.map((score) => Math.exp(sharpness * (score - Math.max(...scores))));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return Float32Array.from(weights, (weight) => weight / total);
  });
const reserved = fc.constantFrom(1, 2, 12345, TOTAL / 2);

describe("a quantised distribution", () => {
  it("shares out all there is, at least one to every token, in order", () => {
    fc.assert(
      fc.property(distribution, reserved, (probabilities, share) => {
        let end = 0;
        probabilities.forEach((_, token) => {
          const { start, size } = tokenInterval(probabilities, token, share);
          expect(start).toBe(end);
          expect(size).toBeGreaterThanOrEqual(1);
          end += size;
        });
        // The last boundary is a rounded product: one may be lost.
        expect(TOTAL - share - end).toBeLessThanOrEqual(1);
        expect(end).toBeLessThanOrEqual(TOTAL - share);
        expect(escapeInterval(share)).toEqual({ start: TOTAL - share, size: share });
      }),
    );
  });

  it("finds the token of every number, as going through all of them does", () => {
    fc.assert(
      fc.property(distribution, reserved, fc.nat(TOTAL - 1), (probabilities, share, target) => {
        const naive = Array.from(probabilities, (_, token) => tokenInterval(probabilities, token, share)).findIndex(
          ({ start, size }) => target >= start && target < start + size,
        );
        const expected = target >= TOTAL - share ? -1 : naive < 0 ? probabilities.length - 1 : naive;
        expect(tokenAt(probabilities, target, share)).toBe(expected);
      }),
    );
  });

  it("costs what the probabilities say, but for the floor", () => {
    fc.assert(
      fc.property(distribution, (probabilities) => {
        const mass = probabilities.reduce((sum, p) => sum + p, 0);
        probabilities.forEach((p, token) => {
          if (p < 2 ** -12) return;
          const { size } = tokenInterval(probabilities, token, 1);
          const bits = -Math.log2(size / TOTAL) + Math.log2(p / mass);
          // V of 2^30 go to the floor, and rounding takes one of 2^18 at least.
          expect(Math.abs(bits)).toBeLessThan(1e-5);
        });
      }),
    );
  });

  it("lists where intervals start", () => {
    fc.assert(
      fc.property(distribution, (probabilities) => {
        const starts = new Uint32Array(probabilities.length);
        tokenStarts(probabilities, starts);
        expect([...starts]).toEqual(
          Array.from(probabilities, (_, token) => tokenInterval(probabilities, token, 1).start),
        );
      }),
    );
  });

  it.each([[Number.NaN], [Number.POSITIVE_INFINITY], [0]])("refuses probabilities that add up to %d", (value) => {
    expect(() => tokenInterval(Float32Array.of(0, value), 0, 1)).toThrow(LossyscopeError);
  });
});
