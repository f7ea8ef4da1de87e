import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allot, improving } from "./mixed.ts";

const total = (chosen: readonly { bytes: number; cost: number }[], of: "bytes" | "cost"): number =>
  chosen.reduce((sum, one) => sum + one[of], 0);

describe("a plan within a budget", () => {
  it("gives bits where a byte saves most", () => {
    const dear = [
      { name: "2", bytes: 20, cost: 10 },
      { name: "4", bytes: 40, cost: 1 },
    ];
    const cheap = [
      { name: "2", bytes: 20, cost: 2 },
      { name: "4", bytes: 40, cost: 0.2 },
    ];
    expect(allot([dear, cheap], 60)!.map(({ name }) => name)).toEqual(["4", "2"]);
    expect(allot([dear, cheap], 80)!.map(({ name }) => name)).toEqual(["4", "4"]);
    expect(allot([dear, cheap], 39)).toBeNull();
    expect(improving([...dear, { name: "worse", bytes: 50, cost: 3 }])).toEqual(dear);
  });

  it("keeps within it, and never costs more than the best single type that fits", () => {
    const part = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), fc.constantFrom(2, 3, 4), (errors, bits) => {
        // Types of 2, 3, 4 bits; each bit quarters the error of a part, whose size is its first number.
        const parts = errors.map(([size, error]) =>
          [2, 3, 4].map((one) => ({ bytes: size * one, cost: (error * size) / 4 ** one })),
        );
        const budget = errors.reduce((sum, [size]) => sum + size * bits, 0);
        const chosen = allot(parts, budget)!;
        expect(total(chosen, "bytes")).toBeLessThanOrEqual(budget);
        const smallest = parts.map(([one]) => one);
        expect(total(chosen, "cost")).toBeLessThanOrEqual(total(smallest, "cost"));
        if (bits === 4)
          expect(total(chosen, "cost")).toBeCloseTo(
            total(
              parts.map(([, , one]) => one),
              "cost",
            ),
            9,
          );
      }),
    );
  });
});
