import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Constraints, type Limited, missesOf, nearestWays, waysText } from "./limits.ts";

const candidate = (given: Partial<Limited> = {}): Limited => ({
  weightBytes: 4_000_123,
  price: 2,
  tokensPerSecond: 1234.5,
  licence: "Llama 2 community",
  ...given,
});
const excludedBy = (constraints: Constraints, all: Readonly<Record<string, Limited>>) =>
  Object.entries(all).map(([model, one]) => ({ model, misses: missesOf(one, constraints) }));

describe("limits", () => {
  it("are missed by a number, or by not being known", () => {
    const reasons = (constraints: Constraints, one = candidate()) =>
      missesOf(one, constraints).map(({ reason }) => reason);
    expect(reasons({ memoryBytes: 1e6, weightBytes: 3e6 })).toEqual([
      "4.00 MB of weights, 3.00 MB more than the 1.00 MB of memory",
      "4.00 MB of weights, 1.00 MB more than the 3.00 MB that they may take",
    ]);
    expect(reasons({ price: 0.5, tokensPerSecond: 2000 })).toEqual([
      "price 2.00, 1.50 above 0.500",
      "1,235 tokens a second, 766 short of 2,000",
    ]);
    expect(reasons({ licences: ["permissive", "cc-by-nc-4.0"] })).toEqual([
      "licence Llama 2 community is not permissive or cc-by-nc-4.0",
    ]);
    const bare = candidate({ price: null, tokensPerSecond: null, licence: null });
    expect(reasons({ price: 0.5, tokensPerSecond: 1, licences: ["mit"] }, bare)).toEqual([
      "price is not known",
      "speed is not known",
      "licence is not known",
    ]);
    expect(
      reasons({ memoryBytes: 4_000_123, price: 2, tokensPerSecond: 1234.5, licences: ["llama 2 community"] }),
    ).toEqual([]);
  });

  it("come nearest one by one, each by the candidate that needs least of it", () => {
    const all = {
      big: candidate({ licence: "MIT" }),
      mid: candidate({ weightBytes: 2_340_001, licence: "Apache-2.0" }),
      closed: candidate({ weightBytes: 900_000, licence: "Llama 2 community" }),
    };
    const excluded = excludedBy({ memoryBytes: 1e6, licences: ["permissive"] }, all);
    const ways = nearestWays(excluded);
    expect(ways).toEqual([
      { model: "mid", limits: [{ limit: "memory", value: 2_350_000 }] },
      { model: "closed", limits: [{ limit: "licence", value: "Llama 2 community" }] },
    ]);
    expect(waysText(ways, excluded)).toBe(
      "--memory 2.35MB lets mid through, or --licence 'Llama 2 community' lets closed through",
    );
  });

  it("come together where none does alone, and say what has to be known where nothing would do", () => {
    const constraints = { memoryBytes: 1e6, price: 1, tokensPerSecond: 2000 };
    const excluded = excludedBy(constraints, { one: candidate(), two: candidate({ price: 1.5 }) });
    expect(waysText(nearestWays(excluded), excluded)).toBe(
      "--memory 4.01MB and --max-price 1.5 and --tokens-per-second 1230 let two through",
    );
    const unknown = excludedBy(constraints, { one: candidate({ price: null, tokensPerSecond: null }) });
    expect(nearestWays(unknown)).toEqual([]);
    expect(waysText([], unknown)).toBe(
      "say what is not known in a table with the columns model and price, tokens_per_second: --price FILE",
    );
  });

  it("that are said let the candidate through, whatever it is", () => {
    const amount = fc.double({ min: 1e-3, max: 1e12, noNaN: true });
    const limited = fc.record({
      weightBytes: fc.integer({ min: 1, max: 2 ** 45 }),
      price: amount,
      tokensPerSecond: amount,
      licence: fc.constantFrom("MIT", "Llama 2", "cc-by-nc-4.0"),
    });
    const constraints = fc.record({
      memoryBytes: fc.integer({ min: 1, max: 2 ** 40 }),
      price: amount,
      tokensPerSecond: amount,
      licences: fc.constantFrom(["permissive"], ["Llama 2"]),
    });
    fc.assert(
      fc.property(fc.array(limited, { minLength: 1, maxLength: 5 }), constraints, (all, given) => {
        const named = Object.fromEntries(all.map((one, index) => [`m${index}`, one]));
        const excluded = excludedBy(given, named);
        fc.pre(excluded.every(({ misses }) => misses.length > 0));
        const ways = nearestWays(excluded);
        expect(ways.length).toBeGreaterThan(0);
        for (const { model, limits } of ways) {
          const value = Object.fromEntries(limits.map((one) => [one.limit, one.value]));
          const relaxed = {
            memoryBytes: (value.memory as number) ?? given.memoryBytes,
            price: (value["max-price"] as number) ?? given.price,
            tokensPerSecond: (value["tokens-per-second"] as number) ?? given.tokensPerSecond,
            licences: value.licence === undefined ? given.licences : [value.licence as string],
          };
          expect(missesOf(named[model], relaxed)).toEqual([]);
        }
      }),
    );
  });
});
