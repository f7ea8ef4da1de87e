import { describe, expect, it } from "vitest";
import { inTime, OutOfTime, patienceFor } from "./in-time.ts";

const milliseconds = (work: () => void): number => {
  const started = performance.now();
  work();
  return performance.now() - started;
};

describe("work in time", () => {
  it("gives its answer and throws its own errors", () => {
    expect(inTime(5_000, () => inTime(5_000, () => "answer"))).toBe("answer");
    expect(() =>
      inTime(5_000, () => {
        throw new RangeError("its own");
      }),
    ).toThrow(new RangeError("its own"));
  });

  it.each<[string, () => unknown]>([
    [
      "a loop",
      () => {
        for (;;);
      },
    ],
    ["an expression that tries all ways to match", () => /(a+)+$/u.test(`${"a".repeat(60)}b`)],
    ["a sticky one", () => /(?:a|aa)+$/uy.test(`${"a".repeat(60)}b`)],
    ["one that takes the square of its text", () => "a".repeat(1e6).replace(/a*b/g, "")],
    [
      "work with more time inside it",
      () =>
        inTime(60_000, () => {
          for (;;);
        }),
    ],
    [
      "work that catches what it can",
      () => {
        try {
          for (;;);
        } catch {
          return "caught";
        }
      },
    ],
  ])("is ended: %s", (_, work) => {
    expect(milliseconds(() => expect(() => inTime(100, work)).toThrow(OutOfTime))).toBeLessThan(3_000);
    expect(inTime(5_000, () => "goes on")).toBe("goes on");
  });

  it("ends the inner of two where its time is shorter, and the outer goes on", () => {
    const outer = inTime(10_000, () => {
      expect(() =>
        inTime(100, () => {
          for (;;);
        }),
      ).toThrow(OutOfTime);
      return "outer";
    });
    expect(outer).toBe("outer");
  });
});

describe("patience", () => {
  it("grows with the text, and with what else the machine has to do", () => {
    expect(patienceFor(0, 1)).toBe(3_000);
    expect(patienceFor(50_000, 1)).toBe(4_000);
    expect(patienceFor(50_000, 20)).toBe(80_000);
    expect(patienceFor(0)).toBeGreaterThanOrEqual(3_000);
    expect(patienceFor(0)).toBeLessThanOrEqual(90_000);
  });
});
