/**
 * How concepts lie to each other (METHODS §3.1): directions and their angles, a hierarchy of them, analogies, and two
 * configurations of the same concepts laid over each other. All from inner products, so that nothing depends on a basis.
 */
import { symmetricEigen } from "../../numeric/eigen.ts";

/**
 * Inner products of the concepts' directions: of each its mean less the mean of all means.
 * @param gram [n, n] of the rows
 * @param labels [n] below `count`, each of them in use
 * @returns [count, count]
 */
export function directionGram(gram: Float64Array, labels: ArrayLike<number>, count: number): Float64Array {
  return centredGram(meansGram(gram, labels, count), count);
}

/** Inner products of the concepts' means, [count, count]. */
export function meansGram(gram: Float64Array, labels: ArrayLike<number>, count: number): Float64Array {
  const n = labels.length;
  const sizes = new Float64Array(count);
  for (let i = 0; i < n; i++) sizes[labels[i]]++;
  const sums = new Float64Array(count * count);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sums[labels[i] * count + labels[j]] += gram[i * n + j];
  return sums.map((total, at) => total / (sizes[Math.floor(at / count)] * sizes[at % count]));
}

/** A Gram matrix of rows less their mean. */
export function centredGram(gram: Float64Array, count: number): Float64Array {
  const means = Float64Array.from({ length: count }, (_, i) => {
    let total = 0;
    for (let j = 0; j < count; j++) total += gram[i * count + j];
    return total / count;
  });
  const overall = means.reduce((a, b) => a + b, 0) / count;
  return gram.map((entry, at) => entry - means[Math.floor(at / count)] - means[at % count] + overall);
}

/** Mean |cos| over all pairs of rows of a Gram matrix of unit rows, [count, count] cosines. */
export function meanSize(cosines: Float64Array, count: number): number {
  let total = 0;
  for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) total += Math.abs(cosines[i * count + j]);
  return total / ((count * (count - 1)) / 2);
}

/**
 * Share of the concepts whose own parent is the nearest one. A parent lies at the mean of its other concepts' means, whoever
 * is asked being left out; near is a large cosine of directions. Only concepts of parents that have two or more take part.
 * @param means [count, count] inner products of the concepts' directions
 * @param parents [count]; below 0: none
 * @returns null where fewer than two parents have two concepts
 */
export function hierarchy(means: Float64Array, parents: ArrayLike<number>, count: number): number | null {
  const members = new Map<number, number[]>();
  for (let concept = 0; concept < count; concept++) {
    if (parents[concept] < 0) continue;
    const own = members.get(parents[concept]) ?? [];
    members.set(parents[concept], own);
    own.push(concept);
  }
  const families = [...members.values()].filter((own) => own.length > 1);
  if (families.length < 2) return null;
  let right = 0;
  let asked = 0;
  for (const own of families) {
    for (const concept of own) {
      const near = (group: readonly number[]): number => {
        let along = 0;
        let square = 0;
        for (const i of group) {
          along += means[concept * count + i];
          for (const j of group) square += means[i * count + j];
        }
        return square > 0 ? along / Math.sqrt(square) : 0;
      };
      const home = near(own.filter((one) => one !== concept));
      right += Number(families.every((other) => other === own || near(other) < home));
      asked++;
    }
  }
  return right / asked;
}

/** Two rows that stand for each other, as a country and its capital. */
export type Pair = readonly [from: number, to: number];

/**
 * 3CosAdd (Mikolov et al. 2013; Levy & Goldberg 2014) over all ordered pairs of pairs (a : b, c : d): the share of them where
 * d has the largest cos(x, b) − cos(x, a) + cos(x, c) of all rows but a, b and c.
 * @param cosines [n, n]
 */
export function analogies(cosines: Float64Array, n: number, pairs: readonly Pair[]): number {
  let right = 0;
  const ahead = new Float64Array(n);
  for (const [a, b] of pairs) {
    for (let x = 0; x < n; x++) ahead[x] = cosines[x * n + b] - cosines[x * n + a];
    for (const [c, d] of pairs) {
      if (a === c) continue;
      const goal = ahead[d] + cosines[d * n + c];
      let best = true;
      for (let x = 0; x < n && best; x++)
        best = x === d || x === a || x === b || x === c || ahead[x] + cosines[x * n + c] < goal;
      right += Number(best);
    }
  }
  return right / (pairs.length * (pairs.length - 1));
}

/** One configuration laid over another. */
export interface Superposed {
  /** what is left: 1 − (Σ singular values of AᵀB)², A and B centred and of norm 1; 0 where the two have one shape */
  readonly disparity: number;
  /** [count, count] inner products of what is left of each row, of trace `disparity` */
  readonly left: Float64Array;
}

/**
 * Lays configurations over one: turned, mirrored and scaled onto it as well as can be (Schönemann & Carroll 1970). Directions
 * that have no counterpart in the other one stay where they are.
 * @param a [count, count] Gram matrix of centred rows
 * @returns null, as what lays another one over it, of a width of its own, is, where a configuration is a single point
 */
export function superposing(a: Float64Array, count: number): ((b: Float64Array) => Superposed | null) | null {
  const size = traceOf(a, count);
  if (!(size > 0)) return null;
  const unit = a.map((entry) => entry / size);
  const { values, vectors } = symmetricEigen(lowerTriangle(unit, count), count);
  const root = spectral(vectors, values, (value) => Math.sqrt(Math.max(0, value)), count);
  return (given) => {
    const other = traceOf(given, count);
    if (!(other > 0)) return null;
    const b = given.map((entry) => entry / other);
    // With rows √K_a and √K_b, (AᵀB)(AᵀB)ᵀ = √K_a K_b √K_a has the squares of the singular values of AᵀB.
    const turned = multiplied(multiplied(root, b, count), root, count);
    const { values: squares, vectors: along } = symmetricEigen(lowerTriangle(turned, count), count);
    // What rounding leaves of a zero has a root that is not small.
    const nothing = 2 ** -50 * count * squares[0];
    const singular = squares.map((square) => (square > nothing ? Math.sqrt(square) : 0));
    const nuclear = singular.reduce((total, value) => total + value, 0);
    // Row by row A (B Q)ᵀ, Q the turn that fits best: √K_a (√K_a K_b √K_a)^−½ √K_a K_b.
    const inverse = spectral(along, singular, (value) => (value > 0 ? 1 / value : 0), count);
    const crossed = multiplied(multiplied(root, multiplied(inverse, root, count), count), b, count);
    const left = unit.map((entry, at) => {
      const [i, j] = [Math.floor(at / count), at % count];
      return entry + nuclear ** 2 * b[at] - nuclear * (crossed[i * count + j] + crossed[j * count + i]);
    });
    return { disparity: Math.max(0, 1 - nuclear ** 2), left };
  };
}

/** The disparity of two configurations, as `superposing` finds it. */
export const procrustes = (a: Float64Array, b: Float64Array, count: number): number | null =>
  superposing(a, count)?.(b)?.disparity ?? null;

function traceOf(gram: Float64Array, count: number): number {
  let trace = 0;
  for (let i = 0; i < count; i++) trace += gram[i * count + i];
  return trace;
}

/** V f(Λ) Vᵀ. @param vectors one after the other */
function spectral(
  vectors: Float64Array,
  values: Float64Array,
  f: (value: number) => number,
  count: number,
): Float64Array {
  const made = new Float64Array(count * count);
  for (let k = 0; k < count; k++) {
    const scale = f(values[k]);
    if (scale === 0) continue;
    for (let i = 0; i < count; i++)
      for (let j = 0; j < count; j++) made[i * count + j] += vectors[k * count + i] * scale * vectors[k * count + j];
  }
  return made;
}

/** As `symmetricEigen` takes a matrix [n, n]. */
function lowerTriangle(matrix: Float64Array, n: number): Float64Array {
  const lower = new Float64Array((n * (n + 1)) / 2);
  for (let i = 0, at = 0; i < n; i++) for (let j = 0; j <= i; j++, at++) lower[at] = matrix[i * n + j];
  return lower;
}

function multiplied(a: Float64Array, b: Float64Array, count: number): Float64Array {
  const product = new Float64Array(count * count);
  for (let i = 0; i < count; i++)
    for (let k = 0; k < count; k++)
      for (let j = 0; j < count; j++) product[i * count + j] += a[i * count + k] * b[k * count + j];
  return product;
}

/** A Gram matrix with its rows and columns in another order. */
export const reordered = (gram: Float64Array, order: readonly number[]): Float64Array =>
  Float64Array.from({ length: gram.length }, (_, at) => {
    const count = order.length;
    return gram[order[Math.floor(at / count)] * count + order[at % count]];
  });

/**
 * Places of centred rows along their first principal directions, signs by the largest place being positive.
 * @param gram [count, count] of the centred rows
 * @returns places [count, axes] and the share of variance along each
 */
export function principalPlaces(
  gram: Float64Array,
  count: number,
  axes = 2,
): { readonly places: number[][]; readonly shares: number[] } {
  const { values, vectors } = symmetricEigen(lowerTriangle(gram, count), count);
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  const along = Array.from({ length: axes }, (_, axis) => {
    const value = axis < count ? Math.max(0, values[axis]) : 0;
    const column = Array.from({ length: count }, (_, i) =>
      axis < count ? vectors[axis * count + i] * Math.sqrt(value) : 0,
    );
    const furthest = column.reduce((most, one) => (Math.abs(one) > Math.abs(most) ? one : most), 0);
    return furthest < 0 ? column.map((one) => -one) : column;
  });
  return {
    places: Array.from({ length: count }, (_, i) => along.map((column) => column[i])),
    shares: along.map((_, axis) => (total > 0 && axis < count ? Math.max(0, values[axis]) / total : 0)),
  };
}
