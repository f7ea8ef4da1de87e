/**
 * What GGUF calls a tensor, and what the same is called in the folder of its model. `blk.7.attn_q.weight` is the weight
 * of `attn_q` inside block 7. A name with `*` stands for a stack: entry i of the tensor is what is called so with i in
 * its place.
 */

import { LossyscopeError } from "../../numeric/errors.ts";
import type { StoredTensor, TensorSource } from "../sources/tensor-source.ts";
import { tensorsInFiles } from "../sources/tensor-source.ts";

export interface Names {
  readonly outside: Readonly<Record<string, string>>;
  /** what the folder's names of a block's tensors begin with, before the number */
  readonly blocks: string;
  readonly inside: Readonly<Record<string, string>>;
  /** matrices of one row, which converters write as vectors, or not */
  readonly oneRow?: ReadonlySet<string>;
}

const INSIDE = /^blk\.(\d{1,4})\.(.+)\.(weight|bias)$/;
const OUTSIDE = /^(.+)\.(weight|bias)$/;
const MOST_ENTRIES = 1_024;

/** The folder's name, with `*` for a stack; a tensor that the architecture has no name for keeps its own. */
function nameIn(names: Names, name: string): string {
  const [, block, inside, kind] = INSIDE.exec(name) ?? [];
  if (inside !== undefined && Object.hasOwn(names.inside, inside))
    return `${names.blocks}${Number(block)}.${names.inside[inside]}.${kind}`;
  const [, outside, whose] = OUTSIDE.exec(name) ?? [];
  if (outside !== undefined && Object.hasOwn(names.outside, outside)) return `${names.outside[outside]}.${whose}`;
  return name;
}

/**
 * The tensors by the names of the folder, stacks taken apart where they lie.
 * @param without names of tensors that are no weights
 * @throws LossyscopeError `model` where a stack is none, or two tensors have one name
 */
export function byFolderNames(source: TensorSource, names: Names, without: ReadonlySet<string>): TensorSource {
  const tensors = new Map<string, StoredTensor>();
  const origins = new Map<string, { readonly name: string; readonly from: number }>();
  for (const name of source.names()) {
    if (without.has(name)) continue;
    const tensor = asMatrix(names, name, source.locate(name)!);
    for (const [index, [called, part]] of [...entriesOf(name, nameIn(names, name), tensor)].entries()) {
      const other = origins.get(called);
      if (other)
        throw new LossyscopeError(
          "model",
          `the tensors ${other.name} and ${name} are both ${called}`,
          "convert the model again",
        );
      tensors.set(called, part);
      origins.set(called, { name, from: index * part.bytes });
    }
  }
  const placed = tensorsInFiles(tensors);
  return {
    ...placed,
    async read(name, from, to) {
      const origin = origins.get(name);
      const tensor = tensors.get(name);
      if (!origin || !tensor || !(from >= 0 && from <= to && to <= tensor.bytes)) return placed.read(name, from, to);
      return source.read(origin.name, origin.from + from, origin.from + to);
    },
  };
}

/**
 * What the folder calls every tensor of the file: of a stack, all that it holds, in order.
 * @param without names of tensors that are no weights
 * @throws LossyscopeError as `byFolderNames`
 */
export function folderNames(
  source: TensorSource,
  names: Names,
  without: ReadonlySet<string>,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const name of source.names())
    if (!without.has(name))
      found.set(
        name,
        [...entriesOf(name, nameIn(names, name), source.locate(name)!)].map(([called]) => called),
      );
  return found;
}

function asMatrix({ oneRow }: Names, name: string, tensor: StoredTensor): StoredTensor {
  const [, , inside] = INSIDE.exec(name) ?? [];
  const isRow = inside !== undefined && oneRow?.has(inside) && tensor.shape.length === 1;
  return isRow ? { ...tensor, shape: [1, ...tensor.shape] } : tensor;
}

function* entriesOf(name: string, called: string, tensor: StoredTensor): Generator<[string, StoredTensor]> {
  if (!called.includes("*")) {
    yield [called, tensor];
    return;
  }
  const [entries, ...shape] = tensor.shape;
  if (!(entries >= 1 && entries <= MOST_ENTRIES) || shape.length === 0)
    throw new LossyscopeError(
      "model",
      `the tensor ${name} of shape [${tensor.shape.join(", ")}] is no stack of 1 to ${MOST_ENTRIES}`,
      "convert the model again",
    );
  const bytes = tensor.bytes / entries;
  for (let entry = 0; entry < entries; entry++)
    yield [called.replace("*", String(entry)), { ...tensor, shape, offset: tensor.offset + entry * bytes, bytes }];
}
