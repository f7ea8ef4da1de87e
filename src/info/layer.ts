/**
 * All sums that the informations of one layer are made of (METHODS §2.3–2.5), from its soft assignments and the trees of
 * labels: H(Z), mean H(p), Σ (n_x/N)·H(P_x) for every order, and for every evaluated unit, order and κ the gain
 * Σ p_b ln(q_n(b)/q_0(b)) of the held-out rows. Each row is added once a tree, at its longest repeated label, and the
 * sums are folded upward; labels that occur once have the row's own entropy.
 *
 * Every figure here is a sum over bins, so that a table may hold any stretch of them and the results be added
 * (`addSums`): memory does not have to hold a whole layer.
 *
 * Memory for a stretch of w bins: 4·w bytes a row (the caller's table), 8 a row for entropies, 16·w for every label under
 * the most branched label of order 1 (`LabelTree.widest`), 8·7·levels for every evaluated unit.
 */
import { ONE } from "./assignment.ts";
import { type ChanceDraws, chanceInformation } from "./chance.ts";
import { ALONE, type LabelTree } from "./labels.ts";
import { entropyOfFixed, type LogarithmTable, logarithmTable } from "./logarithm.ts";

/** Strengths of the back-off that are tried (METHODS §2.4); beside them κ = ∞, whose gain is 0. */
export const KAPPAS = [1 / 4, 1, 4, 16, 64, 256] as const;
const K = KAPPAS.length;

/** A layer's assignments, or a stretch of their bins, in fixed point. */
export interface AssignmentTable {
  /** [rows, bins] */
  readonly fixed: Uint32Array;
  readonly bins: number;
  /** bins of the whole assignment */
  readonly m: number;
}

/** Positions that figures are taken over together, and the labels they carry; the same for all layers. */
export interface Population {
  /** the positions, as rows of the table */
  readonly rows: Uint32Array;
  /** by row of the table: its unit's place among the evaluated ones, negative where it is fitted */
  readonly place: Int32Array;
  readonly evaluatedUnits: number;
  readonly trees: readonly LabelTree[];
  /** null: no chance correction is wanted, and `null`, `excess` and `adjusted` are NaN */
  readonly chance: ChanceDraws | null;
}

export interface TreeSums {
  /** [levels] Σ (n_x/N)·H(P_x), nats */
  readonly conditional: Float64Array;
  /** [evaluated units, levels, KAPPAS] Σ over the unit's rows of Σ_b p_b ln(q_n(b)/q_0(b)), nats */
  readonly gains: Float64Array;
}

export interface LayerSums {
  /** H(Z), nats */
  entropy: number;
  /** mean H(p), nats */
  tokenEntropy: number;
  /** KL(mean evaluated p ‖ q_0), nats; 0 where nothing is evaluated */
  shift: number;
  /** k(c) at the sizes of the chance draws, nats */
  readonly chance: Float64Array;
  readonly trees: readonly TreeSums[];
}

/** Adds what another stretch of bins gave. */
export function addSums(to: LayerSums, from: LayerSums): void {
  to.entropy += from.entropy;
  to.tokenEntropy += from.tokenEntropy;
  to.shift += from.shift;
  addInto(to.chance, from.chance);
  to.trees.forEach((tree, t) => {
    addInto(tree.conditional, from.trees[t].conditional);
    addInto(tree.gains, from.trees[t].gains);
  });
}

function addInto(to: Float64Array, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] += from[i];
}

/**
 * How many times `layerSums` takes a row of each of these: once for entropies, and once for every tree.
 */
export const rowsTaken = (populations: readonly Population[]): number =>
  populations.reduce((total, { rows, trees }) => total + rows.length * (1 + trees.length), 0);

/**
 * Sums the assignments of one layer over a population.
 * @param onRows told how many rows were taken since it was told last, of `rowsTaken` in all
 */
export function layerSums(
  table: AssignmentTable,
  population: Population,
  onRows: (rows: number) => void = () => {},
): LayerSums {
  const { fixed, bins, m } = table;
  const { rows, place } = population;
  const fittedSum = new Float64Array(bins);
  const evaluatedSum = new Float64Array(bins);
  const rowEntropy = new Float64Array(place.length);
  let fitted = 0;
  let tokenEntropy = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const from = row * bins;
    const sum = place[row] < 0 ? fittedSum : evaluatedSum;
    if (place[row] < 0) fitted++;
    addRow(fixed, from, bins, sum, 0);
    tokenEntropy += rowEntropy[row] = entropyOfFixed(fixed, from, from + bins);
  }
  onRows(rows.length);
  const evaluated = rows.length - fitted;
  const mean = fittedSum.map((sum, b) => (sum + evaluatedSum[b]) / (ONE * rows.length));
  let entropy = 0;
  for (const p of mean) if (p > 0) entropy -= p * Math.log(p);

  // q_0: one observation of the uniform beside the fitted ones.
  const base = fittedSum.map((sum) => (sum / ONE + 1 / m) / (fitted + 1));
  let shift = 0;
  if (evaluated > 0) {
    evaluatedSum.forEach((sum, b) => {
      const p = sum / (ONE * evaluated);
      if (p > 0) shift += p * Math.log(p / base[b]);
    });
  }
  return {
    entropy,
    tokenEntropy: tokenEntropy / rows.length,
    shift,
    chance: population.chance ? chanceInformation(fixed, bins, mean, population.chance) : new Float64Array(0),
    trees: population.trees.map((tree) => treeSums(table, population, tree, rowEntropy, base, onRows)),
  };
}

// The loops below are functions of their own because the compiler of the runtime makes them twice as fast so.

/** Rows fetched together: as many as leave the processor's nearest cache room for the sums. */
const AHEAD = 16;
/** Rows of a tree between two words about them: a fraction of a second. */
const TOLD_ROWS = 2 ** 16;
/** words of a cache line */
const LINE = 16;
const seen = new Uint32Array(1);

/**
 * Touches one word of every cache line of the rows to come. They lie anywhere in the table, and waiting for memory for all
 * of them at once, instead of for one after the other, takes a third off the time of a layer.
 */
function fetchRows(fixed: Uint32Array, bins: number, rows: Uint32Array, from: number, to: number): void {
  let touched = 0;
  for (let i = from; i < to; i++) {
    const row = rows[i] * bins;
    for (let b = 0; b < bins; b += LINE) touched |= fixed[row + b];
  }
  seen[0] = touched; // a result that is used, or the compiler would leave the reading out
}

function addRow(fixed: Uint32Array, from: number, bins: number, sums: Float64Array, to: number): void {
  for (let b = 0; b < bins; b++) sums[to + b] += fixed[from + b];
}

function addSelf(sums: Float64Array, from: number, length: number, to: number): void {
  for (let b = 0; b < length; b++) sums[to + b] += sums[from + b];
}

/** Fitted and evaluated sums together. */
function addBoth(sums: Float64Array, from: number, bins: number, out: Float64Array): void {
  for (let b = 0; b < bins; b++) out[b] = sums[from + b] + sums[from + bins + b];
}

/** Entropy in nats of the table's values divided by `total`. */
function entropyOf(table: LogarithmTable, bins: number, total: number): number {
  table.run(bins);
  const { values, logarithms } = table;
  const log = Math.log(total);
  let entropy = 0;
  for (let b = 0; b < bins; b++) entropy -= values[b] * (logarithms[b] - log);
  return entropy / total;
}

function treeSums(
  { fixed, bins }: AssignmentTable,
  { place, evaluatedUnits }: Population,
  tree: LabelTree,
  rowEntropy: Float64Array,
  base: Float64Array,
  onRows: (rows: number) => void,
): TreeSums {
  const { levels, rows, leaf, start, end, fitted, parent, level } = tree;
  const conditional = new Float64Array(levels);
  const gains = new Float64Array(evaluatedUnits * levels * K);
  const stride = 2 * bins; // fitted sums, then evaluated sums
  const sums = new Float64Array(tree.widest * stride);
  const table = logarithmTable(bins);
  const backOff = new BackOff(bins, levels, base);
  let fetched = 0;
  let told = 0;

  for (let s = 0, root = 0; s < rows.length; ) {
    if (s - told >= TOLD_ROWS) {
      onRows(s - told);
      told = s;
    }
    if (leaf[s] === ALONE) {
      const own = rowEntropy[rows[s++]];
      for (let n = 0; n < levels; n++) conditional[n] += own;
      continue;
    }
    const stop = end[root];
    let next = root;
    while (next < start.length && start[next] < stop) next++;
    sums.fill(0, 0, (next - root) * stride);

    // Every row at its longest repeated label.
    for (let i = s; i < stop; i++) {
      if (i >= fetched) {
        fetchRows(fixed, bins, rows, i, Math.min(i + AHEAD, rows.length));
        fetched = i + AHEAD;
      }
      const row = rows[i];
      const node = leaf[i];
      const to = (node - root) * stride + (place[row] < 0 ? 0 : bins);
      addRow(fixed, row * bins, bins, sums, to);
      for (let n = level[node] + 1; n < levels; n++) conditional[n] += rowEntropy[row];
    }

    // Longer labels into the shorter ones they contain; their entropies on the way.
    for (let node = next - 1; node >= root; node--) {
      const from = (node - root) * stride;
      const size = end[node] - start[node];
      addBoth(sums, from, bins, table.values);
      conditional[level[node]] += size * entropyOf(table, bins, size * ONE);
      if (node > root) addSelf(sums, from, stride, (parent[node] - root) * stride);
    }

    // From the short labels to the long ones: what the fitted rows foretell of the evaluated ones.
    if (fitted[root] > 0 && fitted[root] < stop - s) {
      for (let i = s, node = root; i < stop; i++) {
        for (; node < next && start[node] === i; node++) {
          if (fitted[node] > 0 && fitted[node] < end[node] - start[node]) {
            backOff.enter(level[node], fitted[node], sums, (node - root) * stride);
          }
        }
        const row = rows[i];
        if (place[row] < 0) continue;
        let known = leaf[i];
        while (fitted[known] === 0) known = parent[known];
        backOff.gain(fixed, row * bins, level[known], gains, place[row] * levels * K);
      }
    }
    s = stop;
    root = next;
  }
  onRows(rows.length - told);
  for (let n = 0; n < levels; n++) conditional[n] /= rows.length;
  return { conditional, gains };
}

/**
 * ln(q_n/q_0) along one branch of the tree, for every κ at once: q_n = (n_x P_x + κ q_{n−1})/(n_x + κ), in terms of
 * r_n = q_n/q_0, r_{−1} = 1 at the root.
 */
class BackOff {
  readonly #bins: number;
  readonly #levels: number;
  readonly #inverse: Float64Array;
  /** [levels + 1, bins, K]; the first level is q_0 itself */
  readonly #ratios: Float64Array;
  /** [levels, bins, K] */
  readonly #logs: Float64Array;
  readonly #table;

  constructor(bins: number, levels: number, base: Float64Array) {
    this.#bins = bins;
    this.#levels = levels;
    this.#inverse = base.map((q) => 1 / (q * ONE));
    this.#ratios = new Float64Array((levels + 1) * bins * K).fill(1);
    this.#logs = new Float64Array(levels * bins * K);
    this.#table = logarithmTable(bins * K);
  }

  /** Goes to a label of this level, from the one a level shorter that was entered last. `sums[from…]`: its fitted sums. */
  enter(level: number, count: number, sums: Float64Array, from: number): void {
    const size = this.#bins * K;
    const ratios = this.#ratios;
    const { values, logarithms } = this.#table;
    const inverse = this.#inverse;
    const shorter = level * size;
    for (let b = 0, at = 0; b < this.#bins; b++) {
      const own = sums[from + b] * inverse[b];
      for (let k = 0; k < K; k++, at++) {
        values[at] = (own + KAPPAS[k] * ratios[shorter + at]) / (count + KAPPAS[k]);
      }
    }
    this.#table.run(size);
    ratios.set(values, shorter + size);
    this.#logs.set(logarithms, shorter);
  }

  /** Adds a row's gains at every level; levels beyond `known`, unseen in the fit, gain what `known` does. */
  gain(fixed: Uint32Array, row: number, known: number, gains: Float64Array, to: number): void {
    const logs = this.#logs;
    const end = row + this.#bins;
    for (let level = 0, at = 0; level <= known; level++) {
      let a = 0;
      let b = 0;
      let c = 0;
      let d = 0;
      let e = 0;
      let f = 0;
      for (let i = row; i < end; i++, at += K) {
        const p = fixed[i] / ONE;
        a += p * logs[at];
        b += p * logs[at + 1];
        c += p * logs[at + 2];
        d += p * logs[at + 3];
        e += p * logs[at + 4];
        f += p * logs[at + 5];
      }
      for (let n = level; n < (level < known ? level + 1 : this.#levels); n++) {
        const unit = to + n * K;
        gains[unit] += a;
        gains[unit + 1] += b;
        gains[unit + 2] += c;
        gains[unit + 3] += d;
        gains[unit + 4] += e;
        gains[unit + 5] += f;
      }
    }
  }
}
