/**
 * Round to nearest (METHODS §7.1): groups of a row share a scale of float16, and where asked for a zero point of as many
 * bits as the codes. Symmetric: scale = 2·max|x| / (2^b − 1), codes −2^(b−1) … 2^(b−1) − 1, the far end clipped.
 * Asymmetric: scale = (max − min) / (2^b − 1) over a range that has 0 in it, so that 0 stays 0. The scale is rounded before
 * codes are taken, to the nearest, ties to even; compressed-tensors' rule but for its scales, which keep the model's type.
 */
import { nearest } from "../formats/blocks/fit.ts";
import { halfBits, halfTable } from "../formats/halves.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type Matrix, type Squeezed, type Stored, sizeOf } from "./matrix.ts";

export interface Rounding {
  readonly bits: number;
  /** values of a row that share a scale; null: all of a row */
  readonly group: number | null;
  readonly symmetric: boolean;
}

/** What rounding makes of a matrix before it is packed: codes from 0 on, and what they mean. */
export interface Rounded {
  /** [rows, columns] */
  readonly codes: Uint8Array;
  /** [rows, columns / group] bit patterns of float16 */
  readonly scales: Uint16Array;
  /** [rows, columns / group] codes of the value 0; null where it is the middle */
  readonly zeros: Uint8Array | null;
  /** what the codes stand for */
  readonly values: Float32Array;
}

/** @throws LossyscopeError `usage` where groups do not divide a row; `model` where a scale is beyond float16 */
export function rounded({ rows, columns, values }: Matrix, { bits, group, symmetric }: Rounding): Rounded {
  const size = group ?? columns;
  if (columns % size !== 0)
    throw new LossyscopeError(
      "usage",
      `groups of ${count(size)} do not divide rows of ${count(columns)}`,
      "choose a size that does, or whole rows",
    );
  const most = 2 ** bits - 1;
  const middle = 2 ** (bits - 1);
  const halves = halfTable();
  const groups = (rows * columns) / size;
  const codes = new Uint8Array(values.length);
  const scales = new Uint16Array(groups);
  const zeros = symmetric ? null : new Uint8Array(groups);
  const result = new Float32Array(values.length);
  for (let index = 0, from = 0; index < groups; index++, from += size) {
    let low = 0;
    let high = 0;
    for (let i = from; i < from + size; i++) {
      const x = values[i];
      if (x < low) low = x;
      else if (x > high) high = x;
    }
    const range = symmetric ? 2 * Math.max(high, -low) : high - low;
    const half = halfBits(range / most);
    if (half >= 0x7c00)
      throw new LossyscopeError(
        "model",
        `a scale of ${range / most} is beyond float16, whose largest number is 65,504`,
        "keep the matrix as it is",
      );
    scales[index] = half;
    const scale = halves[half];
    const inverse = scale === 0 ? 0 : 1 / scale;
    let zero = middle;
    if (zeros) {
      zero = Math.min(nearest(-low * inverse), most);
      zeros[index] = zero;
    }
    for (let i = from; i < from + size; i++) {
      let code = nearest(values[i] * inverse) + zero;
      if (code < 0) code = 0;
      else if (code > most) code = most;
      codes[i] = code;
      result[i] = scale * (code - zero);
    }
  }
  return { codes, scales, zeros, values: result };
}

/** @throws LossyscopeError as `rounded` */
export function roundToNearest(matrix: Matrix, rounding: Rounding): Squeezed {
  const { codes, scales, zeros, values } = rounded(matrix, rounding);
  const { bits } = rounding;
  const stored: Stored[] = [
    { kind: "codes", bits, codes },
    { kind: "values", dtype: "F16", bytes: new Uint8Array(scales.buffer) },
    ...(zeros ? [{ kind: "codes", bits, codes: zeros } as const] : []),
  ];
  return { values, ...sizeOf(stored) };
}
