/**
 * Matrices that a folder holds quantised, each in several tensors, as tensors of the float32 values that they stand for.
 * How a format lays a matrix out is known in the files beside this one. What all rows of a matrix share (scales) is read
 * once while reading stays with it; memory: that, and the rows asked for.
 */
import { fromFloat32 } from "../../formats/tensor-types.ts";
import type { ComputedCodes, TensorSource } from "../sources/tensor-source.ts";

/** Values of rows `[from, to)`, row-major. @throws LossyscopeError `io` */
export type RowReader = (from: number, to: number) => Promise<Float32Array>;

export interface QuantisedMatrix {
  /** what the model calls it */
  readonly name: string;
  /** the stored tensor that most of it is in */
  readonly codes: string;
  /** all stored tensors that it is made of */
  readonly parts: readonly string[];
  /** a row is all of the first size's one */
  readonly shape: readonly number[];
  /** its codes, where it is made of some that the runtime can multiply by */
  readonly computed?: ComputedCodes;
  /** @throws LossyscopeError `model` where what all rows share is not sound; `io` */
  open(): Promise<RowReader>;
}

const product = (shape: readonly number[]): number => shape.reduce((size, one) => size * one, 1);

/**
 * @param matrices of the source, by the tensor that most of each is in
 * @param left tensors that nothing is computed from
 */
export function dequantised(
  stored: TensorSource,
  matrices: readonly QuantisedMatrix[],
  left: ReadonlySet<string> = new Set(),
): TensorSource {
  const byName = new Map(matrices.map((matrix) => [matrix.name, matrix]));
  const byCodes = new Map(matrices.map((matrix) => [matrix.codes, matrix]));
  const hidden = new Set([...left, ...matrices.flatMap(({ parts }) => parts)]);
  const names = [...stored.names()].flatMap((name) => byCodes.get(name)?.name ?? (hidden.has(name) ? [] : [name]));
  const known = new Set(names);
  let last: { readonly matrix: QuantisedMatrix; readonly rows: Promise<RowReader> } | undefined;

  const rowsOf = (matrix: QuantisedMatrix): Promise<RowReader> => {
    if (last?.matrix !== matrix) last = { matrix, rows: matrix.open() };
    return last.rows;
  };

  return {
    stored,
    names: () => names,
    locate(name) {
      const matrix = byName.get(name);
      if (!matrix) return known.has(name) ? stored.locate(name) : undefined;
      const { file, offset } = stored.locate(matrix.codes)!;
      const { shape, computed } = matrix;
      const bytes = 4 * product(shape);
      return { dtype: "F32", shape, file, offset, bytes, isComputed: true, ...(computed && { computed }) };
    },
    async read(name, from, to) {
      const matrix = byName.get(name);
      if (!matrix) {
        if (!known.has(name)) throw new RangeError(`there is no tensor ${name}`);
        return stored.read(name, from, to);
      }
      const [rows, ...row] = matrix.shape;
      const rowBytes = 4 * product(row);
      if (!(from >= 0 && from <= to && to <= rows * rowBytes))
        throw new RangeError(`bytes ${from} to ${to} of the tensor ${name}, which has ${rows * rowBytes}`);
      if (from === to) return new Uint8Array(0);
      const first = Math.floor(from / rowBytes);
      const values = await (await rowsOf(matrix))(first, Math.ceil(to / rowBytes));
      return new Uint8Array(fromFloat32("F32", values).slice(from - first * rowBytes, to - first * rowBytes));
    },
  };
}
