/**
 * The matrices of a model as whole numbers of 8 bits under a scale a row of outputs (`models/rounded.ts`), written into a
 * file of their own; what is not multiplied by stays in the model's files. Disk: one byte a value, of slices two, and 4 a row.
 * Memory: rows of 4 MiB as stored and as float32; of matrices that are stored the other way round (GPT-2's) one whole.
 */
import { open, realpath, rm } from "node:fs/promises";
import { ioFault } from "../../files/faults.ts";
import { toFloat32 } from "../../formats/tensor-types.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { type ModelMatrix, matricesOf } from "../matrices.ts";
import { LARGEST, LEAST, PARTS, type Rounding } from "../rounded.ts";
import type { DecoderSpec } from "../spec.ts";
import type { TensorSource } from "./tensor-source.ts";

/** Where a tensor's matrices lie, one after the other, each [rows, columns] a row an output. */
export interface RoundedTensor extends Pick<ModelMatrix, "rows" | "columns" | "layout" | "stack"> {
  /** absolute, links resolved */
  readonly file: string;
  /** first bytes in the file: int8 w₁ and w₂, float32 t */
  readonly first: number;
  readonly second: number | null;
  readonly scales: number;
}

/** By the first of the tensor's names in the spec. */
export type RoundedWeights = ReadonlyMap<string, RoundedTensor>;

/** Bytes of weights that are rounded at a time. */
const STRETCH = 1 << 22;

const multiplied = (spec: DecoderSpec): readonly ModelMatrix[] =>
  matricesOf(spec).filter(({ linears }) => linears.length > 0);

const slices = (rounding: Rounding): number => (rounding === "sliced" ? 2 : 1);

/** Bytes of the file that `writeRounded` writes. */
export const roundedBytes = (spec: DecoderSpec, rounding: Rounding): number =>
  multiplied(spec).reduce((sum, { stack, rows, columns }) => sum + stack * rows * (slices(rounding) * columns + 4), 0);

/**
 * @param path of the file, which must not be there
 * @throws LossyscopeError `io`, `interrupted`; nothing is left behind
 */
export async function writeRounded(
  spec: DecoderSpec,
  source: TensorSource,
  rounding: Rounding,
  path: string,
  signal?: AbortSignal,
): Promise<RoundedWeights> {
  try {
    const file = await open(path, "wx");
    const placed = new Map<string, Omit<RoundedTensor, "file">>();
    let end = 0;
    try {
      for (const matrix of multiplied(spec)) {
        const { rows, columns, layout, stack, slot } = matrix;
        const values = stack * rows * columns;
        const at = {
          // Numbers of four bytes first, where they are aligned.
          scales: end,
          first: end + 4 * stack * rows,
          second: rounding === "sliced" ? end + 4 * stack * rows + values : null,
        };
        end = 4 * Math.ceil((at.first + slices(rounding) * values) / 4);
        let row = 0;
        for await (const stretch of rowsOf(source, matrix, signal)) {
          const found = roundRows(stretch, columns, rounding);
          await file.write(found.scales, 0, found.scales.byteLength, at.scales + 4 * row);
          await file.write(found.first, 0, found.first.length, at.first + row * columns);
          if (at.second !== null) await file.write(found.second, 0, found.second.length, at.second + row * columns);
          row += found.scales.length;
        }
        placed.set(slot.names[0], { rows, columns, layout, stack, ...at });
      }
    } finally {
      await file.close();
    }
    const real = await realpath(path);
    return new Map([...placed].map(([name, place]) => [name, { ...place, file: real }]));
  } catch (error) {
    await rm(path, { force: true });
    if (error instanceof LossyscopeError) throw error;
    throw ioFault(error, `write ${path}`);
  }
}

/** Whole rows of a tensor's matrices, a row an output, in order. */
async function* rowsOf(
  source: TensorSource,
  { slot, rows, columns, layout, stack }: ModelMatrix,
  signal: AbortSignal | undefined,
): AsyncGenerator<Float32Array> {
  const name = slot.names.find((candidate) => source.locate(candidate))!;
  const { bytes, dtype } = source.locate(name)!;
  const rowBytes = bytes / (stack * rows);
  const step = layout === "in-out" ? rows : Math.max(1, Math.floor(STRETCH / rowBytes));
  for (let row = 0; row < stack * rows; row += step) {
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped while rounding the weights");
    const count = Math.min(step, stack * rows - row);
    const values = toFloat32(dtype, await source.read(name, row * rowBytes, (row + count) * rowBytes));
    yield layout === "in-out" ? turned(values, columns, rows) : values;
  }
}

/** [k, n] → [n, k] */
function turned(values: Float32Array, inputs: number, outputs: number): Float32Array {
  const found = new Float32Array(values.length);
  for (let i = 0; i < inputs; i++) for (let j = 0; j < outputs; j++) found[j * inputs + i] = values[i * outputs + j];
  return found;
}

/** @internal w₁, w₂ and t of rows [n, k]; without w₂ where it is not wanted */
export function roundRows(
  values: Float32Array,
  columns: number,
  rounding: Rounding,
): { readonly first: Int8Array; readonly second: Int8Array; readonly scales: Float32Array } {
  const scales = new Float32Array(values.length / columns);
  const first = new Int8Array(values.length);
  const second = new Int8Array(rounding === "sliced" ? values.length : 0);
  for (let row = 0; row < scales.length; row++) {
    const [from, to] = [row * columns, (row + 1) * columns];
    let largest = LEAST;
    let amiss = 0;
    for (let i = from; i < to; i++) {
      if (Math.abs(values[i]) > largest) largest = Math.abs(values[i]);
      amiss += values[i] * 0;
    }
    const inverse = LARGEST / largest;
    // What is no number stays none: NaN and infinities make the row's results NaN.
    scales[row] = largest / LARGEST + amiss;
    for (let i = from; i < to; i++) first[i] = Math.round(values[i] * inverse);
    if (second.length > 0)
      for (let i = from; i < to; i++) second[i] = Math.round((values[i] * inverse - first[i]) * PARTS);
  }
  return { first, second, scales };
}
