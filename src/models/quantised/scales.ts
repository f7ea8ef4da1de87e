/**
 * Scales of a matrix, and the zero points beside them: one for all of it, for each row, for blocks, or for groups of a row's
 * columns. value = (code − zero) · scale: in float64, which holds both exactly, and rounded to float32 once.
 */
import { toFloat32 } from "../../formats/tensor-types.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import type { TensorSource } from "../sources/tensor-source.ts";

export interface Grid {
  /** of the matrix, that share a scale */
  readonly rowsEach: number;
  readonly columnsEach: number;
  /** [rows, columns] of the scales */
  readonly shape: readonly [rows: number, columns: number];
}

export interface Scales extends Grid {
  /** row-major */
  readonly values: Float32Array;
  /** as many; null: all zero */
  readonly zeros: Float32Array | null;
  /** group of every column, where groups are not stretches of them */
  readonly groupOf: Int32Array | null;
}

type Shape = readonly [rows: number, columns: number];

/** A scale for every `rowsEach` rows and `columnsEach` columns of a matrix, the last ones shorter where they do not divide it. */
export const gridOf = ([rows, columns]: Shape, rowsEach: number, columnsEach: number): Grid => ({
  rowsEach,
  columnsEach,
  shape: [Math.ceil(rows / rowsEach), Math.ceil(columns / columnsEach)],
});

/** Whether a tensor of scales is of this grid, its sizes of one left out or not. */
export function isOfGrid(shape: readonly number[], { shape: [rows, columns] }: Grid): boolean {
  if (shape.length === 2) return shape[0] === rows && shape[1] === columns;
  if (shape.length === 1) return columns === 1 && shape[0] === rows;
  return shape.length === 0 && rows === 1 && columns === 1;
}

/**
 * Float values of a whole tensor, all of which are numbers.
 * @throws LossyscopeError `model` naming the first that is none; `unsupported` for a type that holds no floats; `io`
 */
export async function finiteValues(source: TensorSource, name: string): Promise<Float32Array> {
  const { dtype, bytes } = source.locate(name)!;
  const values = toFloat32(dtype, await source.read(name, 0, bytes));
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new LossyscopeError(
      "model",
      `${name} holds ${shown(String(values[bad]))} at element ${count(bad)}, where scales have to be numbers`,
      "fetch or write the model again",
    );
  return values;
}

/**
 * Codes become values, in place.
 * @param codes of whole rows, row-major
 * @param from the first of the rows
 */
export function applyScales(codes: Float32Array, from: number, columns: number, scales: Scales): void {
  const { values, zeros, groupOf, rowsEach, columnsEach, shape } = scales;
  const rows = codes.length / columns;
  for (let row = 0; row < rows; row++) {
    const first = Math.floor((from + row) / rowsEach) * shape[1];
    for (let column = 0; column < columns; column++) {
      const at = first + (groupOf ? groupOf[column] : Math.floor(column / columnsEach));
      const i = row * columns + column;
      codes[i] = (codes[i] - (zeros ? zeros[at] : 0)) * values[at];
    }
  }
}
