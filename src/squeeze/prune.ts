/**
 * Pruning (METHODS §7.1): a value is as important as it is large, or, where the inputs are known, as |w|·‖x‖ (Wanda, arXiv
 * 2306.11695), and the least important of a stretch become 0. By size alone the stretch is the matrix, with the inputs a
 * row, as the sources have it; with n of m it is m values of a row one after the other. Of equals the first goes.
 * Stored: which values are left (a bit each; n of 4 as two bits each of them), and these in their own type.
 */
import { fromFloat32 } from "../formats/tensor-types.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type Kept, type Matrix, type Squeezed, type Stored, sizeOf } from "./matrix.ts";

export interface Pruning {
  /** how many of each m are left, or the share that goes */
  readonly pattern: { readonly keep: number; readonly of: number } | { readonly share: number };
  /** [columns] ‖x‖ of every input, or anything proportional to it; null: by size alone */
  readonly inputs: Float64Array | null;
}

/** @throws LossyscopeError `usage` where m does not divide a row */
export function prune(matrix: Matrix, { pattern, inputs }: Pruning, kept: Kept): Squeezed {
  const { rows, columns, values } = matrix;
  const importance = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) importance[i] = Math.abs(values[i]) * (inputs ? inputs[i % columns] : 1);
  const mask = new Uint8Array(values.length).fill(1);
  let places: Stored;
  if ("share" in pattern) {
    const [stretches, length] = inputs ? [rows, columns] : [1, values.length];
    for (let stretch = 0; stretch < stretches; stretch++)
      unmarkLeast(importance, stretch * length, length, Math.floor(pattern.share * length), mask);
    places = { kind: "codes", bits: 1, codes: mask };
  } else {
    const { keep, of } = pattern;
    if (columns % of !== 0)
      throw new LossyscopeError(
        "usage",
        `groups of ${of} do not divide rows of ${count(columns)}`,
        "prune without a pattern",
      );
    for (let from = 0; from < values.length; from += of) unmarkFew(importance, from, of, of - keep, mask);
    places = { kind: "codes", bits: Math.ceil(Math.log2(of)), codes: placesOf(mask, of, (values.length / of) * keep) };
  }
  const result = values.map((value, i) => (mask[i] ? value : 0));
  const left = values.filter((_, i) => mask[i]);
  const bytes = Uint8Array.from(fromFloat32(kept, left));
  return { values: result, ...sizeOf([places, { kind: "values", dtype: kept, bytes }]) };
}

/** Where in its group each of the values stands that are left. */
function placesOf(mask: Uint8Array, of: number, left: number): Uint8Array {
  const places = new Uint8Array(left);
  let at = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i]) places[at++] = i % of;
  return places;
}

/** Unmarks the `goes` least of a stretch, of equals the first. */
function unmarkLeast(importance: Float32Array, from: number, length: number, goes: number, mask: Uint8Array): void {
  if (goes === 0) return;
  const sorted = importance.slice(from, from + length).sort();
  const limit = sorted[goes - 1];
  let equal = goes;
  for (let i = 0; sorted[i] < limit; i++) equal--;
  for (let i = from; i < from + length; i++)
    if (importance[i] < limit || (importance[i] === limit && equal-- > 0)) mask[i] = 0;
}

/** The same for a few values. */
function unmarkFew(importance: Float32Array, from: number, length: number, goes: number, mask: Uint8Array): void {
  for (let gone = 0; gone < goes; gone++) {
    let least = -1;
    for (let i = from; i < from + length; i++)
      if (mask[i] && (least < 0 || importance[i] < importance[least])) least = i;
    mask[least] = 0;
  }
}
