/**
 * Linear separability (METHODS §3.1): multinomial logistic regression with an L2 penalty,
 *
 *   ½ ‖W‖² + C Σ_i −ln softmax(W x_i + b)[y_i],
 *
 * the intercept b free; of two classes W and b are one row, a score for the second against 0, as usual (two rows w/2 and −w/2
 * have half its penalty, and C is halved to make up for it). By L-BFGS (Nocedal 1980; Wright & Nocedal, alg. 7.4) with a backtracking line search. The problem is
 * strictly convex in W, so there is one answer to compare with anybody's. Rows may be given as any that have the same inner
 * products: the penalty does not see rotations, and the triangle of a Cholesky factor is at most n wide.
 */

export interface LogisticOptions {
  /** C: weight of the losses beside the penalty */
  readonly weight?: number;
  /** stops where no entry of the gradient, over C·n, is larger */
  readonly tolerance?: number;
  readonly iterations?: number;
}

/** W [classes, width], then b [classes]. */
export type Logistic = Float64Array;

/** Pairs of steps and gradients that L-BFGS looks back on. */
const MEMORY = 10;

/**
 * @param features row by row, `width` each
 * @param rows that are fitted
 * @param labels of all rows, below `classes`
 */
export function fitLogistic(
  features: Float64Array,
  width: number,
  rows: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  { weight: given = 1, tolerance = 1e-5, iterations = 300 }: LogisticOptions = {},
): Logistic {
  const weight = classes === 2 ? given / 2 : given;
  const size = classes * (width + 1);
  const scores = new Float64Array(classes);
  /** the objective over C·n, and its gradient */
  const evaluate = (at: Float64Array, gradient: Float64Array): number => {
    const scale = 1 / (weight * rows.length);
    let value = 0;
    for (let k = 0; k < classes * width; k++) {
      value += 0.5 * scale * at[k] * at[k];
      gradient[k] = scale * at[k];
    }
    gradient.fill(0, classes * width);
    for (let r = 0; r < rows.length; r++) {
      const from = rows[r] * width;
      scoresOf(at, features, from, width, classes, scores);
      value += softmaxLoss(scores, labels[rows[r]]) / rows.length;
      for (let c = 0; c < classes; c++) {
        const slope = (scores[c] - Number(c === labels[rows[r]])) / rows.length;
        gradient[classes * width + c] += slope;
        const row = c * width;
        for (let k = 0; k < width; k++) gradient[row + k] += slope * features[from + k];
      }
    }
    return value;
  };
  return minimise(evaluate, size, tolerance, iterations);
}

/** The class of the largest score; of equal ones the first. */
export function predictLogistic(
  model: Logistic,
  features: Float64Array,
  width: number,
  row: number,
  classes: number,
): number {
  const scores = new Float64Array(classes);
  scoresOf(model, features, row * width, width, classes, scores);
  return scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
}

function scoresOf(
  model: Logistic,
  features: Float64Array,
  from: number,
  width: number,
  classes: number,
  scores: Float64Array,
): void {
  for (let c = 0; c < classes; c++) {
    let score = model[classes * width + c];
    const row = c * width;
    for (let k = 0; k < width; k++) score += model[row + k] * features[from + k];
    scores[c] = score;
  }
}

/** Turns scores into their softmax. @returns −ln of the label's */
function softmaxLoss(scores: Float64Array, label: number): number {
  const top = scores.reduce((a, b) => Math.max(a, b));
  const own = scores[label];
  let mass = 0;
  for (let c = 0; c < scores.length; c++) mass += scores[c] = Math.exp(scores[c] - top);
  for (let c = 0; c < scores.length; c++) scores[c] /= mass;
  return top - own + Math.log(mass);
}

const dot = (a: Float64Array, b: Float64Array): number => {
  let total = 0;
  for (let k = 0; k < a.length; k++) total += a[k] * b[k];
  return total;
};

/** L-BFGS from 0. */
function minimise(
  evaluate: (at: Float64Array, gradient: Float64Array) => number,
  size: number,
  tolerance: number,
  iterations: number,
): Float64Array {
  let at = new Float64Array(size);
  let gradient = new Float64Array(size);
  let value = evaluate(at, gradient);
  const past: { step: Float64Array; change: Float64Array; curvature: number }[] = [];
  for (let turn = 0; turn < iterations; turn++) {
    if (gradient.every((entry) => Math.abs(entry) <= tolerance)) break;
    const direction = towards(gradient, past);
    const slope = dot(direction, gradient);
    let length = past.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1;
    let next = at;
    let nextGradient = gradient;
    let nextValue = value;
    let moved = false;
    for (let halving = 0; halving < 40 && !moved; halving++, length /= 2) {
      next = at.map((entry, k) => entry + length * direction[k]);
      nextGradient = new Float64Array(size);
      nextValue = evaluate(next, nextGradient);
      moved = nextValue <= value + 1e-4 * length * slope;
    }
    if (!moved) break;
    const step = next.map((entry, k) => entry - at[k]);
    const change = nextGradient.map((entry, k) => entry - gradient[k]);
    const curvature = dot(step, change);
    if (curvature > 0) past.push({ step, change, curvature });
    if (past.length > MEMORY) past.shift();
    const exhausted = value - nextValue <= 2 ** -52 * Math.abs(value);
    [at, gradient, value] = [next, nextGradient, nextValue];
    if (exhausted) break;
  }
  return at;
}

/** Minus the gradient times the inverse Hessian that the past steps imply. */
function towards(
  gradient: Float64Array,
  past: readonly { step: Float64Array; change: Float64Array; curvature: number }[],
): Float64Array {
  const q = gradient.slice();
  const shares = past.toReversed().map(({ step, change, curvature }) => {
    const share = dot(step, q) / curvature;
    for (let k = 0; k < q.length; k++) q[k] -= share * change[k];
    return share;
  });
  const last = past.at(-1);
  const scale = last ? last.curvature / dot(last.change, last.change) : 1;
  for (let k = 0; k < q.length; k++) q[k] *= scale;
  for (const [index, { step, change, curvature }] of past.entries()) {
    const back = dot(change, q) / curvature;
    const share = shares[past.length - 1 - index];
    for (let k = 0; k < q.length; k++) q[k] += (share - back) * step[k];
  }
  return q.map((entry) => -entry);
}

/**
 * Rows with the inner products of a Gram matrix: its Cholesky factor, columns taken by the largest pivot left, until that is
 * nothing beside the first.
 * @param gram [n, n], positive semi-definite
 * @returns [n, width] row by row
 */
export function factored(gram: Float64Array, n: number): { readonly features: Float64Array; readonly width: number } {
  const left = Float64Array.from({ length: n }, (_, i) => gram[i * n + i]);
  const columns: Float64Array[] = [];
  const first = left.reduce((a, b) => Math.max(a, b), 0);
  while (columns.length < n) {
    const largest = left.reduce((a, b) => Math.max(a, b), 0);
    if (!(largest > 1e-12 * first)) break;
    const pivot = left.indexOf(largest);
    const root = Math.sqrt(largest);
    const column = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let rest = gram[i * n + pivot];
      for (const before of columns) rest -= before[i] * before[pivot];
      column[i] = rest / root;
      left[i] -= column[i] * column[i];
    }
    left[pivot] = 0;
    columns.push(column);
  }
  const width = columns.length;
  return {
    width,
    features: Float64Array.from({ length: n * width }, (_, at) => columns[at % width][Math.floor(at / width)]),
  };
}
