/**
 * The byte ledger: what belongs to which stretch of a text, added so that nothing is lost, and the figures that put a
 * code length beside the size of what computes it (METHODS §1, §1.1). Where the stretches are cut, and what their error
 * bars are, is for others.
 */
import { sum } from "../numeric/sums.ts";

/** Above this share of the bytes, repairs make a figure no code length (METHODS §1 Repairs). */
const MOST_REPAIRED = 0.001;

/**
 * Code points by stretch of text; one belongs to the stretch that its first byte lies in.
 * @param ends [stretches] UTF-8 byte ends, non-decreasing; what lies past the last one belongs to none
 * @returns [stretches]
 */
export function charactersIn(text: string, ends: ArrayLike<number>): Float64Array {
  const characters = new Float64Array(ends.length);
  let byte = 0;
  let stretch = 0;
  for (let i = 0; i < text.length; i++) {
    while (stretch < ends.length && byte >= ends[stretch]) stretch++;
    if (stretch === ends.length) break;
    characters[stretch]++;
    const point = text.codePointAt(i)!;
    byte += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (point >= 0x10000) i++;
  }
  return characters;
}

/**
 * Sums of consecutive stretches of `values`, each compensated: independent of how the values came together.
 * @param ends [stretches] ends of the stretches in `values`, non-decreasing
 * @returns [stretches]
 */
export function sumsIn(values: Float32Array | Float64Array, ends: ArrayLike<number>): Float64Array {
  return Float64Array.from(ends, (end, i) => sum(values.subarray(i === 0 ? 0 : ends[i - 1], end)));
}

/** Whether so few bytes had to be repaired that the bits still are those of a code. */
export function isCodeLength(repairedBytes: number, bytes: number): boolean {
  return repairedBytes <= MOST_REPAIRED * bytes;
}

/** Model and code together, in bits per bit of text: (8·weights + bits) / (8·text), arXiv 2309.10668. */
export function adjustedRate(weightBytes: number, bits: number, textBytes: number): number {
  return (8 * weightBytes + bits) / (8 * textBytes);
}

/**
 * The size n of text at which model and code are as small as a baseline's code: 8·weights + bpb·n = bpb_b·n.
 * @returns n in bytes, null where the model never gets there
 */
export function breakEvenBytes(weightBytes: number, bitsPerByte: number, baselineBitsPerByte: number): number | null {
  return bitsPerByte < baselineBitsPerByte ? (8 * weightBytes) / (baselineBitsPerByte - bitsPerByte) : null;
}
