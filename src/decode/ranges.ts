/** Plain bytes of a file: a stretch at its place, or all of them in order. */
import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { ioFault } from "../files/faults.ts";
import { LossyscopeError } from "../numeric/errors.ts";

/** @returns `length` bytes from `offset` on, fewer where the file ends before */
export async function readAt(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** @throws LossyscopeError `io` where the file cannot be read; `interrupted` */
export async function* readChunks(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 1 << 20, signal });
  } catch (error) {
    if (signal?.aborted) throw new LossyscopeError("interrupted", `stopped while reading ${path}`);
    throw ioFault(error, `read ${path}`);
  }
}
