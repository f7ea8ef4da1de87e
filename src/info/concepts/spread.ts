/**
 * Over how many units something is spread, and which units two things share (METHODS §4). A contribution is c_j ≥ 0 of
 * every unit j.
 */

/** (Σ c)² / Σ c²: the number of units, were all equal; 0 where nothing contributes. */
export function participation(contributions: ArrayLike<number>): number {
  let total = 0;
  let squares = 0;
  for (let j = 0; j < contributions.length; j++) {
    total += contributions[j];
    squares += contributions[j] ** 2;
  }
  return squares > 0 ? total ** 2 / squares : 0;
}

/** The least share of the units whose contributions are half of all; null where nothing contributes. Some passes over the units. */
export function halfShare(contributions: ArrayLike<number>): number | null {
  let rest = Float64Array.from(contributions);
  const units = rest.length;
  let wanted = rest.reduce((sum, one) => sum + one, 0) / 2;
  if (!(wanted > 0)) return null;
  let taken = 0;
  // The largest that make up half are above some value: parts on the wrong side of a guess at it fall away.
  while (rest.length > SMALL) {
    const pivot = middling(rest);
    const above = rest.filter((one) => one > pivot);
    const equal = rest.length - above.length - rest.filter((one) => one < pivot).length;
    const carried = above.reduce((sum, one) => sum + one, 0);
    if (carried >= wanted) {
      rest = above;
      continue;
    }
    const needed = Math.ceil((wanted - carried) / pivot);
    if (needed <= equal) return (taken + above.length + needed) / units;
    taken += above.length + equal;
    wanted -= carried + equal * pivot;
    rest = rest.filter((one) => one < pivot);
  }
  rest.sort().reverse();
  let last = 0;
  for (let carried = 0; carried < wanted && last < rest.length; last++) carried += rest[last];
  return (taken + last) / units;
}

/** Values that are sorted rather than parted further. */
const SMALL = 64;

/** The median of three of the values. */
function middling(values: Float64Array): number {
  const [a, b, c] = [values[0], values[values.length >> 1], values[values.length - 1]];
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

/** The k-th largest of the values, k from 1. */
function largestButFor(given: ArrayLike<number>, k: number): number {
  let values = Float64Array.from(given);
  let place = k;
  while (values.length > SMALL) {
    const pivot = middling(values);
    const above = values.filter((one) => one > pivot);
    if (place <= above.length) {
      values = above;
      continue;
    }
    const below = values.filter((one) => one < pivot);
    const equal = values.length - above.length - below.length;
    if (place <= above.length + equal) return pivot;
    place -= above.length + equal;
    values = below;
  }
  return values.sort()[values.length - place];
}

/** The k units that contribute most, the largest first; of equal ones the lower index. */
export function topUnits(contributions: ArrayLike<number>, k: number): Int32Array {
  const taken = Math.min(k, contributions.length);
  if (taken === 0) return new Int32Array();
  const bound = largestButFor(contributions, taken);
  const found: number[] = [];
  const equal: number[] = [];
  for (let j = 0; j < contributions.length; j++) {
    if (contributions[j] > bound) found.push(j);
    else if (contributions[j] === bound) equal.push(j);
  }
  found.sort((i, j) => contributions[j] - contributions[i] || i - j);
  return Int32Array.from([...found, ...equal.slice(0, taken - found.length)]);
}

/** Units among both top k, over the k²/N that chance puts there. */
export function overlapOverChance(a: Int32Array, b: Int32Array, units: number): number {
  const own = new Set(a);
  let both = 0;
  for (const unit of b) both += Number(own.has(unit));
  return both / ((a.length * b.length) / units);
}

/** 0 where either is nothing. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, left, right] = [0, 0, 0];
  for (let j = 0; j < a.length; j++) {
    dot += a[j] * b[j];
    left += a[j] ** 2;
    right += b[j] ** 2;
  }
  return left > 0 && right > 0 ? dot / Math.sqrt(left * right) : 0;
}
