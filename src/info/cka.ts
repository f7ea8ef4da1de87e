/**
 * How alike two models' layers see the same places of a text: linear CKA of every pair of layers (METHODS §12; Kornblith
 * et al. 2019) with the unbiased HSIC (Song et al. 2012, eq. 4; Nguyen et al. 2021). With K = X Xᵀ and L = Y Yᵀ of n rows,
 * their diagonals set to zero,
 *
 *   HSIC(K, L) · n(n−3) = tr K L + 1ᵀK1 · 1ᵀL1 / ((n−1)(n−2)) − 2/(n−2) · 1ᵀK L 1,
 *   CKA = HSIC(K, L) / √(HSIC(K, K) · HSIC(L, L)).
 *
 * The last two terms take O(n·d). The first is Σ_{i≠j} K_ij L_ij over samples, n²/2 · d multiply-adds a layer and n²/2 a
 * pair, or ‖XᵀY‖² − Σ ‖x_i‖²‖y_i‖² over features, n·d·d′ a pair: the cheaper one for the sizes at hand is taken
 * (`ckaCost`). HSIC does not change when all rows are shifted, so rows have their mean taken off first, which keeps the
 * terms from cancelling. All in float64.
 *
 * Time: about 2·10⁹ multiply-adds a second on one core. Memory: one layer's rows, in float64, over features two; over
 * samples K is made in square tiles, one tile of every layer of the first model kept: `TILE_BYTES` in all.
 */
import { LossyscopeError } from "../numeric/errors.ts";

/** The same rows of all layers of one model, read a part at a time. */
export interface LayeredStates {
  readonly layers: number;
  readonly width: number;
  /** rows [first, last) of a layer, row by row: (last − first) · width values */
  read(layer: number, first: number, last: number): Promise<Float32Array>;
}

type Shape = Pick<LayeredStates, "layers" | "width">;

const TILE_BYTES = 2 ** 27;
/** A variance below this share of the second moment is float32's rounding: the rows are all equal (METHODS §3). */
const ALL_EQUAL = 2 ** -20;
/** The unbiased HSIC divides by n − 3. */
export const FEWEST_ROWS = 4;

/** Multiply-adds of the first term for all pairs of layers and each layer with itself, in the cheaper of its two forms. */
export function ckaCost(a: Shape, b: Shape, rows: number): { form: "samples" | "features"; products: number } {
  const [across, down] = [a.layers * a.width, b.layers * b.width];
  const samples = (rows ** 2 / 2) * (across + down + a.layers * b.layers + a.layers + b.layers);
  const features = rows * (across * down + across * a.width + down * b.width);
  return samples <= features ? { form: "samples", products: samples } : { form: "features", products: features };
}

export interface CkaOptions {
  /** n, at least `FEWEST_ROWS` */
  readonly rows: number;
  /** default: the cheaper one */
  readonly form?: "samples" | "features";
  readonly signal?: AbortSignal;
  /** called as matrix products are done; `total` stays the same */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * @returns [a.layers][b.layers]; null where all rows of a layer are equal, or so near it that HSIC(K, K) is not positive.
 * Not held to [0, 1]: an unbiased estimate of nothing is below zero half of the time.
 * @throws LossyscopeError `input` for too few rows, `interrupted`
 */
export async function linearCka(
  a: LayeredStates,
  b: LayeredStates,
  { rows, form = ckaCost(a, b, rows).form, signal, onProgress }: CkaOptions,
): Promise<(number | null)[][]> {
  if (rows < FEWEST_ROWS) {
    throw new LossyscopeError("input", `${rows} rows are too few: the unbiased HSIC takes ${FEWEST_ROWS}`);
  }
  const sides = [await marginsOf(a, rows), await marginsOf(b, rows)] as const;
  const traces = form === "samples" ? overSamples : overFeatures;
  const { own, crossed } = await traces(a, b, sides, rows, (done, total) => {
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped while comparing layers");
    onProgress?.(done, total);
  });
  const self = sides.map((margins, side) => margins.map((one, layer) => hsic(own[side][layer], one, one)));
  return crossed.map((row, i) =>
    Array.from(row, (trace, j) => {
      const [one, other] = [sides[0][i], sides[1][j]];
      if (one.equal || other.equal || !(self[0][i] > 0) || !(self[1][j] > 0)) return null;
      return hsic(trace, one, other) / Math.sqrt(self[0][i] * self[1][j]);
    }),
  );
}

/**
 * Linear CKA of the same few rows as two Gram matrices have them: rows may be of texts and their translations, or of two models.
 * @param k @param l [n, n] inner products, `FEWEST_ROWS` rows or more
 * @returns null where HSIC(K, K) or HSIC(L, L) is not positive
 */
export function ckaOfGrams(k: Float64Array, l: Float64Array, n: number): number | null {
  const [a, b] = [withoutMeans(k, n), withoutMeans(l, n)];
  const sizes = dot(a, a) * dot(b, b);
  return sizes > 0 ? dot(a, b) / Math.sqrt(sizes) : null;
}

/**
 * How far CKA strays from 0 where the rows of one side are shuffled: the root of its mean square over all orders, whatever the
 * rows. Symmetric matrices with zero diagonals and rows that add up to zero are an irreducible representation of the
 * permutations, of n(n − 3)/2 dimensions, so that ⟨K, πLπᵀ⟩² is ‖K‖²‖L‖² over these in the mean (Schur's orthogonality);
 * its mean is 0.
 */
export const ckaByChance = (rows: number): number => Math.sqrt(2 / (rows * (rows - 3)));

/**
 * A Gram matrix U-centred (Székely & Rizzo 2014, eq. 3.2): without diagonal, every row adding up to zero. The inner product of
 * two of these is n(n−3) · HSIC.
 */
function withoutMeans(gram: Float64Array, n: number): Float64Array {
  const sums = Float64Array.from({ length: n }, (_, i) => {
    let own = -gram[i * n + i];
    for (let j = 0; j < n; j++) own += gram[i * n + j];
    return own;
  });
  const all = total(sums);
  return gram.map((entry, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return i === j ? 0 : entry - (sums[i] + sums[j]) / (n - 2) + all / ((n - 1) * (n - 2));
  });
}

/** What the last two terms of HSIC need of a layer. */
interface Margins {
  readonly mean: Float64Array;
  /** K1 [n], without the diagonal */
  readonly rowSums: Float64Array;
  /** diagonal of K [n] */
  readonly squares: Float64Array;
  /** whether all rows are equal */
  readonly equal: boolean;
}

/** n(n−3) · HSIC, which CKA divides by itself. @param trace tr K L without the diagonals */
function hsic(trace: number, k: Margins, l: Margins): number {
  const n = k.rowSums.length;
  return (
    trace + (total(k.rowSums) * total(l.rowSums)) / ((n - 1) * (n - 2)) - (2 / (n - 2)) * dot(k.rowSums, l.rowSums)
  );
}

async function marginsOf(states: LayeredStates, rows: number): Promise<Margins[]> {
  const found: Margins[] = [];
  for (let layer = 0; layer < states.layers; layer++) {
    found.push(margins(await states.read(layer, 0, rows), rows, states.width));
  }
  return found;
}

function margins(values: Float32Array, rows: number, width: number): Margins {
  const mean = new Float64Array(width);
  let moment = 0;
  for (let at = 0; at < values.length; at++) {
    mean[at % width] += values[at] / rows;
    moment += values[at] ** 2;
  }
  const x = centred(values, width, mean, rows);
  const sum = new Float64Array(width); // what rounding of the mean has left
  for (let at = 0; at < x.length; at++) sum[at % width] += x[at];
  const squares = new Float64Array(rows);
  const rowSums = squares.map((_, row) => {
    const own = x.subarray(row * width, (row + 1) * width);
    squares[row] = dot(own, own);
    return dot(own, sum) - squares[row];
  });
  return { mean, rowSums, squares, equal: !(total(squares) > ALL_EQUAL * moment) };
}

/** Rows less their mean, and rows of zeros up to `padded`. */
function centred(values: Float32Array, width: number, mean: Float64Array, padded: number): Float64Array {
  const x = new Float64Array(padded * width);
  for (let start = 0; start < values.length; start += width) {
    for (let k = 0; k < width; k++) x[start + k] = values[start + k] - mean[k];
  }
  return x;
}

/** tr K L, the diagonals left out. */
interface Traces {
  /** [2][layers]: of a layer with itself */
  readonly own: readonly [Float64Array, Float64Array];
  /** [a.layers][b.layers] */
  readonly crossed: readonly Float64Array[];
}

type Step = (done: number, total: number) => void;

const emptyTraces = (a: Shape, b: Shape): Traces => ({
  own: [new Float64Array(a.layers), new Float64Array(b.layers)],
  crossed: Array.from({ length: a.layers }, () => new Float64Array(b.layers)),
});

async function overSamples(
  a: LayeredStates,
  b: LayeredStates,
  sides: readonly [readonly Margins[], readonly Margins[]],
  rows: number,
  step: Step,
): Promise<Traces> {
  const traces = emptyTraces(a, b);
  const most = Math.floor(Math.sqrt(TILE_BYTES / 8 / a.layers));
  const strips = Math.ceil(rows / most);
  const edge = (strip: number): number => Math.round((strip * rows) / strips);
  const side = padded(Math.ceil(rows / strips));
  const kept = Array.from({ length: a.layers }, () => new Float64Array(side ** 2));
  const tile = new Float64Array(side ** 2);
  const tiles = ((strips * (strips + 1)) / 2) * (a.layers + b.layers);
  let done = 0;
  for (let i = 0; i < strips; i++) {
    for (let j = 0; j <= i; j++) {
      const fill = async (states: LayeredStates, layer: number, { mean }: Margins, out: Float64Array) => {
        step(done++, tiles);
        const read = async (strip: number) =>
          centred(await states.read(layer, edge(strip), edge(strip + 1)), states.width, mean, side);
        const x = await read(i);
        products(x, i === j ? x : await read(j), states.width, out, i === j);
        return 2 * dot(out, out); // the tile across the diagonal is the same
      };
      for (let p = 0; p < a.layers; p++) traces.own[0][p] += await fill(a, p, sides[0][p], kept[p]);
      for (let q = 0; q < b.layers; q++) {
        traces.own[1][q] += await fill(b, q, sides[1][q], tile);
        for (let p = 0; p < a.layers; p++) traces.crossed[p][q] += 2 * dot(kept[p], tile);
      }
    }
  }
  step(done, tiles);
  return traces;
}

async function overFeatures(
  a: LayeredStates,
  b: LayeredStates,
  sides: readonly [readonly Margins[], readonly Margins[]],
  rows: number,
  step: Step,
): Promise<Traces> {
  const traces = emptyTraces(a, b);
  const columns = async (states: LayeredStates, layer: number, { mean }: Margins): Promise<Float64Array> =>
    transposed(centred(await states.read(layer, 0, rows), states.width, mean, rows), states.width);
  const [across, down] = [padded(a.width), padded(b.width)];
  const out = new Float64Array(Math.max(across, down) ** 2);
  const trace = (x: Float64Array, y: Float64Array, k: Margins, l: Margins): number => {
    const product = out.subarray(0, (x.length / rows) * (y.length / rows));
    products(x, y, rows, product, false);
    return dot(product, product) - dot(k.squares, l.squares);
  };
  const pairs = a.layers * b.layers + a.layers + b.layers;
  let done = 0;
  for (let q = 0; q < b.layers; q++) {
    step(done++, pairs);
    const y = await columns(b, q, sides[1][q]);
    traces.own[1][q] = trace(y, y, sides[1][q], sides[1][q]);
  }
  for (let p = 0; p < a.layers; p++) {
    step(done++, pairs);
    const x = await columns(a, p, sides[0][p]);
    traces.own[0][p] = trace(x, x, sides[0][p], sides[0][p]);
    for (let q = 0; q < b.layers; q++) {
      step(done++, pairs);
      traces.crossed[p][q] = trace(x, await columns(b, q, sides[1][q]), sides[0][p], sides[1][q]);
    }
  }
  step(done, pairs);
  return traces;
}

/** Rows and columns of a product come in threes. */
const padded = (size: number): number => 3 * Math.ceil(size / 3);

/** [rows, width] → [padded(width), rows] */
function transposed(x: Float64Array, width: number): Float64Array {
  const rows = x.length / width;
  const columns = new Float64Array(padded(width) * rows);
  for (let row = 0, at = 0; row < rows; row++) for (let k = 0; k < width; k++, at++) columns[k * rows + row] = x[at];
  return columns;
}

/**
 * X Yᵀ, nine entries at a time: as many as the processor's registers hold. Both have a number of rows that three divides.
 * @param out [rows of x, rows of y]
 * @param below x and y are the same, and the diagonal and what is above it are to be zero
 */
function products(x: Float64Array, y: Float64Array, width: number, out: Float64Array, below: boolean): void {
  const [rows, columns] = [x.length / width, y.length / width];
  if (below) out.fill(0);
  for (let i = 0; i < rows; i += 3) {
    for (let j = 0; j < (below ? i + 3 : columns); j += 3) {
      const [i0, i1, i2] = [i * width, (i + 1) * width, (i + 2) * width];
      const [j0, j1, j2] = [j * width, (j + 1) * width, (j + 2) * width];
      let [s00, s01, s02, s10, s11, s12, s20, s21, s22] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
      for (let k = 0; k < width; k++) {
        const x0 = x[i0 + k];
        const x1 = x[i1 + k];
        const x2 = x[i2 + k];
        const y0 = y[j0 + k];
        const y1 = y[j1 + k];
        const y2 = y[j2 + k];
        s00 += x0 * y0;
        s01 += x0 * y1;
        s02 += x0 * y2;
        s10 += x1 * y0;
        s11 += x1 * y1;
        s12 += x1 * y2;
        s20 += x2 * y0;
        s21 += x2 * y1;
        s22 += x2 * y2;
      }
      const [o0, o1, o2] = [i * columns + j, (i + 1) * columns + j, (i + 2) * columns + j];
      const diagonal = below && i === j;
      out[o0] = diagonal ? 0 : s00;
      out[o0 + 1] = diagonal ? 0 : s01;
      out[o0 + 2] = diagonal ? 0 : s02;
      out[o1] = s10;
      out[o1 + 1] = diagonal ? 0 : s11;
      out[o1 + 2] = diagonal ? 0 : s12;
      out[o2] = s20;
      out[o2 + 1] = s21;
      out[o2 + 2] = diagonal ? 0 : s22;
    }
  }
}

/** Four sums beside each other, so that no addition waits for the one before. */
function dot(x: Float64Array, y: Float64Array): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < x.length; i += 4) {
    s0 += x[i] * y[i];
    s1 += x[i + 1] * y[i + 1];
    s2 += x[i + 2] * y[i + 2];
    s3 += x[i + 3] * y[i + 3];
  }
  for (; i < x.length; i++) s0 += x[i] * y[i];
  return s0 + s1 + (s2 + s3);
}

const total = (values: Float64Array): number => values.reduce((all, value) => all + value, 0);
