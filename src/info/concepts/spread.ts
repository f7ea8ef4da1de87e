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

/** The least share of the units whose contributions are half of all; null where nothing contributes. */
export function halfShare(contributions: ArrayLike<number>): number | null {
  const falling = Float64Array.from(contributions).sort().reverse();
  const total = falling.reduce((sum, one) => sum + one, 0);
  if (!(total > 0)) return null;
  let carried = 0;
  let units = 0;
  while (carried < total / 2) carried += falling[units++];
  return units / falling.length;
}

/** The k units that contribute most, the largest first; of equal ones the lower index. */
export function topUnits(contributions: ArrayLike<number>, k: number): Int32Array {
  const order = Int32Array.from({ length: contributions.length }, (_, j) => j);
  order.sort((i, j) => contributions[j] - contributions[i] || i - j);
  return order.slice(0, k);
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
