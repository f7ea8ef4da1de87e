import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { temperature } from "./temperature.ts";

interface Case {
  m: number;
  d: number;
  leading_order: number;
  find_eps_highprec: number;
  eps_exact_highprec: number;
}
const { find_eps: cases } = JSON.parse(readFileSync(fixture("estimator/eps.json"), "utf8")) as { find_eps: Case[] };

/** Computed in 40-digit arithmetic from the same definitions; ours loses digits only to cancellation at large κ. */
const RELATIVE = 2e-12;

describe("temperature", () => {
  it.each(cases)("m = $m, d = $d", ({ m, d, leading_order, find_eps_highprec, eps_exact_highprec }) => {
    expect(Math.abs(temperature(m, d, "leading-order") / leading_order - 1)).toBeLessThan(1e-14);
    expect(Math.abs(temperature(m, d, "bound") / find_eps_highprec - 1)).toBeLessThan(RELATIVE);
    expect(Math.abs(temperature(m, d, "exact") / eps_exact_highprec - 1)).toBeLessThan(RELATIVE);
  });

  it("on the ordinary sphere the divergence has a closed form", () => {
    // d = 3: A = coth κ − 1/κ, e^Φ = sinh κ / κ.
    const kappa = 1 / temperature(1000, 3, "exact");
    const divergence = kappa / Math.tanh(kappa) - 1 - (kappa - Math.LN2 - Math.log(kappa));
    expect(divergence).toBeCloseTo(Math.log(1000), 9);
  });

  it("solves the bound where the reference's bracket ends", () => {
    // d = 3: κA − Φ of the bounds is ln(κ)/2 − 1 at large κ, so ε = e^{−2(ln m + 1)} = e^{−2}/m².
    expect(temperature(1000, 3, "bound") * 1e6 * Math.exp(2)).toBeCloseTo(1, 5);
  });

  it("keeps its digits where the halves of the bound cancel, and refuses a κ past the largest number", () => {
    // ε = e^{−2}/m² up to terms of the order of 1/κ
    for (const m of [1e6, 1e12, 9.454501248265921e73, 1e150]) {
      expect(temperature(m, 3, "bound") * m * m * Math.exp(2)).toBeCloseTo(1, 9);
    }
    expect(() => temperature(1e200, 3, "bound")).toThrow("below the least number there is");
  });

  it("ends, whatever it is asked", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.double(), fc.constantFrom(0, 1, 2, 100)),
        fc.oneof(fc.double(), fc.constantFrom(0, 1, 2, 3, 16)),
        fc.constantFrom("bound", "exact", "leading-order"),
        (m, d, rule) => {
          const started = performance.now();
          try {
            expect(temperature(m, d, rule)).toBeGreaterThanOrEqual(0);
          } catch (error) {
            expect(error).toBeInstanceOf(LossyscopeError);
          }
          expect(performance.now() - started).toBeLessThan(2000);
        },
      ),
      { numRuns: 300 },
    );
    expect(() => temperature(1, 16, "exact")).toThrow("no temperature for 1 points");
    expect(() => temperature(1e12, 2, "exact")).toThrow("above 1e+7: take the rule bound");
  });

  it("refuses widths at which nothing solves it", () => {
    expect(() => temperature(100, 2, "bound")).toThrow("width 3 or more, these have 2");
    expect(() => temperature(100, 1, "exact")).toThrow("width 2 or more, these have 1");
  });
});
