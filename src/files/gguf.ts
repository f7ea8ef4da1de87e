/**
 * GGUF files on the disk: the header, read in ranges; and a writer that streams tensors of any size and leaves the file whole
 * or not at all. The format itself: `formats/gguf/`. Memory: the header; writing holds one piece of a tensor besides.
 */
import { type FileHandle, open, realpath } from "node:fs/promises";
import { type Gguf, readGguf } from "../formats/gguf/header.ts";
import { encodeGgufHeader, type GgufPair, type GgufShape, ggufBytes, ggufPadding } from "../formats/gguf/write.ts";
import { MAX_POINTER_BYTES, refusePointer } from "../formats/lfs.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { writeAtomic } from "./atomic.ts";
import { ioFault } from "./faults.ts";
import { readExactly } from "./ranges.ts";

export interface GgufFile {
  /** absolute, links resolved */
  readonly path: string;
  /** size of the file */
  readonly bytes: number;
  readonly header: Gguf;
}

/**
 * @throws LossyscopeError `io` where the file cannot be read, `model` where its header is not sound, `input` for a
 *   pointer of git-lfs
 */
export async function readGgufFile(path: string): Promise<GgufFile> {
  let file: FileHandle | undefined;
  try {
    const real = await realpath(path);
    const handle = (file = await open(real, "r"));
    const { size } = await handle.stat();
    if (size <= MAX_POINTER_BYTES)
      refusePointer(path, Buffer.from(await readExactly(handle, path, 0, size)).toString("utf8"));
    const header = await readGguf((offset, length) => readExactly(handle, path, offset, length), size);
    return { path: real, bytes: size, header };
  } catch (error) {
    if (error instanceof LossyscopeError && error.fault === "model")
      throw new LossyscopeError("model", `${path}: ${error.message}`, undefined, { cause: error });
    throw ioFault(error, `read ${path}`);
  } finally {
    await file?.close();
  }
}

/** A tensor to write: its bytes in pieces as they come. */
export interface GgufContent extends GgufShape {
  readonly data: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Writes the tensors in the order given.
 * @throws LossyscopeError `io` where the disk refuses; RangeError where a tensor's data is not as long as its shape says
 */
export async function writeGgufFile(
  path: string,
  metadata: Iterable<readonly [key: string, value: GgufPair]>,
  tensors: readonly GgufContent[],
): Promise<void> {
  await writeAtomic(path, encodeFile(metadata, tensors));
}

async function* encodeFile(
  metadata: Iterable<readonly [key: string, value: GgufPair]>,
  tensors: readonly GgufContent[],
): AsyncGenerator<Uint8Array> {
  yield encodeGgufHeader(metadata, tensors);
  for (const tensor of tensors) {
    let bytes = 0;
    for await (const piece of tensor.data) {
      bytes += piece.length;
      yield piece;
    }
    const expected = ggufBytes(tensor);
    if (bytes !== expected)
      throw new RangeError(
        `tensor ${tensor.name}: ${count(bytes)} bytes given, ${tensor.dtype} [${tensor.shape}] takes ${count(expected)}`,
      );
    yield new Uint8Array(ggufPadding(tensor));
  }
}
