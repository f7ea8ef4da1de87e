import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allot, costAt, improving, nearest } from "./mixed.ts";

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

  it("goes by what a part costs on either side of the budget", () => {
    const types = [
      { name: "6", bytes: 60, error: 0.01 },
      { name: "4", bytes: 40, error: 0.1 },
      { name: "3", bytes: 30, error: 0.5 },
    ];
    const near = (bytes: number) => nearest(types, bytes).map(({ name }) => name);
    expect([near(100), near(45), near(30), near(10)]).toEqual([
      ["6", "4"],
      ["4", "3"],
      ["3", "4"],
      ["3", "4"],
    ]);
    expect(nearest(types.slice(0, 1), 10).map(({ name }) => name)).toEqual(["6"]);
    // Ten times the error at 20 times the KL: a power of log 20 / log 10.
    const measured = [
      { error: 0.1, kl: 0.02 },
      { error: 1, kl: 0.4 },
    ];
    expect(costAt(0.1, measured)).toBeCloseTo(0.02, 12);
    expect(costAt(1, measured)).toBeCloseTo(0.4, 12);
    expect(costAt(0.01, measured)).toBeCloseTo(0.001, 12);
    expect(costAt(0.4, [measured[0]])).toBeCloseTo(0.08, 12);
    expect(costAt(0, measured)).toBeLessThan(1e-20);
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
