/**
 * Tensors of a big-endian file as everybody here reads them: `read` gives their bytes little-endian. Whoever reads them
 * in place finds `isTurned` in what `locate` says. Of the types in blocks those are turned whose fields of two bytes
 * ggml's own converter knows; others are refused by name.
 */

import { halvesOf } from "../../formats/blocks/parts.ts";
import { BLOCKS, type BlockType, isBlockType } from "../../formats/blocks/types.ts";
import { swapWords } from "../../formats/gguf/byte-order.ts";
import { dtypeBits } from "../../formats/tensor-types.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { StoredTensor, TensorSource } from "./tensor-source.ts";

/** Types whose order is laid down: the float16 numbers are turned, bytes are bytes. */
const TURNED: ReadonlySet<BlockType> = new Set(["Q4_0", "Q8_0", "Q4_K", "Q6_K", "TQ2_0", "MXFP4", "NVFP4"]);

/** Whole values or blocks, in place. @throws LossyscopeError `unsupported` for a type that is not turned */
function turn(name: string, { dtype }: StoredTensor, bytes: Uint8Array): void {
  if (!isBlockType(dtype)) {
    swapWords(bytes, dtypeBits(dtype) / 8);
    return;
  }
  if (!TURNED.has(dtype))
    throw new LossyscopeError(
      "unsupported",
      `the tensor ${name} is big-endian ${dtype}, whose byte order is nowhere laid down`,
      "use the little-endian file",
    );
  const halves = halvesOf(dtype);
  for (let at = 0; at < bytes.length; at += BLOCKS[dtype].bytes)
    for (const half of halves) swapWords(bytes.subarray(at + half, at + half + 2), 2);
}

export function turned(source: TensorSource): TensorSource {
  return {
    names: () => source.names(),
    locate: (name) => source.locate(name),
    async read(name, from, to) {
      const tensor = source.locate(name);
      if (!tensor?.isTurned) return source.read(name, from, to);
      const size = isBlockType(tensor.dtype) ? BLOCKS[tensor.dtype].bytes : dtypeBits(tensor.dtype) / 8;
      if (!(from >= 0 && from <= to && to <= tensor.bytes)) return source.read(name, from, to);
      const first = Math.floor(from / size) * size;
      const bytes = await source.read(name, first, Math.ceil(to / size) * size);
      turn(name, tensor, bytes);
      return bytes.slice(from - first, to - first);
    },
  };
}
