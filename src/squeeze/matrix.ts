/**
 * A matrix on its way to fewer bits: values, and what they come to when they are stored. Everything in this room is pure and
 * knows one matrix at a time; which matrices a model has is `models/matrices.ts`'s, what runs them `engines/`'s.
 */
import { codedCounts, entropyBits, hasFields } from "../formats/coded.ts";
import type { Dtype } from "../formats/tensor-types.ts";
import { sum } from "../numeric/sums.ts";

/** [rows, columns], row-major: a row is what makes one output, a column what one input is weighed by. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** A stretch of what is stored: whole numbers of so many bits each, or values of a type. */
export type Stored =
  | { readonly kind: "codes"; readonly bits: number; readonly codes: Uint8Array }
  | { readonly kind: "values"; readonly dtype: Dtype; readonly bytes: Uint8Array };

export interface Size {
  /** as stored */
  readonly bytes: number;
  /** entropy-coded (METHODS §1.2), not rounded */
  readonly coded: number;
}

/** What a matrix has become: the values that its stored form stands for, and that form's size. */
export interface Squeezed extends Size {
  readonly values: Float32Array;
}

/** Codes are packed without gaps; the last byte of a stretch may be. */
export function sizeOf(stored: readonly Stored[]): Size {
  const sizes = stored.map((part): Size => {
    if (part.kind === "codes") {
      const counts = new Float64Array(256);
      for (let i = 0; i < part.codes.length; i++) counts[part.codes[i]]++;
      return { bytes: Math.ceil((part.codes.length * part.bits) / 8), coded: entropyBits(counts) / 8 };
    }
    const { dtype, bytes } = part;
    if (!hasFields(dtype)) return { bytes: bytes.length, coded: bytes.length };
    const counts = codedCounts(dtype);
    counts.add(bytes);
    return { bytes: bytes.length, coded: counts.bits() / 8 };
  });
  return { bytes: sum(sizes.map(({ bytes }) => bytes)), coded: sum(sizes.map(({ coded }) => coded)) };
}

/** Types that what is left of a matrix is stored in; other types' values are kept in float16. */
export type Kept = "F32" | "F16" | "BF16";
export const keptAs = (dtype: Dtype): Kept => (dtype === "F32" || dtype === "BF16" ? dtype : "F16");
