/** Which sites are taken away, what matches them, and what is made of the effects. */
import { describe, expect, it } from "vitest";
import { areaBetween, matchedSites, ownSites, verdictOf } from "./ablation.ts";

describe("sites of a domain's own", () => {
  it("are those of the largest excess share, whatever the sizes", () => {
    const a = Float64Array.of(10, 1, 5, 4);
    const b = Float64Array.of(1, 1, 1, 1);
    expect([...ownSites([a, b], 0)]).toEqual([0, 2, 3, 1]);
    expect([...ownSites([a, b.map((one) => 100 * one)], 1)]).toEqual([1, 3, 2, 0]);
    expect([...ownSites([b, b], 0)]).toEqual([0, 1, 2, 3]);
  });
});

describe("matched sites", () => {
  const mean = Float64Array.from({ length: 60 }, (_, site) => (site < 30 ? site : 100 + site));
  const group = (site: number): number => Number(site >= 30);

  it("are others of the same group that contribute about as much, none twice", () => {
    const sites = Int32Array.of(5, 45, 46);
    for (let draw = 0; draw < 20; draw++) {
      const found = [...matchedSites(sites, mean, group, ["test", draw])];
      expect(new Set([...found, ...sites]).size).toBe(6);
      expect(found.map(group)).toEqual([0, 1, 1]);
      for (const [place, site] of found.entries()) expect(Math.abs(mean[site] - mean[sites[place]])).toBeLessThan(13);
    }
  });

  it("are of other groups where a group has no more, and fewer where nothing is left", () => {
    const alone = (site: number): number => site;
    expect(matchedSites(Int32Array.of(3), mean, alone, ["test"])).toHaveLength(1);
    expect(matchedSites(Int32Array.of(0, 1), Float64Array.of(1, 2, 3), group, ["test"])).toEqual(Int32Array.of(2));
  });
});

it("a verdict takes more than matched sites do, and more than on any other", () => {
  const matched = Array.from({ length: 20 }, (_, draw) => draw / 100);
  expect(verdictOf([0.5, 0.1], 0, matched)).toMatchObject({ localised: true });
  expect(verdictOf([0.5, 0.6], 0, matched).localised).toBe(false);
  expect(verdictOf([0.1, 0], 0, matched).localised).toBe(false);
  expect(verdictOf([0.1, 0], 0, matched).chance).toBeCloseTo(0.095, 12);
});

it("the area between curves is a mean over what is taken away", () => {
  expect(areaBetween([1, 2], [1, 1], [0, 0])).toBeCloseTo(0.75, 12);
  expect(areaBetween([0.5], [3], [3])).toBe(0);
  expect(areaBetween([1, 3], [0, 0], [1, 2])).toBeCloseTo(-(0.5 + 3) / 3, 12);
});
