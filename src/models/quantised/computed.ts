/**
 * Codes of a quantised matrix as the runtime can multiply by them, where the format's scales are of stretches of a row: what
 * `dequantised.ts` makes values of, before it does.
 */
import type { ComputedCodes } from "../sources/tensor-source.ts";
import { groupWithin, hasMinima, type Scales, underScales } from "./scales.ts";

/** Scales, and codes of rows as whole numbers from 0 on, zero points alike. */
export interface OpenedCodes {
  readonly scales: Scales;
  /** [rows, columns] */
  read(from: number, to: number): Uint8Array | Promise<Uint8Array>;
}

/** @returns nothing where a group of the format is none of the runtime's */
export function computedOf(
  { columns, bits, columnsEach }: { readonly columns: number; readonly bits: number; readonly columnsEach: number },
  opened: () => Promise<OpenedCodes>,
): { readonly computed?: ComputedCodes } {
  const group = groupWithin(columns, columnsEach);
  if (group === undefined) return {};
  const middle = 2 ** (bits - 1);
  const open: ComputedCodes["open"] = async () => {
    const { scales, read } = await opened();
    const isOrdered = scales.groupOf?.some((own, column) => own !== Math.floor(column / columnsEach)) ?? false;
    if (isOrdered) return undefined;
    return {
      hasMinima: hasMinima(scales.zeros, middle),
      rows: async (from, to) => underScales(await read(from, to), from, columns, scales, { group, middle }),
    };
  };
  return { computed: { group, bits, middle, open } };
}
