/**
 * Which sampling units are fitted and which are evaluated (METHODS §2.4): a seeded order in which every domain is
 * spread evenly, the first four fifths fitted, the rest evaluated and never fitted.
 */
import { random } from "../numeric/random.ts";

export interface Split {
  /** by unit: its place among the evaluated ones in the seeded order, or −1 where it is fitted */
  readonly place: Int32Array;
  readonly fitted: number;
  readonly evaluated: number;
}

/** Nothing is evaluated: for so few units that nothing can be held out. */
export const allFitted = (units: number): Split => ({
  place: new Int32Array(units).fill(-1),
  fitted: units,
  evaluated: 0,
});

/**
 * At least two units are evaluated, however few there are: κ is chosen on one half of them for the other.
 * @param domains by unit, the domain it belongs to; three units or more
 */
export function splitUnits(domains: readonly string[], seed: number): Split {
  const units = domains.length;
  const place = new Int32Array(units).fill(-1);
  const byDomain = new Map<string, number[]>();
  domains.forEach((domain, unit) => {
    const members = byDomain.get(domain);
    if (members) members.push(unit);
    else byDomain.set(domain, [unit]);
  });
  const depth = new Float64Array(units);
  for (const [domain, members] of byDomain) {
    const stream = random(seed, "split", domain);
    const offset = stream.uniform();
    stream.shuffle(members).forEach((unit, rank) => {
      depth[unit] = (rank + offset) / members.length;
    });
  }
  const order = [...domains.keys()].sort((a, b) => depth[a] - depth[b] || a - b);
  const evaluated = Math.max(2, Math.round(units / 5));
  order.slice(units - evaluated).forEach((unit, rank) => {
    place[unit] = rank;
  });
  return { place, fitted: units - evaluated, evaluated };
}
