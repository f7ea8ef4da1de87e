/**
 * Over which units domains are spread, and which they share (METHODS §4), of contributions that come in pools: parts of a
 * domain's text, each as the mean per token. Intervals leave a pool out at a time; the null takes as many pools of any domains.
 * Pure.
 *
 * Time: SHUFFLES · domains · pools · units, and what `unitSharing` takes. Memory: 8 bytes a pool and unit.
 */
import type { Estimate } from "../../numeric/bootstrap.ts";
import { GROUPS, jackknifeInterval } from "../../numeric/jackknife.ts";
import { random } from "../../numeric/random.ts";
import { type AgainstChance, againstChance, SHUFFLES } from "./chance.ts";
import { FEWEST_POOLS, meanOf, reaching, type Shared, unitSharing } from "./sharing.ts";
import { cosine, halfShare, overlapOverChance, participation, topUnits } from "./spread.ts";

/** Pools that the text of a domain is dealt to: as many as an interval leaves out. */
export const POOLS = GROUPS;

export interface DomainSpread {
  readonly participation: Estimate;
  /** beside as many pools of any domains; null where there is but one */
  readonly participationChance: AgainstChance | null;
  readonly half: Estimate;
  readonly halfChance: AgainstChance | null;
  /** of each block, its share of all contributions, and participation over its units */
  readonly blocks: readonly { readonly share: number; readonly participation: number }[];
}

/**
 * @param domains the pools of each, [units of all blocks]
 * @param blocks units of each
 * @param domain place of the one that is looked at
 */
export function domainSpread(
  domains: readonly (readonly Float64Array[])[],
  blocks: readonly number[],
  domain: number,
  seed: number,
): DomainSpread {
  const own = domains[domain];
  const contributions = meanOf(own);
  const figures = { participation, half: (values: Float64Array): number => halfShare(values) ?? 0 };
  const all = domains.flat();
  const mixed = { participation: new Float64Array(SHUFFLES), half: new Float64Array(SHUFFLES) };
  if (domains.length > 1)
    for (let draw = 0; draw < SHUFFLES; draw++) {
      const dealt = random(seed, "units of any domain", domain, draw).shuffle([...all.keys()]);
      const mix = sumOf(dealt.slice(0, own.length).map((pool) => all[pool]));
      mixed.participation[draw] = figures.participation(mix);
      mixed.half[draw] = figures.half(mix);
    }
  const without = leftOut(own);
  const interval = (name: "participation" | "half"): Estimate =>
    jackknifeInterval(figures[name](contributions), [Float64Array.from(without, figures[name])], {
      least: 0,
      ...(name === "half" && { most: 1, step: 1 / contributions.length }),
    });
  const chance = (name: "participation" | "half"): AgainstChance | null =>
    domains.length > 1 ? againstChance(figures[name](contributions), mixed[name], "less") : null;
  const total = contributions.reduce((sum, one) => sum + one, 0);
  let before = 0;
  return {
    participation: interval("participation"),
    participationChance: chance("participation"),
    half: interval("half"),
    halfChance: chance("half"),
    blocks: blocks.map((units) => {
      const inside = contributions.subarray(before, (before += units));
      const held = inside.reduce((sum, one) => sum + one, 0);
      return { share: total > 0 ? held / total : 0, participation: units > 0 ? participation(inside) / units : 0 };
    }),
  };
}

/** As good as the mean: no figure of spread or sharing sees a common factor. */
function sumOf(pools: readonly Float64Array[]): Float64Array {
  const total = pools[0].slice();
  for (const pool of pools.slice(1)) for (let j = 0; j < total.length; j++) total[j] += pool[j];
  return total;
}

/** All pools but one together. */
const leftOut = (pools: readonly Float64Array[]): Float64Array[] =>
  pools.length < 2 ? [] : pools.map((_, one) => sumOf(pools.filter((_, pool) => pool !== one)));

export interface SharedByDomains extends Shared {
  readonly cosineInterval: Estimate;
  readonly overlapInterval: Estimate;
}

export interface DomainSharing {
  readonly top: number;
  readonly pairs: readonly SharedByDomains[];
}

/** @param domains the pools of each, [units]; `FEWEST_POOLS` of each at least */
export function domainSharing(domains: readonly (readonly Float64Array[])[], seed: number): DomainSharing {
  const { top, pairs } = unitSharing(domains, seed);
  const units = domains[0]?.[0]?.length ?? 0;
  const lengths = domains.map((pools) => pools.length);
  // Of units that can be among some top, all domains in one order; cosines take all units.
  const reached = reaching(domains.flat(), top);
  const shown = lengths.map((count, domain) => {
    const from = lengths.slice(0, domain).reduce((sum, one) => sum + one, 0);
    return reached.slice(from, from + count);
  });
  const whole = domains.map((pools) => ({ mean: meanOf(pools), without: leftOut(pools) }));
  const tops = shown.map((pools) => ({
    own: topUnits(meanOf(pools), top),
    without: leftOut(pools).map((one) => topUnits(one, top)),
  }));
  return {
    top,
    pairs: pairs.map((pair) => {
      const [a, b] = [whole[pair.a], whole[pair.b]];
      const [topA, topB] = [tops[pair.a], tops[pair.b]];
      return {
        ...pair,
        cosineInterval: jackknifeInterval(
          pair.cosine.value,
          [a.without.map((one) => cosine(one, b.mean)), b.without.map((one) => cosine(a.mean, one))],
          { least: 0, most: 1 },
        ),
        overlapInterval: jackknifeInterval(
          pair.overlap.value,
          [
            topA.without.map((one) => overlapOverChance(one, topB.own, units)),
            topB.without.map((one) => overlapOverChance(topA.own, one, units)),
          ],
          { least: 0, most: units / top, step: units / top ** 2 },
        ),
      };
    }),
  };
}

export { FEWEST_POOLS };
