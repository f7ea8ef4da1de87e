/** What of some points of rate and distortion no other beats in both (METHODS §7.3), and the yardstick beside them (§7.4). */

export interface RatePoint {
  readonly rate: number;
  /** null: not known, which beats nothing */
  readonly distortion: number | null;
}

/** @returns the points that no other beats, by rate, falling; of equals the first */
export function undominated<P extends RatePoint>(points: readonly P[]): P[] {
  const known = points.filter(({ distortion }) => distortion !== null);
  const rising = [...known].sort((a, b) => a.rate - b.rate || a.distortion! - b.distortion!);
  const kept: P[] = [];
  let least = Infinity;
  for (const point of rising) {
    if (point.distortion! >= least) continue;
    least = point.distortion!;
    kept.push(point);
  }
  return kept.reverse();
}

/**
 * D(R) of independent Gaussian components by reverse water-filling (Cover & Thomas, theorem 10.3.3): a component of variance
 * v takes ½·log2(v/θ) bits where v is above the water θ, and is left out where it is not.
 * @param variances with how many components have each
 * @returns the least error over the whole variance at so many bits a component
 */
export function gaussianBound(
  variances: readonly { readonly variance: number; readonly components: number }[],
  bits: number,
): number {
  const total = variances.reduce((sum, { variance, components }) => sum + variance * components, 0);
  const count = variances.reduce((sum, { components }) => sum + components, 0);
  if (total === 0 || count === 0) return 0;
  const most = variances.reduce((largest, { variance }) => Math.max(largest, variance), 0);
  const rateAt = (water: number): number =>
    variances.reduce(
      (sum, { variance, components }) => sum + (variance > water ? (components * Math.log2(variance / water)) / 2 : 0),
      0,
    ) / count;
  // The rate falls as the water rises: bisection of its logarithm.
  let [low, high] = [Math.log2(most) - 2 * bits - 120, Math.log2(most)];
  for (let step = 0; step < 200; step++) {
    const middle = (low + high) / 2;
    if (rateAt(2 ** middle) > bits) low = middle;
    else high = middle;
  }
  const water = 2 ** high;
  return variances.reduce((sum, { variance, components }) => sum + components * Math.min(variance, water), 0) / total;
}
