/**
 * The information-bottleneck frontier of the corpus itself (METHODS §2.7 b, c): X the current token, Y the next; the
 * most that any encoder p(t|x) found keeps of Y at a given I(X;T), by the self-consistent equations of Tishby, Pereira
 * & Bialek (1999) on a smoothed joint of the fitted pairs, read off on the evaluated ones. Which pairs those are, and
 * the layers' distance to the curve, is for others.
 *
 * The search is reverse annealing and needs no chance: it starts with every symbol t on one token of its own, at
 * nearly hard assignments, and lets β fall; symbols whose p(y|t) become one are merged, until a single one is left.
 * Slopes dI(Y;T)/dI(X;T) = 1/β are visited in equal steps, each warm-started from the last, so the chord between
 * neighbouring optima lies below the curve by at most a quarter of SLOPE_STEP times their distance in complexity. What
 * is reported is the upper hull of all points found, chosen on the fitted curve alone: a chord is an encoder too, the
 * mixture of its ends. Local optima remain: an inner bound.
 *
 * With C classes (K and the rest), T symbols and n distinct pairs, one iteration is 2·n·T multiply-adds, C·T logarithms
 * and C·T exponentials; about a thousand iterations in all, at falling T. Memory: 24·C·T + 12·n bytes,
 * and 8 a pair while they are counted.
 */
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";

/** Consecutive tokens, pair i is (x[i], y[i]); for METHODS §2.7 at the layers' positions, so that (x, y) = (i, i+1). */
export interface LabelPairs {
  readonly x: Int32Array;
  readonly y: Int32Array;
}

export interface FrontierOptions {
  /** K: most frequent values of X, and of Y, kept apart; the others are one class. Default 512 */
  readonly vocabulary?: number;
  /** most symbols t of an encoder. Default 128 */
  readonly clusters?: number;
  /** strength of the smoothing of p(y|x) towards p(y), in pairs; above zero. Default 16 */
  readonly kappa?: number;
}

/** Bits. From (0, 0) to the encoder T = X, complexity ascending; `fitted` is concave, `expressivity` need not be. */
export interface FrontierPoint {
  /** I(X;T) on the fitted joint */
  readonly complexity: number;
  /** I(Y;T) held out: mean over evaluated pairs of Σ_t p(t|x) log2( p(y|t) / p(y) ) */
  readonly expressivity: number;
  /** I(Y;T) on the fitted joint */
  readonly fitted: number;
}

/** As `profile/plane.ts` publishes it, without the seconds. */
export interface CorpusFrontier {
  /** values of X that were kept apart: K, or fewer where there are fewer */
  readonly vocabulary: number;
  readonly clusters: number;
  readonly kappa: number;
  readonly points: FrontierPoint[];
  /** held-out I(X;Y) in bits, where the frontier ends */
  readonly limit: number;
}

const SLOPE_STEP = 0.02;
/** 1/β at which the annealing is over: no code is worth its bits where β < 1, and ten times that leaves room for rounding. */
const STEEPEST = 10;
/** Of the free energy, in nats, below which an iteration ends a step of β. */
const SMALL_CHANGE = 2e-5;
const MOST_ITERATIONS = 100;
/** Symbols rarer than this are dropped. */
const EMPTY = 1e-7;
/** Symbols are one where E_y (ln p(y|t) − ln p(y|t′))² is below this; uniting them costs a small part of that, in nats. */
const SAME = 1e-4;

/**
 * Finds the best codes of a text's own tokens: what they keep of one, and know of the next.
 * @param fitted pairs the joint is estimated from
 * @param evaluated pairs of other units, never fitted
 * @throws LossyscopeError `input` for empty or unequal columns, `usage` for options out of range
 */
export function corpusFrontier(
  fitted: LabelPairs,
  evaluated: LabelPairs,
  options: FrontierOptions = {},
): CorpusFrontier {
  const steps = frontierSteps(fitted, evaluated, options);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** `corpusFrontier` one step of the annealing at a time: it takes seconds, and a caller may breathe, or stop, in between. */
export function* frontierSteps(
  fitted: LabelPairs,
  evaluated: LabelPairs,
  options: FrontierOptions = {},
): Generator<void, CorpusFrontier> {
  const { vocabulary = 512, clusters = 128, kappa = 16 } = options;
  for (const [name, { x, y }] of [
    ["fitted", fitted],
    ["evaluated", evaluated],
  ] as const) {
    if (x.length === 0 || x.length !== y.length) {
      throw new LossyscopeError("input", `the frontier got ${x.length} ${name} values of X and ${y.length} of Y`);
    }
  }
  if (!(vocabulary >= 1 && clusters >= 1 && kappa > 0 && kappa < Infinity)) {
    throw new LossyscopeError(
      "usage",
      `a frontier over ${count(vocabulary)} tokens, ${clusters} clusters and κ = ${kappa} is not defined`,
      "all three must be above zero, and κ finite",
    );
  }
  const xClass = classes(fitted.x, vocabulary);
  const yClass = classes(fitted.y, vocabulary);
  const joint = smoothedJoint(countPairs(fitted, xClass, yClass), xClass.count, yClass.count, kappa);
  const held = countPairs(evaluated, xClass, yClass);

  const whole = identity(joint, held);
  const found = [{ complexity: 0, expressivity: 0, fitted: 0 }, whole];
  const encoder = new Encoder(joint, clusters);
  for (let slope = SLOPE_STEP; encoder.symbols > 1; slope += SLOPE_STEP) {
    if (slope > STEEPEST) {
      const left = `${encoder.symbols} symbols are left at β = ${(1 / slope).toFixed(2)}`;
      throw new LossyscopeError(
        "usage",
        `the frontier does not close with κ = ${kappa} (${left})`,
        "take κ nearer to 16",
      );
    }
    encoder.relax(1 / slope);
    encoder.merge();
    if (encoder.symbols > 1) found.push(encoder.point(held));
    yield;
  }
  const points = upperHull(found).map(({ complexity, expressivity, fitted }) => ({
    complexity: complexity / Math.LN2,
    expressivity: expressivity / Math.LN2,
    fitted: fitted / Math.LN2,
  }));
  return { vocabulary: xClass.count - 1, clusters, kappa, points, limit: whole.expressivity / Math.LN2 };
}

/**
 * The frontier's held-out expressivity, bits, at a complexity in bits (a share of ln m times log2 m): linear between points (the mixture of the two
 * encoders reaches exactly that), flat beyond the last.
 */
export function frontierAt(points: readonly FrontierPoint[], complexity: number): number {
  const next = points.findIndex((point) => point.complexity >= complexity);
  if (next === -1) return points[points.length - 1].expressivity;
  if (next === 0) return points[0].expressivity;
  const [a, b] = [points[next - 1], points[next]];
  const share = (complexity - a.complexity) / (b.complexity - a.complexity);
  return a.expressivity + share * (b.expressivity - a.expressivity);
}

/** The `most` most frequent values (ties: the smaller value) as classes 0.., any other value as class count − 1. */
interface Classes {
  readonly count: number;
  of(value: number): number;
}

function classes(values: Int32Array, most: number): Classes {
  const times = new Map<number, number>();
  for (const value of values) times.set(value, (times.get(value) ?? 0) + 1);
  const kept = [...times].sort(([a, m], [b, n]) => n - m || a - b).slice(0, most);
  const index = new Map(kept.map(([value], at) => [value, at]));
  return { count: kept.length + 1, of: (value) => index.get(value) ?? kept.length };
}

/** Pairs of classes that occur, row by row: pairs of x are `start[x]..start[x+1]`, ascending in `y`. */
interface PairCounts {
  readonly start: Int32Array;
  readonly y: Int32Array;
  readonly times: Float64Array;
  readonly total: number;
}

function countPairs(pairs: LabelPairs, xClass: Classes, yClass: Classes): PairCounts {
  const width = yClass.count;
  const cells = Float64Array.from(pairs.x, (x, i) => xClass.of(x) * width + yClass.of(pairs.y[i])).sort();
  const start = new Int32Array(xClass.count + 1);
  const y: number[] = [];
  const times: number[] = [];
  for (let i = 0; i < cells.length; ) {
    const first = i;
    while (i < cells.length && cells[i] === cells[first]) i++;
    y.push(cells[first] % width);
    times.push(i - first);
    start[Math.floor(cells[first] / width) + 1]++;
  }
  for (let x = 0; x < xClass.count; x++) start[x + 1] += start[x];
  return { start, y: Int32Array.from(y), times: Float64Array.from(times), total: cells.length };
}

/**
 * p(x)·p(y|x) with p(y|x) = (n_xy + κ b(y)) / (n_x + κ) = weight_xy + rest_x · b(y): a sparse part and a multiple of
 * the base b. Both marginals are mixed with 1/(N+1) of uniform, as q_0 is (METHODS §2.4), so that no class, the rest
 * included, has probability zero.
 */
interface Joint {
  readonly counts: PairCounts;
  /** p(x) [Cx] */
  readonly px: Float64Array;
  /** of every pair that occurs */
  readonly weight: Float64Array;
  /** κ / (n_x + κ) [Cx] */
  readonly rest: Float64Array;
  /** b(y) [Cy] */
  readonly base: Float64Array;
  /** the joint's own marginal p(y) [Cy], which differs from b only by the smoothing */
  readonly py: Float64Array;
}

function smoothedJoint(counts: PairCounts, width: number, height: number, kappa: number): Joint {
  const { start, y, times, total } = counts;
  const nx = new Float64Array(width);
  const base = new Float64Array(height).fill(1 / height);
  const weight = times.slice();
  for (let x = 0; x < width; x++) {
    for (let k = start[x]; k < start[x + 1]; k++) {
      nx[x] += times[k];
      base[y[k]] += times[k];
    }
    for (let k = start[x]; k < start[x + 1]; k++) weight[k] /= nx[x] + kappa;
  }
  for (let v = 0; v < height; v++) base[v] /= total + 1;
  const px = nx.map((n) => (n + 1 / width) / (total + 1));
  const rest = nx.map((n) => kappa / (n + kappa));
  const py = new Float64Array(height);
  let spread = 0;
  for (let x = 0; x < width; x++) {
    for (let k = start[x]; k < start[x + 1]; k++) py[y[k]] += px[x] * weight[k];
    spread += px[x] * rest[x];
  }
  for (let v = 0; v < height; v++) py[v] += spread * base[v];
  return { counts, px, weight, rest, base, py };
}

/** KL( p(y|x) ‖ p(y) ) of every x, nats. */
function divergences(joint: Joint): Float64Array {
  const { counts, weight, rest, base, py } = joint;
  const row = new Float64Array(py.length);
  return joint.px.map((_, x) => {
    for (let y = 0; y < row.length; y++) row[y] = rest[x] * base[y];
    for (let k = counts.start[x]; k < counts.start[x + 1]; k++) row[counts.y[k]] += weight[k];
    let divergence = 0;
    for (let y = 0; y < row.length; y++) divergence += row[y] * Math.log(row[y] / py[y]);
    return divergence;
  });
}

/** The encoder T = X: H(X), the held-out and the fitted I(X;Y), nats. */
function identity(joint: Joint, held: PairCounts): FrontierPoint {
  const { counts, px, weight, rest, base, py } = joint;
  let expressivity = 0;
  const row = new Float64Array(py.length);
  for (let x = 0; x < px.length; x++) {
    for (let k = counts.start[x]; k < counts.start[x + 1]; k++) row[counts.y[k]] = weight[k];
    for (let k = held.start[x]; k < held.start[x + 1]; k++) {
      const y = held.y[k];
      expressivity += held.times[k] * Math.log((row[y] + rest[x] * base[y]) / py[y]);
    }
    for (let k = counts.start[x]; k < counts.start[x + 1]; k++) row[counts.y[k]] = 0;
  }
  return {
    complexity: px.reduce((entropy, p) => entropy - p * Math.log(p), 0),
    expressivity: expressivity / held.total,
    fitted: divergences(joint).reduce((total, divergence, x) => total + px[x] * divergence, 0),
  };
}

/** p(t|x) with the p(t) and p(y|t) it implies; the last two are kept in step by `decode`. */
class Encoder {
  symbols: number;
  /** p(t|x) [Cx, T] */
  #assigned: Float64Array;
  /** p(t) [T] */
  #pt: Float64Array;
  /** ln p(y|t) [Cy, T] */
  #log: Float64Array;
  readonly #joint: Joint;

  /** One symbol each for the tokens that say most about what follows, p(x)·KL(p(y|x)‖p(y)); the others undecided. */
  constructor(joint: Joint, clusters: number) {
    const size = joint.px.length;
    this.#joint = joint;
    this.symbols = Math.min(clusters, size);
    this.#assigned = new Float64Array(size * this.symbols).fill(1 / this.symbols);
    const telling = divergences(joint).map((divergence, x) => joint.px[x] * divergence);
    const ranked = [...telling.keys()].sort((a, b) => telling[b] - telling[a] || a - b);
    for (let t = 0; t < this.symbols; t++) {
      const row = ranked[t] * this.symbols;
      this.#assigned.fill(0, row, row + this.symbols);
      this.#assigned[row + t] = 1;
    }
    this.#pt = new Float64Array(this.symbols);
    this.#log = new Float64Array(joint.py.length * this.symbols);
    this.#decode();
  }

  /** Iterates the self-consistent equations at β until the free energy hardly moves. */
  relax(beta: number): void {
    let last = -Infinity;
    for (let i = 0; i < MOST_ITERATIONS; i++) {
      const energy = this.#encode(beta);
      this.#decode();
      if (energy - last < SMALL_CHANGE) return;
      last = energy;
    }
  }

  /** p(t) and ln p(y|t) from p(t|x): p(y|t) = Σ_x p(x) p(t|x) p(y|x) / p(t). */
  #decode(): void {
    const { counts, px, weight, rest, base } = this.#joint;
    const T = this.symbols;
    const q = this.#assigned;
    const pt = this.#pt.fill(0);
    const log = this.#log.fill(0);
    const spread = new Float64Array(T);
    for (let x = 0; x < px.length; x++) {
      const row = x * T;
      for (let t = 0; t < T; t++) {
        const mass = px[x] * q[row + t];
        pt[t] += mass;
        spread[t] += mass * rest[x];
      }
      for (let k = counts.start[x]; k < counts.start[x + 1]; k++) {
        const mass = px[x] * weight[k];
        const to = counts.y[k] * T;
        for (let t = 0; t < T; t++) log[to + t] += mass * q[row + t];
      }
    }
    for (let y = 0; y < base.length; y++) {
      const row = y * T;
      // A symbol that died has p(y|t) = 0 here: ln 0 gives it no assignment ever again, and `merge` drops it.
      for (let t = 0; t < T; t++)
        log[row + t] = pt[t] > 0 ? Math.log((log[row + t] + spread[t] * base[y]) / pt[t]) : -Infinity;
    }
  }

  /**
   * p(t|x) ∝ p(t) exp( β Σ_y p(y|x) ln p(y|t) ), the KL of the equations less what does not depend on t.
   * @returns Σ_x p(x) ln Z_x, the negative free energy up to a constant: no iteration lowers it
   */
  #encode(beta: number): number {
    const { counts, px, weight, rest, base } = this.#joint;
    const T = this.symbols;
    const q = this.#assigned;
    const log = this.#log;
    const logPt = this.#pt.map(Math.log);
    const baseLog = new Float64Array(T);
    for (let y = 0; y < base.length; y++) for (let t = 0; t < T; t++) baseLog[t] += base[y] * log[y * T + t];
    const score = new Float64Array(T);
    let energy = 0;
    for (let x = 0; x < px.length; x++) {
      for (let t = 0; t < T; t++) score[t] = rest[x] * baseLog[t];
      for (let k = counts.start[x]; k < counts.start[x + 1]; k++) {
        const share = weight[k];
        const from = counts.y[k] * T;
        for (let t = 0; t < T; t++) score[t] += share * log[from + t];
      }
      let largest = -Infinity;
      for (let t = 0; t < T; t++) {
        score[t] = logPt[t] + beta * score[t];
        if (score[t] > largest) largest = score[t];
      }
      const row = x * T;
      let z = 0;
      for (let t = 0; t < T; t++) z += q[row + t] = Math.exp(score[t] - largest);
      for (let t = 0; t < T; t++) q[row + t] /= z;
      energy += px[x] * (largest + Math.log(z));
    }
    return energy;
  }

  /** Drops symbols that died and unites those that say the same of Y. */
  merge(): void {
    const T = this.symbols;
    const kept: number[] = [];
    const into = Int32Array.from({ length: T }, (_, t) => {
      if (this.#pt[t] < EMPTY) return -1;
      const same = kept.findIndex((other) => this.#distance(t, other) < SAME);
      return same === -1 ? kept.push(t) - 1 : same;
    });
    if (kept.length === T) return;
    const size = this.#joint.px.length;
    const merged = new Float64Array(size * kept.length);
    for (let x = 0; x < size; x++) {
      const row = merged.subarray(x * kept.length, (x + 1) * kept.length);
      for (let t = 0; t < T; t++) if (into[t] >= 0) row[into[t]] += this.#assigned[x * T + t];
      const mass = row.reduce((total, share) => total + share, 0);
      for (let t = 0; t < row.length; t++) row[t] /= mass;
    }
    this.symbols = kept.length;
    this.#assigned = merged;
    this.#pt = new Float64Array(this.symbols);
    this.#log = new Float64Array(this.#joint.py.length * this.symbols);
    this.#decode();
  }

  /** E_y (ln p(y|a) − ln p(y|b))², or anything above SAME once that is passed. */
  #distance(a: number, b: number): number {
    const { py } = this.#joint;
    let distance = 0;
    for (let y = 0; y < py.length && distance < SAME; y++) {
      const row = y * this.symbols;
      distance += py[y] * (this.#log[row + a] - this.#log[row + b]) ** 2;
    }
    return distance;
  }

  /** I(X;T), I(Y;T) held out and fitted, nats. After `merge`. */
  point(held: PairCounts): FrontierPoint {
    const { px, py } = this.#joint;
    const T = this.symbols;
    let complexity = 0;
    for (let x = 0; x < px.length; x++) {
      for (let t = 0; t < T; t++) {
        const share = this.#assigned[x * T + t];
        if (share > 0) complexity += px[x] * share * Math.log(share / this.#pt[t]);
      }
    }
    const logPy = py.map(Math.log);
    let fitted = 0;
    for (let y = 0; y < py.length; y++) {
      for (let t = 0; t < T; t++) {
        const log = this.#log[y * T + t];
        fitted += this.#pt[t] * Math.exp(log) * (log - logPy[y]);
      }
    }
    let expressivity = 0;
    for (let x = 0; x < px.length; x++) {
      for (let k = held.start[x]; k < held.start[x + 1]; k++) {
        const y = held.y[k];
        let gain = 0;
        for (let t = 0; t < T; t++) gain += this.#assigned[x * T + t] * (this.#log[y * T + t] - logPy[y]);
        expressivity += held.times[k] * gain;
      }
    }
    return { complexity, expressivity: expressivity / held.total, fitted };
  }
}

/** The points on the upper hull of (complexity, fitted), complexity and fitted ascending. */
function upperHull(found: readonly FrontierPoint[]): FrontierPoint[] {
  const hull: FrontierPoint[] = [];
  for (const point of found.toSorted((a, b) => a.complexity - b.complexity || b.fitted - a.fitted)) {
    while (hull.length >= 2) {
      const [a, b] = hull.slice(-2);
      const turn =
        (b.fitted - a.fitted) * (point.complexity - a.complexity) -
        (point.fitted - a.fitted) * (b.complexity - a.complexity);
      if (turn > 0) break;
      hull.pop();
    }
    const last = hull.at(-1);
    if (!last || (point.fitted > last.fitted && point.complexity > last.complexity)) hull.push(point);
  }
  return hull;
}
