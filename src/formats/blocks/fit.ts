/**
 * Scales for stretches of values that become small integers, by least squares: for each of some trial scales the integers
 * follow, and for these the scale that leaves the least squared error, in closed form; the best is kept. ggml weighs errors
 * by the size of the values; here every value counts alike.
 */

/** Trials: the plain scale, and so many on either side of it, up to nearly a code more or less at the far end. */
const TRIALS = 4;
const FAR = 0.9;

export interface Affine {
  scale: number;
  /** not negative */
  minimum: number;
}

/** Where float64 has no fractions: what is added and taken away again is rounded to a whole number, ties to even. */
const WHOLE = 1.5 * 2 ** 52;

/** The nearest whole number, of sizes below 2^51: three times as fast as `Math.round`. */
export const nearest = (x: number): number => x + WHOLE - WHOLE;

export const clamped = (q: number, least: number, most: number): number => (q < least ? least : q > most ? most : q);

/**
 * The scale of `length` values from `from` on, of either sign: the side of the largest value has one code more.
 * @returns 0 where all values are 0
 */
export function symmetricScale(values: Float32Array, from: number, length: number, middle: number): number {
  let extreme = 0;
  for (let i = from; i < from + length; i++) if (Math.abs(values[i]) > Math.abs(extreme)) extreme = values[i];
  if (extreme === 0) return 0;
  let best = -1;
  let scale = 0;
  for (let trial = -TRIALS; trial <= TRIALS; trial++) {
    const inverse = -(middle + (trial * FAR) / TRIALS) / extreme;
    let product = 0;
    let squares = 0;
    for (let i = from; i < from + length; i++) {
      const x = values[i];
      const q = clamped(nearest(inverse * x), -middle, middle - 1);
      product += x * q;
      squares += q * q;
    }
    // What is left of Σx² is less by product²/squares.
    if (squares > 0 && product * product > best * squares) {
      best = (product * product) / squares;
      scale = product / squares;
    }
  }
  return scale;
}

/** Scale and minimum of `length` values from `from` on, for codes 0 … most. */
export function affineFit(values: Float32Array, from: number, length: number, most: number, found: Affine): void {
  let low = 0;
  let high = values[from];
  let total = 0;
  for (let i = from; i < from + length; i++) {
    const x = values[i];
    if (x < low) low = x;
    if (x > high) high = x;
    total += x;
  }
  found.scale = 0;
  found.minimum = -low;
  if (high <= low) return;
  let best = -Infinity;
  for (let trial = -TRIALS; trial <= TRIALS; trial++) {
    const inverse = (most + (trial * FAR) / TRIALS) / (high - low);
    let codes = 0;
    let squares = 0;
    let product = 0;
    for (let i = from; i < from + length; i++) {
      const x = values[i];
      const q = clamped(nearest(inverse * (x - low)), 0, most);
      codes += q;
      squares += q * q;
      product += x * q;
    }
    const determinant = length * squares - codes * codes;
    if (squares === 0) continue;
    let scale = (length * product - codes * total) / determinant;
    let offset = (squares * total - codes * product) / determinant;
    // Where all codes are the same one the two say the same, and the scale is enough.
    if (determinant <= 0 || offset > 0) {
      offset = 0;
      scale = product / squares;
    }
    const explained = scale * product + offset * total;
    if (scale > 0 && explained > best) {
      best = explained;
      found.scale = scale;
      found.minimum = -offset;
      // Later trials start from where the better one does.
      low = offset;
    }
  }
}
