/**
 * Which sites are taken away, and what it says (METHODS §4): a domain's own sites, others that match them, and the effects of
 * both. Pure.
 */
import { quantile } from "../../numeric/bootstrap.ts";
import { random } from "../../numeric/random.ts";
import { mean } from "../../numeric/sums.ts";

/** Draws of matched sites that a domain's own are held against. */
export const DRAWS = 20;
/** A matched site is one of so many that contribute most nearly as much. */
const NEAREST = 10;

/**
 * The sites whose share of what contributes to a domain is most above their mean share of the others', the most first; of
 * equal ones the lower index.
 * @param contributions [domains][sites]
 */
export function ownSites(contributions: readonly Float64Array[], domain: number): Int32Array {
  const shares = contributions.map((own) => {
    const total = own.reduce((sum, one) => sum + one, 0);
    return own.map((one) => (total > 0 ? one / total : 0));
  });
  const others = shares.filter((_, other) => other !== domain);
  const excess = shares[domain].map((share, site) => share - mean(others.map((own) => own[site])));
  return Int32Array.from(excess.keys()).sort((a, b) => excess[b] - excess[a] || a - b);
}

/**
 * As many other sites of the same groups, that contribute about as much.
 * @param sites to be matched
 * @param mean contribution of every site
 * @param group of every site: one of the same is taken, while there is one
 */
export function matchedSites(
  sites: Int32Array,
  mean: Float64Array,
  group: (site: number) => number,
  name: readonly (string | number)[],
): Int32Array {
  const stream = random(...name);
  const taken = new Set<number>(sites);
  const all = [...mean.keys()];
  const byGroup = new Map<number, number[]>();
  for (const site of all) {
    const own = byGroup.get(group(site)) ?? [];
    byGroup.set(group(site), own);
    own.push(site);
  }
  for (const own of byGroup.values()) own.sort((a, b) => mean[a] - mean[b] || a - b);
  return Int32Array.from(sites, (site) => {
    const near = (candidates: readonly number[]): number[] =>
      candidates
        .filter((one) => !taken.has(one))
        .sort((a, b) => Math.abs(mean[a] - mean[site]) - Math.abs(mean[b] - mean[site]) || a - b)
        .slice(0, NEAREST);
    const same = near(byGroup.get(group(site))!);
    const candidates = same.length > 0 ? same : near(all);
    if (candidates.length === 0) return -1;
    const found = candidates[stream.below(candidates.length)];
    taken.add(found);
    return found;
  }).filter((site) => site >= 0);
}

export interface Verdict {
  /** mean and 95 % of the effect of matched sites on the domain itself */
  readonly chance: number;
  readonly high: number;
  /** more than matched sites do, and more on the domain than on any other */
  readonly localised: boolean;
}

/**
 * @param effects of taking away the domain's own sites, on every domain
 * @param matched of each draw of matched sites, on the domain itself
 */
export function verdictOf(effects: readonly number[], domain: number, matched: readonly number[]): Verdict {
  const high = quantile(
    matched.toSorted((a, b) => a - b),
    0.95,
  );
  const largest = effects.every((effect, other) => other === domain || effect < effects[domain]);
  return { chance: mean(matched), high, localised: effects[domain] > high && largest };
}

/**
 * How far the curves of a domain and of the others part, as a mean over the shares taken away: the area between them over the
 * largest share, trapezoids from (0, 0) on.
 */
export function areaBetween(shares: readonly number[], own: readonly number[], others: readonly number[]): number {
  let area = 0;
  let [before, gap] = [0, 0];
  for (const [at, share] of shares.entries()) {
    const now = own[at] - others[at];
    area += ((share - before) * (gap + now)) / 2;
    [before, gap] = [share, now];
  }
  return area / before;
}
