import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allFitted, splitUnits } from "./split.ts";

describe("splitUnits", () => {
  it("evaluates a fifth of the units, at least two, and of every domain its share", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 5 }).filter((sizes) => {
          const units = sizes.reduce((a, b) => a + b);
          return units >= 5;
        }),
        fc.integer(),
        (sizes, seed) => {
          const domains = sizes.flatMap((size, d) => new Array<string>(size).fill(`domain ${d}`));
          const { place, fitted, evaluated } = splitUnits(domains, seed);
          expect(evaluated).toBe(Math.max(2, Math.round(domains.length / 5)));
          expect(fitted + evaluated).toBe(domains.length);
          expect([...place].filter((rank) => rank >= 0).sort((a, b) => a - b)).toEqual([...Array(evaluated).keys()]);
          for (const [d, size] of sizes.entries()) {
            const own = domains.filter((domain, unit) => domain === `domain ${d}` && place[unit] >= 0).length;
            // Of a stretch of depths every domain has its share to within one unit, and so the stretch, which has `evaluated`
            // of all, is as long as its share to within one unit a domain.
            const off = 1 + (size * sizes.filter(Boolean).length) / domains.length;
            expect(Math.abs(own - (size * evaluated) / domains.length)).toBeLessThan(off);
          }
        },
      ),
    );
  });

  it("is another one for another seed, the same for the same", () => {
    const domains = new Array<string>(200).fill("");
    const evaluated = (seed: number) =>
      [...domains.keys()].filter((unit) => splitUnits(domains, seed).place[unit] >= 0);
    expect(evaluated(1)).toEqual(evaluated(1));
    expect(evaluated(2)).not.toEqual(evaluated(1));
    // Every unit has its chance: over 100 seeds each is evaluated 20 times, give or take five standard deviations.
    const times = new Float64Array(200);
    for (let seed = 0; seed < 100; seed++) for (const unit of evaluated(seed)) times[unit]++;
    expect(Math.min(...times)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...times)).toBeLessThanOrEqual(40);
  });

  it("gives small domains their turn too", () => {
    const domains = ["rare", ...new Array<string>(9).fill("common")];
    let evaluated = 0;
    for (let seed = 0; seed < 300; seed++) if (splitUnits(domains, seed).place[0] >= 0) evaluated++;
    expect(evaluated / 300).toBeGreaterThan(0.1);
    expect(evaluated / 300).toBeLessThan(0.3);
  });
});

it("allFitted evaluates nothing", () => {
  expect(allFitted(3)).toEqual({ place: Int32Array.of(-1, -1, -1), fitted: 3, evaluated: 0 });
});
