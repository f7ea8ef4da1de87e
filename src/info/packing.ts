/**
 * How full of directions an embedding matrix is (METHODS §3): the largest and the 99.9th-percentile |cosine| between
 * its rows, against the Welch bound (1974), below which no arrangement can bring the largest, and against random unit
 * vectors; and the nearest rows of given ones.
 *
 * All pairs are taken where that is cheap, else all pairs of a seeded sample of rows with every other row. Random unit
 * vectors need no drawing: the cosine of two has density ∝ (1 − c²)^((d−3)/2), so the percentile is exact, and the
 * largest of as many pairs is given by its median, 1 − P(|c| > x) = 2^(−1/pairs) (pairs of random vectors are pairwise
 * independent, and in their extremes behave as if independent altogether: Cai, Fan & Jiang 2013).
 *
 * Time: at most about 2^31 multiply-adds, or four rows against all. Memory: 1 MB and 12 bytes a row beyond the matrix.
 */
import { random } from "../numeric/random.ts";

export interface Packing {
  /** rows that are not zero; the others have no direction */
  readonly vectors: number;
  readonly width: number;
  readonly largest: number;
  readonly percentile999: number;
  readonly random: { readonly largest: number; readonly percentile999: number };
  /** √((V − d) / (d (V − 1))), 0 where V ≤ d */
  readonly welch: number;
  /** null: all pairs */
  readonly sampledPairs: number | null;
}

export interface Neighbour {
  readonly id: number;
  readonly cosine: number;
}

/** Multiply-adds worth spending: a second or two. */
export const PACKED = 2 ** 31;
/** Sampled rows that go through the matrix together. */
const TOGETHER = 4;
/** Resolution of the percentile. */
const BINS = 2 ** 17;
const RARE = 0.001;

/**
 * How tightly the rows of an embedding are packed, by direction.
 * @param matrix [V,d] row by row
 * @returns null where fewer than two rows have a direction
 */
export function packing(matrix: Float32Array, d: number, seed: number, budget = PACKED): Packing | null {
  const steps = packingSteps(matrix, d, seed, budget);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** `packing` a few rows at a time: it takes seconds, and a caller may breathe, or stop, in between. Yields the share done. */
export function* packingSteps(
  matrix: Float32Array,
  d: number,
  seed: number,
  budget = PACKED,
): Generator<number, Packing | null> {
  const inverse = inverseNorms(matrix, d);
  const rows = Int32Array.from(inverse.keys()).filter((row) => inverse[row] > 0);
  const vectors = rows.length;
  if (vectors < 2) return null;
  const affordable = Math.max(TOGETHER, Math.floor(budget / (vectors * d)));
  const whole = vectors <= 2 * affordable;
  // Sampled rows come first; each is paired with every row after it, so that no pair counts twice.
  if (!whole) random(seed, "packing", vectors, d).shuffle(rows);
  const sampled = whole ? vectors - 1 : affordable;
  const pairs = sampled * vectors - (sampled * (sampled + 1)) / 2;

  const histogram = new Float64Array(BINS);
  let largest = 0;
  const count = (dot: number, scale: number) => {
    const cosine = Math.min(1, Math.abs(dot) * scale);
    if (cosine > largest) largest = cosine;
    histogram[Math.min(BINS - 1, Math.floor(cosine * BINS))]++;
  };
  const own = new Float64Array(TOGETHER * d);
  const dots = new Float64Array(2 * TOGETHER);
  for (let first = 0; first < sampled; first += TOGETHER) {
    const held = Math.min(TOGETHER, sampled - first);
    for (let k = 0; k < held; k++) own.set(matrix.subarray(rows[first + k] * d, (rows[first + k] + 1) * d), k * d);
    for (let at = first + 1; at < vectors; at += 2) {
      const beside = Math.min(at + 1, vectors - 1);
      products(own, matrix, rows[at] * d, rows[beside] * d, dots);
      for (let other = at; other <= beside; other++) {
        for (let k = 0; k < held && first + k < other; k++) {
          count(dots[(other - at) * TOGETHER + k], inverse[rows[other]] * inverse[rows[first + k]]);
        }
      }
    }
    yield (first + held) / sampled;
  }
  return {
    vectors,
    width: d,
    largest,
    percentile999: Math.min(largest, upperQuantile(histogram, RARE * pairs)),
    random: {
      largest: randomCosine(-Math.expm1(-Math.LN2 / pairs), d),
      percentile999: randomCosine(RARE, d),
    },
    welch: vectors > d ? Math.sqrt((vectors - d) / (d * (vectors - 1))) : 0,
    sampledPairs: whole ? null : pairs,
  };
}

/**
 * The products of four rows with two others, whose first entries are at `x` and `y`: eight sums that wait for none of the
 * others, and six numbers read for them.
 * @param own [4, d]
 * @param dots [2, 4]
 */
function products(own: Float64Array, matrix: Float32Array, x: number, y: number, dots: Float64Array): void {
  const d = own.length / TOGETHER;
  let xa = 0;
  let xb = 0;
  let xc = 0;
  let xe = 0;
  let ya = 0;
  let yb = 0;
  let yc = 0;
  let ye = 0;
  for (let k = 0; k < d; k++) {
    const inX = matrix[x + k];
    const inY = matrix[y + k];
    const a = own[k];
    xa += inX * a;
    ya += inY * a;
    const b = own[d + k];
    xb += inX * b;
    yb += inY * b;
    const c = own[2 * d + k];
    xc += inX * c;
    yc += inY * c;
    const e = own[3 * d + k];
    xe += inX * e;
    ye += inY * e;
  }
  dots.set([xa, xb, xc, xe, ya, yb, yc, ye]);
}

/**
 * The k rows of largest cosine with each of the given rows, itself and rows without direction left out, by exact scan.
 * @param matrix [V,d] row by row
 * @returns one list a given row, nearest first (ties: the smaller id); empty for a row without direction
 */
export function nearestRows(matrix: Float32Array, d: number, rows: readonly number[], k: number): Neighbour[][] {
  const inverse = inverseNorms(matrix, d);
  return rows.map((row) => {
    const nearest: Neighbour[] = [];
    if (inverse[row] === 0) return nearest;
    for (let id = 0; id < inverse.length; id++) {
      if (id === row || inverse[id] === 0) continue;
      let dot = 0;
      for (let i = 0; i < d; i++) dot += matrix[row * d + i] * matrix[id * d + i];
      const cosine = Math.max(-1, Math.min(1, dot * inverse[row] * inverse[id]));
      if (nearest.length === k && cosine <= nearest[k - 1].cosine) continue;
      const place = nearest.findIndex((other) => other.cosine < cosine);
      nearest.splice(place === -1 ? nearest.length : place, 0, { id, cosine });
      if (nearest.length > k) nearest.pop();
    }
    return nearest;
  });
}

/** 1/‖row‖, 0 for a zero row. */
function inverseNorms(matrix: Float32Array, d: number): Float64Array {
  return Float64Array.from({ length: matrix.length / d }, (_, row) => {
    let square = 0;
    for (let k = row * d; k < (row + 1) * d; k++) square += matrix[k] * matrix[k];
    return square > 0 ? 1 / Math.sqrt(square) : 0;
  });
}

/** The value on [0, 1] above which `above` of the counted values lie, to within a bin. */
function upperQuantile(histogram: Float64Array, above: number): number {
  let passed = 0;
  for (let bin = histogram.length - 1; bin >= 0; bin--) {
    if (passed + histogram[bin] >= above) return (bin + 1 - (above - passed) / histogram[bin]) / histogram.length;
    passed += histogram[bin];
  }
  return 0;
}

/** The x with P(|cosine| > x) = `tail` for two random unit vectors of width d, by bisection. */
function randomCosine(tail: number, d: number): number {
  if (d === 1) return 1;
  let low = 0;
  let high = 1;
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (cosineTail(middle, d) > tail) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * P(|cosine| > x) = I_w(a, ½), w = 1 − x², a = (d − 1)/2: the series w^a (1−w)^½ / (a B(a,½)) Σ_k (a+½)_k/(a+1)_k w^k
 * (DLMF 8.17.8), all terms positive, with B(a,½) = 2 ∫₀^{π/2} cos^{d−2}.
 */
function cosineTail(x: number, d: number): number {
  const a = (d - 1) / 2;
  const w = 1 - x * x;
  let wallis = d % 2 === 0 ? Math.PI / 2 : 1;
  for (let n = d % 2 === 0 ? 2 : 3; n <= d - 2; n += 2) wallis *= (n - 1) / n;
  let term = 1;
  let series = 1;
  for (let k = 0; term > 1e-17 * series; k++) {
    term *= ((a + 0.5 + k) / (a + 1 + k)) * w;
    series += term;
  }
  return (Math.exp(a * Math.log1p(-x * x)) * x * series) / (a * 2 * wallis);
}
