/**
 * Scales of a matrix, and the zero points beside them: one for all of it, for each row, for blocks, or for groups of a row's
 * columns. value = (code − zero) · scale: in float64, which holds both exactly, and rounded to float32 once.
 */
import { toFloat32 } from "../../formats/tensor-types.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import type { RowsOfCodes, TensorSource } from "../sources/tensor-source.ts";

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

export type Shape = readonly [rows: number, columns: number];

/** Of values that share a scale, where a format of blocks does not say. */
export const BLOCK: Shape = [128, 128];

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

/** Groups that the runtime multiplies by, the largest first. */
const GROUPS = [256, 128, 64, 32, 16];

/** Columns that share a scale as the runtime takes them: of a format's group, all or an even part; undefined where none fits. */
export const groupWithin = (columns: number, columnsEach: number): number | undefined =>
  GROUPS.find((size) => columns % size === 0 && Math.min(columns, columnsEach) % size === 0);

/** What the zero points of a matrix say: whether any is not the middle. */
export const hasMinima = (zeros: Float32Array | null, middle: number): boolean =>
  zeros?.some((zero) => zero !== middle) ?? false;

/**
 * Codes under the scales of groups: what `applyScales` makes values of.
 * @param codes of whole rows, row-major
 * @param from the first of the rows
 * @param layout of groups, and the code that stands for 0 where the minimum is none
 */
export function underScales(
  codes: Uint8Array,
  from: number,
  columns: number,
  scales: Scales,
  { group, middle }: { readonly group: number; readonly middle: number },
): RowsOfCodes {
  const { values, zeros, rowsEach, columnsEach, shape } = scales;
  const groups = columns / group;
  const all = (codes.length / columns) * groups;
  const own = new Float32Array(all);
  const minima = new Float32Array(hasMinima(zeros, middle) ? all : 0);
  for (let i = 0; i < all; i++) {
    const row = from + Math.floor(i / groups);
    const at = Math.floor(row / rowsEach) * shape[1] + Math.floor(((i % groups) * group) / columnsEach);
    own[i] = values[at];
    if (zeros && minima.length > 0) minima[i] = (middle - zeros[at]) * values[at];
  }
  return { codes, scales: own, minima };
}

/** Scales of a shape that the config does not make. */
export function misfit(
  scale: string,
  found: readonly number[],
  name: string,
  shape: Shape,
  grids: readonly Grid[],
): LossyscopeError {
  const wanted = [...new Set(grids.map((grid) => `[${grid.shape.join(", ")}]`))].join(" or ");
  return new LossyscopeError(
    "model",
    `${scale} has shape [${found.join(", ")}]; ${name} of shape [${shape.join(", ")}] takes ${wanted} by the config`,
    "check that config.json belongs to these weights",
  );
}

/** @returns undefined where nothing is said. @throws LossyscopeError `model` for what are no two sizes */
export function sizes(key: string, value: unknown): Shape | undefined {
  if (value === undefined || value === null) return undefined;
  const isSize = (size: unknown): size is number => Number.isSafeInteger(size) && (size as number) > 0;
  if (Array.isArray(value) && value.length === 2 && isSize(value[0]) && isSize(value[1])) return [value[0], value[1]];
  throw new LossyscopeError(
    "model",
    `the config's ${key} is ${shown(value)}; expected whole numbers above zero`,
    "check config.json",
  );
}
