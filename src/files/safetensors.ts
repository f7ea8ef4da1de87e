/**
 * Safetensors files on the disk: the header, then byte ranges on demand, never the whole file; and a writer that
 * streams tensors of any size and leaves the file whole or not at all. The format itself: `formats/safetensors.ts`.
 * Memory: the header, and the ranges asked for; writing holds one chunk.
 */
import { type FileHandle, open } from "node:fs/promises";
import { MAX_POINTER_BYTES, refusePointer } from "../formats/lfs.ts";
import {
  byteCount,
  encodeHeader,
  headerEnd,
  parseHeader,
  type SafetensorsHeader,
  type TensorEntry,
  type TensorShape,
} from "../formats/safetensors.ts";
import { decodeTensor, type TensorData } from "../formats/tensor-types.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { writeAtomic } from "./atomic.ts";
import { ioFault } from "./faults.ts";
import { readExactly } from "./ranges.ts";

export interface SafetensorsFile {
  readonly path: string;
  /** size of the file */
  readonly bytes: number;
  readonly header: SafetensorsHeader;
  /** @throws LossyscopeError `input` naming the tensors there are, where there is none of this name */
  entry(name: string): TensorEntry;
  /** All values of a tensor (`decodeTensor`). */
  read(name: string): Promise<TensorData>;
  /** Bytes `[begin, end)` of the file in a buffer of their own. */
  readRange(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/**
 * Opens a file and reads its header.
 * @throws LossyscopeError `io` where the file cannot be read, `model` where its header is not sound, `input` for a
 * pointer of git-lfs
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const { size } = await file.stat();
    if (size <= MAX_POINTER_BYTES)
      refusePointer(path, Buffer.from(await readExactly(file, path, 0, size)).toString("utf8"));
    const start = await readExactly(file, path, 0, Math.min(8, size));
    const header = parseHeader(await readExactly(file, path, 0, headerEnd(start, size)), size);
    return reader(file, path, size, header);
  } catch (error) {
    await file?.close();
    if (error instanceof LossyscopeError && error.fault === "model") {
      throw new LossyscopeError("model", `${path}: ${error.message}`, undefined, { cause: error });
    }
    throw ioFault(error, `read ${path}`);
  }
}

function reader(file: FileHandle, path: string, bytes: number, header: SafetensorsHeader): SafetensorsFile {
  const readRange = (begin: number, end: number) =>
    readExactly(file, path, begin, end - begin).catch((error) => Promise.reject(ioFault(error, `read ${path}`)));
  const entry = (name: string): TensorEntry => {
    const found = header.tensors.get(name);
    if (found) return found;
    const names = [...header.tensors.keys()];
    const listed = names.slice(0, 12).join(", ") + (names.length > 12 ? `, … (${names.length} in all)` : "");
    throw new LossyscopeError("input", `${path} has no tensor ${shown(name)}: it has ${listed || "none"}`);
  };
  return {
    path,
    bytes,
    header,
    entry,
    async read(name) {
      const { dtype, begin, end } = entry(name);
      return decodeTensor(dtype, await readRange(begin, end));
    },
    readRange,
    close: () => file.close(),
  };
}

/** A tensor to write: its bytes whole, or in pieces as they come. */
export interface TensorContent extends TensorShape {
  readonly data: ArrayBufferView | Iterable<ArrayBufferView> | AsyncIterable<ArrayBufferView>;
}

/**
 * Writes the tensors in the order given.
 * @throws LossyscopeError `io` where the disk refuses; RangeError where a tensor's data is not as long as its shape says
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorContent[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeAtomic(path, encodeFile(tensors, metadata));
}

async function* encodeFile(
  tensors: readonly TensorContent[],
  metadata: Readonly<Record<string, string>>,
): AsyncGenerator<ArrayBufferView> {
  yield encodeHeader(tensors, metadata);
  for (const tensor of tensors) {
    const expected = byteCount(tensor);
    let bytes = 0;
    for await (const piece of ArrayBuffer.isView(tensor.data) ? [tensor.data] : tensor.data) {
      bytes += piece.byteLength;
      yield piece;
    }
    if (bytes !== expected) {
      throw new RangeError(
        `tensor ${tensor.name}: ${count(bytes)} bytes given, ${tensor.dtype} [${tensor.shape}] takes ${count(expected)}`,
      );
    }
  }
}
