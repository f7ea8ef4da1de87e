/**
 * What the plug-in information would be if labels said nothing (METHODS §2.5): I₀ = H(Z) − Σ (n_x/N) h(n_x), where h(c)
 * is the expected entropy of the mean of c positions drawn without replacement. Since such means are P on average,
 * H(Z) − h(c) = E KL(P_c ‖ P) =: k(c), exactly; k is what is drawn here, because it has no noise of first order in
 * P_c − P, which h has. k(1) = ceiling and k(N) = 0 are known; between, k(c)/(1/c − 1/N) varies slowly and is
 * interpolated in ln c, and kept at its last value above 1,024.
 *
 * Memory: 4·4096·m bytes for the reservoir, 2·300·1024 for the draws, which all layers share.
 */
import { random } from "../numeric/random.ts";
import { loops } from "./chance-loops.ts";
import type { LabelCounts } from "./labels.ts";

const RESERVOIR = 4096;
const WALKS = 300;
const LONGEST = 1024;
/** The first steps of every walk are cut into as many means of c as fit: small c, where most labels are, get more draws. */
const SHORT = 64;
const DENSE = 16;
const RATIO = 1.25;

/** Where means are taken: made once, the same for all layers. */
export interface ChanceDraws {
  /** rows of the reservoir */
  readonly rows: Uint32Array;
  /** [300, length] places in the reservoir, each walk without replacement */
  readonly walks: Uint16Array;
  readonly length: number;
  /** sizes c > 1 at which k is drawn, ascending; all below the number of positions */
  readonly sizes: readonly number[];
}

/**
 * Draws the sums that groups of rows would have whose labels mean nothing.
 * @param rows the positions, as rows in the tables of assignments
 */
export function chanceDraws(rows: Uint32Array, seed: number): ChanceDraws {
  const stream = random(seed, "chance", rows.length);
  const reservoir = partialShuffle(Uint32Array.from(rows), Math.min(RESERVOIR, rows.length), stream).slice();
  const length = Math.min(LONGEST, rows.length);
  const walks = new Uint16Array(WALKS * length);
  const places = Uint16Array.from({ length: reservoir.length }, (_, place) => place);
  for (let walk = 0; walk < WALKS; walk++) walks.set(partialShuffle(places, length, stream), walk * length);

  const sizes: number[] = [];
  for (let size = 2; size <= Math.min(LONGEST, rows.length - 1); ) {
    sizes.push(size);
    size = size < DENSE || size === LONGEST ? size + 1 : Math.min(LONGEST, Math.round(size * RATIO));
  }
  return { rows: reservoir, walks, length, sizes };
}

/** Brings a random sample to the front and returns it (Fisher–Yates, stopped early). */
function partialShuffle<A extends Uint32Array | Uint16Array>(
  items: A,
  count: number,
  stream: { below(n: number): number },
): A {
  for (let i = 0; i < count; i++) {
    const j = i + stream.below(items.length - i);
    const held = items[i];
    items[i] = items[j];
    items[j] = held;
  }
  return items.subarray(0, count) as A;
}

/**
 * k(c) at every size of the draws, in nats, summed over these bins.
 * @param fixed [N, bins] assignments in fixed point
 * @param mean [bins] P
 * @param alone without WebAssembly
 */
export function chanceInformation(
  fixed: Uint32Array,
  bins: number,
  mean: Float64Array,
  draws: ChanceDraws,
  alone = false,
): Float64Array {
  const { rows, walks, length, sizes } = draws;
  const short = Math.min(SHORT, length);
  const { reservoir, prefix, sums, inverse, stride, addPlaces, divergences, divergence } = loops(
    { rows: rows.length, bins, short },
    alone,
  );
  rows.forEach((row, place) => {
    reservoir.set(fixed.subarray(row * bins, (row + 1) * bins), place * stride);
  });
  mean.forEach((value, b) => {
    inverse[b] = value > 0 ? 1 / value : 0;
  });

  const totals = new Float64Array(sizes.length);
  // Sums of the first steps of a walk, from which those of any stretch of them follow exactly: all are integers.
  for (let walk = 0; walk < walks.length; walk += length) {
    for (let step = 0; step < short; step++) {
      addNext(prefix, step * stride, reservoir, walks[walk + step] * stride, stride);
    }
    sums.set(prefix.subarray(short * stride));
    for (let c = 0, step = short; c < sizes.length; c++) {
      const size = sizes[c];
      if (size <= short) {
        totals[c] = divergences(totals[c], size);
      } else {
        addPlaces(walks.subarray(walk + step, walk + size));
        step = size;
        totals[c] += divergence(size);
      }
    }
  }
  return totals.map((total, c) => total / (WALKS * Math.max(1, Math.floor(short / sizes[c]))));
}

/** Makes the row of sums below this one: this one and a row more. */
function addNext(sums: Float64Array, from: number, rows: Uint32Array, row: number, bins: number): void {
  for (let b = 0; b < bins; b++) sums[from + bins + b] = sums[from + b] + rows[row + b];
}

/**
 * I₀ of one order's labels, in nats.
 * @param positions N
 * @param ceiling k(1) = H(Z) − mean H(p)
 * @param drawn k at `sizes`
 */
export function expectedInformation(
  counts: LabelCounts,
  positions: number,
  ceiling: number,
  sizes: readonly number[],
  drawn: ArrayLike<number>,
): number {
  const room = (size: number): number => 1 / size - 1 / positions;
  const slopes = [ceiling / room(1), ...sizes.map((size, c) => drawn[c] / room(size))];
  const knots = [1, ...sizes];
  let total = 0;
  let above = 0;
  for (const [size, labels] of counts.bySize) {
    while (above < knots.length && knots[above] < size) above++;
    let slope = slopes[Math.min(above, knots.length - 1)];
    if (above > 0 && above < knots.length) {
      const weight = Math.log(size / knots[above - 1]) / Math.log(knots[above] / knots[above - 1]);
      slope = slopes[above - 1] + weight * (slopes[above] - slopes[above - 1]);
    }
    total += (labels * size * slope * room(size)) / positions;
  }
  return total;
}
