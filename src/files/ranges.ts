/** Plain bytes of a file: a stretch at its place, or all of them in order. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { ioFault } from "./faults.ts";

/** What reads a file at a place; Node's `FileHandle`, whose own type programs without Node's types do not have. */
interface Handle {
  read(into: Uint8Array, at: number, length: number, from: number): Promise<{ readonly bytesRead: number }>;
}

/** What one request to the system may ask for. */
const MOST_AT_ONCE = 2 ** 30;

async function fill(file: Handle, bytes: Uint8Array, offset: number): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, Math.min(bytes.length - done, MOST_AT_ONCE), offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** @returns `length` bytes from `offset` on, fewer where the file ends before */
export async function readUpTo(file: Handle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(length);
  return bytes.subarray(0, await fill(file, bytes, offset));
}

/**
 * @returns `length` bytes from `offset` on, in a buffer of their own
 * @throws LossyscopeError `io` where the file ends before
 */
export async function readExactly(
  file: Handle,
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  const done = await fill(file, bytes, offset);
  if (done < length) {
    throw new LossyscopeError(
      "io",
      `${path} ends at byte ${count(offset + done)}, ${count(offset + length)} are wanted: it was cut while being read`,
    );
  }
  return bytes;
}

/** The same of a file that is opened for it. @throws LossyscopeError `io` where it cannot be read, or ends before */
export async function readRange(path: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const file = await open(path, "r");
    try {
      return await readExactly(file, path, offset, length);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw ioFault(error, `read ${path}`);
  }
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
