/**
 * Which units things share (METHODS §4), beside what chance gives: contributions come in pools, parts of a thing with as
 * much of it each, and the null deals the pools of two things to the two anew. Pure.
 *
 * Time: for every two, SHUFFLES · pools · units. Memory: 8 bytes a pool and unit.
 */
import { random } from "../../numeric/random.ts";
import { type AgainstChance, againstChance, SHUFFLES } from "./chance.ts";
import { halfShare, overlapOverChance, participation, topUnits } from "./spread.ts";

/** Fewer pools of either have too few ways to be dealt anew: 4 and 4 have 70. */
export const FEWEST_POOLS = 4;

export interface Shared {
  readonly a: number;
  readonly b: number;
  readonly cosine: AgainstChance;
  readonly overlap: AgainstChance;
}

export interface UnitSharing {
  readonly top: number;
  /** of each thing its contributions, the mean of its pools */
  readonly contributions: readonly Float64Array[];
  readonly spread: readonly { readonly participation: number; readonly half: number | null }[];
  readonly pairs: readonly Shared[];
}

/** @param things the pools of each, [units] */
export function unitSharing(things: readonly (readonly Float64Array[])[], seed: number): UnitSharing {
  const contributions = things.map(meanOf);
  const units = contributions[0]?.length ?? 0;
  const top = Math.max(1, Math.round(units / 100));
  const pairs: Shared[] = [];
  for (let b = 1; b < things.length; b++)
    for (let a = 0; a < b; a++)
      if (Math.min(things[a].length, things[b].length) >= FEWEST_POOLS)
        pairs.push({ a, b, ...shared(things[a], things[b], { top, name: [seed, "shared units", a, b] }) });
  return {
    top,
    contributions,
    spread: contributions.map((own) => ({ participation: participation(own), half: halfShare(own) })),
    pairs,
  };
}

export function meanOf(pools: readonly Float64Array[]): Float64Array {
  const mean = new Float64Array(pools[0]?.length ?? 0);
  for (const pool of pools) for (let j = 0; j < mean.length; j++) mean[j] += pool[j];
  for (let j = 0; j < mean.length; j++) mean[j] /= pools.length;
  return mean;
}

interface Sharing {
  /** units that count as the top */
  readonly top: number;
  readonly name: readonly (string | number)[];
}

/** How alike two things' contributions are, beside their pools dealt anew. */
function shared(
  left: readonly Float64Array[],
  right: readonly Float64Array[],
  { top, name }: Sharing,
): Pick<Shared, "cosine" | "overlap"> {
  const pools = [...left, ...right];
  const units = pools[0].length;
  const products = pools.map((one) => pools.map((other) => dot(one, other)));
  const candidates = reaching(pools, top);
  const cosineOf = (given: readonly number[], rest: readonly number[]): number => {
    const between = (x: readonly number[], y: readonly number[]): number =>
      x.reduce((sum, i) => y.reduce((own, j) => own + products[i][j], sum), 0) / (x.length * y.length);
    const sizes = between(given, given) * between(rest, rest);
    return sizes > 0 ? between(given, rest) / Math.sqrt(sizes) : 0;
  };
  const overlapOf = (given: readonly number[], rest: readonly number[]): number => {
    const [x, y] = [given, rest].map((own) => topUnits(meanOf(own.map((pool) => candidates[pool])), top));
    return overlapOverChance(x, y, units);
  };
  const own = [...left.keys()];
  const others = [...right.keys()].map((pool) => left.length + pool);
  const draws = Array.from({ length: SHUFFLES }, (_, draw) => {
    const dealt = random(...name, draw).shuffle([...pools.keys()]);
    return [dealt.slice(0, left.length), dealt.slice(left.length)] as const;
  });
  const against = (figure: typeof cosineOf): AgainstChance =>
    againstChance(
      figure(own, others),
      Float64Array.from(draws, ([given, rest]) => figure(given, rest)),
      "less",
    );
  return { cosine: against(cosineOf), overlap: against(overlapOf) };
}

/**
 * The pools at those units alone that can be among the top of some mean of pools: of any mean the k-th largest is no less than
 * the k-th largest of the units' least pools, and no unit is above its largest.
 */
export function reaching(pools: readonly Float64Array[], top: number): Float64Array[] {
  const units = pools[0].length;
  const least = pools[0].slice();
  const most = pools[0].slice();
  for (const pool of pools)
    for (let j = 0; j < units; j++) {
      if (pool[j] < least[j]) least[j] = pool[j];
      if (pool[j] > most[j]) most[j] = pool[j];
    }
  // Means round: what is equal to the bound, or nearly so, stays.
  const bound = least.sort()[units - top] * (1 - 1e-12);
  const chosen = [...most.keys()].filter((j) => most[j] >= bound);
  return pools.map((pool) => Float64Array.from(chosen, (j) => pool[j]));
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let j = 0; j < a.length; j++) total += a[j] * b[j];
  return total;
}
