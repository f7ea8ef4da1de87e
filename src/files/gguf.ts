/** GGUF files on the disk: the header, read in ranges. The format itself: `formats/gguf/`. Memory: the header. */
import { type FileHandle, open, realpath } from "node:fs/promises";
import { type Gguf, readGguf } from "../formats/gguf/header.ts";
import { MAX_POINTER_BYTES, refusePointer } from "../formats/lfs.ts";
import { LossyscopeError } from "../numeric/errors.ts";
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
