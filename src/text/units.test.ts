import { describe, expect, it } from "vitest";
import { isMet } from "../numeric/needs.ts";
import { BLOCK_TOKENS, heldOutNeed, intervalNeed, noIntervalReason, unitsOf } from "./units.ts";

describe("unitsOf", () => {
  it("takes documents where there are twenty with tokens", () => {
    const tokens = [5, 0, ...new Array(19).fill(10_000)];
    const units = unitsOf(tokens);
    expect(units).toMatchObject({ kind: "document", count: 20 });
    expect(units.unitOf(0, 4)).toBe(0);
    expect(units.unitOf(2, 9_999)).toBe(1);
    expect(Array.from(units.documentOf).slice(0, 3)).toEqual([0, 2, 3]);
  });

  it("cuts fewer into blocks inside the documents", () => {
    const units = unitsOf([BLOCK_TOKENS + 1, 0, 3, 2 * BLOCK_TOKENS]);
    expect(units).toMatchObject({ kind: "block", count: 5 });
    expect(Array.from(units.documentOf)).toEqual([0, 0, 2, 3, 3]);
    expect([units.unitOf(0, BLOCK_TOKENS - 1), units.unitOf(0, BLOCK_TOKENS), units.unitOf(2, 0)]).toEqual([0, 1, 2]);
    expect(units.unitOf(3, BLOCK_TOKENS)).toBe(4);
  });

  it("counts documents without tokens among neither", () => {
    expect(unitsOf([...new Array(19).fill(1), 0, 0])).toMatchObject({ kind: "block", count: 19 });
    expect(unitsOf([])).toMatchObject({ kind: "block", count: 0 });
  });
});

describe("reasons", () => {
  const blocks = (count: number) => unitsOf([count * BLOCK_TOKENS]);
  it("name what there is and what it takes", () => {
    expect(noIntervalReason(blocks(10))).toBeNull();
    expect(noIntervalReason(blocks(9))).toBe("no interval: 9 blocks to resample, an interval needs 10");
    expect(isMet(intervalNeed("coding.interval", blocks(10)))).toBe(true);
    expect(isMet(heldOutNeed("plane", blocks(5)))).toBe(true);
    expect(isMet(heldOutNeed("plane", blocks(4)))).toBe(false);
    expect(heldOutNeed("plane", blocks(1)).reason).toBe("no held-out figure: 1 block to divide, holding out needs 5");
  });
});
