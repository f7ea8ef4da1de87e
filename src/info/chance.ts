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
import { ONE } from "./assignment.ts";
import type { LabelCounts } from "./labels.ts";
import { naturalLog } from "./logarithm.ts";

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
 */
export function chanceInformation(
  fixed: Uint32Array,
  bins: number,
  mean: Float64Array,
  draws: ChanceDraws,
): Float64Array {
  const { rows, walks, length, sizes } = draws;
  const reservoir = new Uint32Array(rows.length * bins);
  rows.forEach((row, place) => {
    reservoir.set(fixed.subarray(row * bins, (row + 1) * bins), place * bins);
  });
  const inverse = mean.map((value) => (value > 0 ? 1 / value : 0));

  const totals = new Float64Array(sizes.length);
  const short = Math.min(SHORT, length);
  // Sums of the first steps of a walk, from which those of any stretch of them follow exactly: all are integers.
  const prefix = new Float64Array((short + 1) * bins);
  const sums = new Float64Array(bins);
  for (let walk = 0; walk < walks.length; walk += length) {
    for (let step = 0; step < short; step++) {
      addNext(prefix, step * bins, reservoir, walks[walk + step] * bins, bins);
    }
    sums.set(prefix.subarray(short * bins));
    for (let c = 0, step = short; c < sizes.length; c++) {
      const size = sizes[c];
      if (size <= short) {
        totals[c] = addDivergences(totals[c], prefix, short, size, inverse);
      } else {
        addRows(sums, reservoir, walks, walk + step, walk + size);
        step = size;
        totals[c] += divergence(sums, size, inverse);
      }
    }
  }
  return totals.map((total, c) => total / (WALKS * Math.max(1, Math.floor(short / sizes[c]))));
}

// As in `layer.ts`: loops in functions of their own are twice as fast.

/** Makes the row of sums below this one: this one and a row more. */
function addNext(sums: Float64Array, from: number, rows: Uint32Array, row: number, bins: number): void {
  for (let b = 0; b < bins; b++) sums[from + bins + b] = sums[from + b] + rows[row + b];
}

/** Adds the rows at some of the places. Four together: the sums are read and written once for them. */
function addRows(sums: Float64Array, rows: Uint32Array, places: Uint16Array, from: number, to: number): void {
  const bins = sums.length;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    addFour(sums, rows, places[at] * bins, places[at + 1] * bins, places[at + 2] * bins, places[at + 3] * bins);
  }
  for (; at < to; at++) {
    for (let b = 0, row = places[at] * bins; b < bins; b++) sums[b] += rows[row + b];
  }
}

function addFour(sums: Float64Array, rows: Uint32Array, r0: number, r1: number, r2: number, r3: number): void {
  for (let b = 0; b < sums.length; b++) sums[b] += rows[r0 + b] + rows[r1 + b] + (rows[r2 + b] + rows[r3 + b]);
}

/** Adds the divergences of all stretches of so many steps that a walk's first ones are cut into. */
function addDivergences(to: number, prefix: Float64Array, steps: number, size: number, inverse: Float64Array): number {
  const bins = inverse.length;
  const scale = 1 / (size * ONE);
  let all = to;
  for (let from = 0; from + size <= steps; from += size) {
    const below = from * bins;
    const above = (from + size) * bins;
    let total = 0;
    for (let b = 0; b < bins; b++) {
      const sum = prefix[above + b] - prefix[below + b];
      total += sum * naturalLog(sum * scale * inverse[b]);
    }
    all += total * scale;
  }
  return all;
}

/** KL, in nats, of the mean of `size` rows against P. */
function divergence(sums: Float64Array, size: number, inverse: Float64Array): number {
  const scale = 1 / (size * ONE);
  let total = 0;
  for (let b = 0; b < sums.length; b++) total += sums[b] * naturalLog(sums[b] * scale * inverse[b]);
  return total * scale;
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
