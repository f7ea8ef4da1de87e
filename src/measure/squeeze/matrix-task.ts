/** The work on one stored tensor, in whatever thread: values as the file has them → a row an output → squeezed → back. */
import { type Decomposition, transposed } from "../../squeeze/low-rank.ts";
import type { Kept, Matrix } from "../../squeeze/matrix.ts";
import { decomposed, type Inputs, squeezed, type Transform } from "../../squeeze/transform.ts";

export interface MatrixTask {
  readonly transform: Transform;
  readonly rows: number;
  readonly columns: number;
  /** matrices one after the other */
  readonly stack: number;
  /** whether the file has a row an input */
  readonly isTurned: boolean;
  readonly values: Float32Array;
  readonly kept: Kept;
  /** of each of the stack, where the transform goes by them */
  readonly inputs?: readonly Inputs[];
  /** of each of the stack, made before */
  readonly decompositions?: readonly Decomposition[];
}

export interface MatrixResult {
  /** laid out as they came */
  readonly values: Float32Array;
  readonly bytes: number;
  readonly coded: number;
  /** Σ (w − ŵ)² and Σ w² */
  readonly error: number;
  readonly energy: number;
  /** of each of the stack, where the transform goes by one */
  readonly decompositions?: readonly Decomposition[];
}

export function squeezeTensor(task: MatrixTask): MatrixResult {
  const { transform, rows, columns, stack, isTurned, kept, inputs } = task;
  const size = rows * columns;
  const values = new Float32Array(task.values.length);
  const decompositions: Decomposition[] = [];
  let [bytes, coded, error, energy] = [0, 0, 0, 0];
  for (let index = 0; index < stack; index++) {
    const stored = task.values.subarray(index * size, (index + 1) * size);
    const matrix: Matrix = { rows, columns, values: isTurned ? transposed(stored, columns, rows) : stored };
    let decomposition = task.decompositions?.[index];
    const given = { kept, inputs: inputs?.[index] };
    if (transform.kind === "rank") decompositions.push((decomposition ??= decomposed(transform, matrix, given)));
    const result = squeezed(transform, matrix, { ...given, decomposition });
    bytes += result.bytes;
    coded += result.coded;
    for (let i = 0; i < size; i++) {
      const off = matrix.values[i] - result.values[i];
      error += off * off;
      energy += matrix.values[i] * matrix.values[i];
    }
    values.set(isTurned ? transposed(result.values, rows, columns) : result.values, index * size);
  }
  return { values, bytes, coded, error, energy, ...(decompositions.length > 0 && { decompositions }) };
}
