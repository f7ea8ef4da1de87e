import { describe, expect, it } from "vitest";
import { groupsNeed, isMet, SURELY_DRAWN } from "./needs.ts";

describe("what intervals of groups take", () => {
  it("is met by groups that are large enough, and by none", () => {
    expect(isMet(groupsNeed("f", "unit", []))).toBe(true);
    expect(isMet(groupsNeed("f", "unit", [["a", 10]]))).toBe(true);
  });

  it("says which are too small, the smallest deciding", () => {
    const need = groupsNeed("f", "document", [
      ["a", 9],
      ["b", 10],
      ["c", 3],
    ]);
    expect(need).toMatchObject({ have: 3, needs: 10, reason: "no interval, too few documents: a (9), c (3)" });
    expect(isMet(need)).toBe(false);
  });

  it("counts those that a resample misses, which more than ten may be", () => {
    const need = groupsNeed("f", "document", [
      ["a", 12, true],
      ["b", 30, false],
      ["c", 90],
    ]);
    expect(need).toMatchObject({ have: 12, needs: SURELY_DRAWN, reason: "no interval, too few documents: a (12)" });
    expect(isMet(need)).toBe(false);
  });

  it("names some of many", () => {
    const { reason } = groupsNeed(
      "f",
      "document",
      Array.from({ length: 20 }, (_, i) => [`g${i}`, 1] as const),
    );
    expect(reason).toMatch(/: g0 \(1\), .*g7 \(1\) and 12 more$/);
  });
});
