/** Codes of a few bits, packed into 32-bit words from the lowest bit on; a code may go on in the next word. */
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { TensorSource } from "../sources/tensor-source.ts";

/** All words of a tensor. @throws LossyscopeError `model` where it holds none; `io` */
export async function wordsOf(source: TensorSource, name: string): Promise<Uint32Array> {
  const { dtype, bytes } = source.locate(name)!;
  if (dtype !== "I32" && dtype !== "U32")
    throw new LossyscopeError("model", `${name} is ${dtype}, where I32 packs codes`, "fetch the model again");
  return new Uint32Array((await source.read(name, 0, bytes)).buffer);
}

/**
 * A code of a stream of words.
 * @param first of the stream's words
 * @param step from a word of the stream to the next
 * @param index of the code in the stream
 */
export function codeAt(words: Uint32Array, first: number, step: number, index: number, bits: number): number {
  const bit = index * bits;
  const at = first + (bit >>> 5) * step;
  const shift = bit & 31;
  const low = words[at] >>> shift;
  return (shift + bits > 32 ? low | (words[at + step] << (32 - shift)) : low) & ((1 << bits) - 1);
}

/**
 * Groups that columns are in, by number.
 * @throws LossyscopeError `model` where one is none of the groups
 */
export async function groupsOfColumns(source: TensorSource, name: string, groups: number): Promise<Int32Array> {
  const found = new Int32Array((await wordsOf(source, name)).buffer);
  const bad = found.findIndex((group) => group < 0 || group >= groups);
  if (bad < 0) return found;
  throw new LossyscopeError(
    "model",
    `${name} puts column ${count(bad)} in group ${found[bad]} of ${count(groups)}`,
    "fetch the model again",
  );
}
