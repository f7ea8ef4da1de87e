/**
 * Over how many units something is spread, and which units two things share (METHODS §4). A contribution is c_j ≥ 0 of
 * every unit j.
 */

/** (Σ c)² / Σ c²: the number of units, were all equal; 0 where nothing contributes. */
export function participation(contributions: ArrayLike<number>): number {
  let total = 0;
  let squares = 0;
  for (let j = 0; j < contributions.length; j++) {
    const one = contributions[j];
    total += one;
    squares += one * one;
  }
  return squares > 0 ? total ** 2 / squares : 0;
}

/**
 * The least share of the units whose contributions are half of all; null where nothing contributes. Some passes over the units:
 * the largest that make up half lie above some value, and parts on the wrong side of a guess at it fall away.
 */
export function halfShare(contributions: ArrayLike<number>): number | null {
  const values = Float64Array.from(contributions);
  let wanted = 0;
  for (let j = 0; j < values.length; j++) wanted += values[j] / 2;
  if (!(wanted > 0)) return null;
  let from = 0;
  let to = values.length;
  while (to - from > SMALL) {
    const pivot = middling(values, from, to);
    const { above, equal } = parted(values, from, to, pivot);
    let carried = 0;
    for (let j = from; j < above; j++) carried += values[j];
    if (carried >= wanted) to = above;
    else {
      const needed = Math.ceil((wanted - carried) / pivot);
      if (above + needed <= equal) return (above + needed) / values.length;
      wanted -= carried + (equal - above) * pivot;
      from = equal;
    }
  }
  values.subarray(from, to).sort().reverse();
  for (let carried = 0; carried < wanted && from < to; from++) carried += values[from];
  return from / values.length;
}

/** Values that are sorted rather than parted further. */
const SMALL = 64;

/** The median of three of the values. */
function middling(values: Float64Array, from: number, to: number): number {
  const [a, b, c] = [values[from], values[(from + to) >> 1], values[to - 1]];
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

/** Moves values above the pivot to the front of a stretch and those below it to the end. @returns where either begins to be equal, or ends */
function parted(values: Float64Array, from: number, to: number, pivot: number): { above: number; equal: number } {
  let above = from;
  let equal = to;
  for (let j = from; j < equal; ) {
    const one = values[j];
    if (one > pivot) {
      values[j++] = values[above];
      values[above++] = one;
    } else if (one < pivot) {
      values[j] = values[--equal];
      values[equal] = one;
    } else j++;
  }
  return { above, equal };
}

/** The k-th largest of the values, k from 1. */
function largestButFor(given: ArrayLike<number>, k: number): number {
  const values = Float64Array.from(given);
  let from = 0;
  let to = values.length;
  while (to - from > SMALL) {
    const pivot = middling(values, from, to);
    const { above, equal } = parted(values, from, to, pivot);
    if (k <= above) to = above;
    else if (k <= equal) return pivot;
    else from = equal;
  }
  return values.subarray(from, to).sort()[to - k];
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
