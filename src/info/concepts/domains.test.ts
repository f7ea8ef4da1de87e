/** Spread and sharing of domains: against plain second computations, and on pools whose units are known. */
import { describe, expect, it } from "vitest";
import { random } from "../../numeric/random.ts";
import { mean, sum } from "../../numeric/sums.ts";
import { SHUFFLES } from "./chance.ts";
import { domainSharing, domainSpread, POOLS } from "./domains.ts";
import { halfShare, topUnits } from "./spread.ts";

const UNITS = 400;

/** Pools of a domain whose own units contribute more than others, by so much. */
const pools = (name: string, own: readonly number[], count = POOLS, base = 1, more = 30): Float64Array[] =>
  Array.from({ length: count }, (_, pool) => {
    const stream = random("domains", name, pool);
    return Float64Array.from(
      { length: UNITS },
      (_, unit) => base * (1 + stream.uniform()) + (own.includes(unit) ? more : 0),
    );
  });
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

const naiveHalf = (values: ArrayLike<number>): number => {
  const sorted = [...Array.from(values)].sort((a, b) => b - a);
  let [carried, units] = [0, 0];
  while (carried < sum(sorted) / 2) carried += sorted[units++];
  return units / sorted.length;
};
const naiveTop = (values: Float64Array, k: number): number[] =>
  [...values.keys()].sort((a, b) => values[b] - values[a] || a - b).slice(0, k);

describe("selection", () => {
  it.each([1, 5, 64, 65, 1000])("of half and of the top is that of sorting, ties and all, %i units", (units) => {
    for (let draw = 0; draw < 20; draw++) {
      const stream = random("selection", units, draw);
      const coarse = draw % 2 === 0;
      const values = Float64Array.from({ length: units }, () => (coarse ? stream.below(6) : stream.uniform() ** 8));
      values[0] += 1;
      expect(halfShare(values)).toBeCloseTo(naiveHalf(values), 12);
      for (const k of [1, Math.ceil(units / 7), units]) expect([...topUnits(values, k)]).toEqual(naiveTop(values, k));
    }
  });
});

describe("spread of a domain", () => {
  // About as much in all.
  const domains = [
    pools("narrow", range(0, 4), POOLS, 0.1, 135),
    pools("wide", range(0, 200), POOLS, 0.1, 2.7),
    pools("even", []),
  ];
  const blocks = [100, 300];

  it("has the interval of leaving a pool out, and the blocks' own figures", () => {
    const found = domainSpread(domains, blocks, 0, 1);
    const contributions = Array.from({ length: UNITS }, (_, unit) => mean(domains[0].map((pool) => pool[unit])));
    const ratio = (values: readonly number[]): number => sum(values) ** 2 / sum(values.map((one) => one ** 2));
    expect(found.participation.value).toBeCloseTo(ratio(contributions), 9);
    expect(found.half.value).toBeCloseTo(naiveHalf(contributions), 12);
    const left = domains[0].map((_, out) =>
      ratio(
        range(0, UNITS).map((unit) => mean(domains[0].filter((_, pool) => pool !== out).map((pool) => pool[unit]))),
      ),
    );
    const middle = mean(left);
    const error = Math.sqrt((9 / 10) * sum(left.map((one) => (one - middle) ** 2)));
    expect(found.participation.high! - found.participation.low!).toBeCloseTo(2 * 2.2621571627 * error, 7);
    expect(found.blocks.map(({ share }) => share).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(found.blocks[0].participation).toBeCloseTo(ratio(contributions.slice(0, 100)) / 100, 12);
  });

  it("is below that of mixed text where few units carry it, and not where many do", () => {
    const [narrow, , even] = [0, 1, 2].map((domain) => domainSpread(domains, blocks, domain, 1));
    expect(narrow.halfChance!.p).toBeLessThan(0.01);
    expect(narrow.participationChance!.p).toBeLessThan(0.01);
    expect(even.halfChance!.p).toBeGreaterThan(0.5);
  });

  it("has no null alone, and no interval of fewer pools", () => {
    const { participation, participationChance, halfChance } = domainSpread([pools("alone", [], 4)], blocks, 0, 1);
    expect([participationChance, halfChance]).toEqual([null, null]);
    expect(participation.low).toBeNull();
  });

  it("draws the null from the seed alone", () => {
    const [one, again, other] = [1, 1, 2].map((seed) => domainSpread(domains, blocks, 0, seed).participationChance);
    expect(again).toEqual(one);
    expect(other!.chance).not.toBe(one!.chance);
    expect(one!.p).toBeGreaterThanOrEqual(1 / (1 + SHUFFLES));
  });
});

describe("sharing between domains", () => {
  const domains = [pools("a", range(0, 4)), pools("b", range(0, 4)), pools("c", range(10, 14))];

  it("tells domains of the same units from those of others", () => {
    const { top, pairs } = domainSharing(domains, 3);
    expect(top).toBe(4);
    const [same, other] = [pairs[0], pairs[1]];
    expect(same.overlap.value).toBeCloseTo(100, 9);
    // No narrower than a unit more or less, and never more than all.
    expect(same.overlapInterval).toEqual({
      value: same.overlap.value,
      low: 75,
      high: same.overlap.value,
    });
    expect(other.overlap.value).toBe(0);
    expect(same.overlap.p).toBeGreaterThan(0.5);
    expect(other.cosine.p).toBeLessThan(0.01);
  });

  it("has the intervals of leaving out pools of either", () => {
    const [, { cosine, cosineInterval, overlapInterval }] = domainSharing(
      [pools("x", []), pools("y", []), pools("z", [])],
      0,
    ).pairs;
    const [a, b] = [pools("x", []), pools("z", [])];
    const meanOf = (own: readonly Float64Array[]): Float64Array => own[0].map((_, j) => mean(own.map((one) => one[j])));
    const naive = (one: Float64Array, two: Float64Array): number =>
      sum(one.map((value, j) => value * two[j])) / Math.sqrt(sum(one.map((v) => v * v)) * sum(two.map((v) => v * v)));
    const spread = (left: readonly number[]): number => (9 / 10) * sum(left.map((one) => (one - mean(left)) ** 2));
    const variance =
      spread(a.map((_, out) => naive(meanOf(a.filter((_, i) => i !== out)), meanOf(b)))) +
      spread(b.map((_, out) => naive(meanOf(a), meanOf(b.filter((_, i) => i !== out)))));
    expect(cosine.value).toBeCloseTo(naive(meanOf(a), meanOf(b)), 12);
    expect(cosine.value - cosineInterval.low!).toBeCloseTo(2.2621571627 * Math.sqrt(variance), 9);
    expect(overlapInterval.high).toBeGreaterThanOrEqual(overlapInterval.value!);
  });
});
