/**
 * How results come from the runtime's process: through unnamed temporary files that both processes hold open, one for each
 * run that may be unanswered. The channel between them would copy every result five times over and feed it to the collector
 * of garbage in pieces of 64 kB; a file in the page cache is one copy in and one out.
 *
 * Disk (or the memory that stands for it): `PLACES` times the largest result, until the processes end.
 */
import { randomUUID } from "node:crypto";
import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ioFault } from "../files/faults.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Fetched, Placed } from "./runtime-messages.ts";

/** Runs that may be unanswered at a time: one that is running and one that waits for it. */
export const PLACES = 2;
/** The child's descriptors of the files follow its three streams and the channel. */
const FIRST_DESCRIPTOR = 4;
const MOST_AT_ONCE = 2 ** 30;

/** @returns descriptors that no name leads to; @throws LossyscopeError `io` where the temporary folder takes no files */
export function openPlaces(): number[] {
  const folder = tmpdir();
  try {
    return Array.from({ length: PLACES }, () => {
      const path = join(folder, `lossyscope-${randomUUID()}`);
      const file = openSync(path, "wx+", 0o600);
      rmSync(path);
      return file;
    });
  } catch (error) {
    throw ioFault(error, `make temporary files in ${folder}`);
  }
}

export function closePlaces(places: readonly number[]): void {
  for (const file of places) closeSync(file);
}

/** The child's side: puts one output of run `id` at that offset of its place. @returns the offset after it */
export function put(id: number, data: Float32Array, offset: number): number {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const file = FIRST_DESCRIPTOR + (id % PLACES);
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(file, bytes, done, Math.min(bytes.length - done, MOST_AT_ONCE), offset + done);
  }
  return offset + bytes.length;
}

/** The parent's side: all outputs of run `id`, views of one buffer. @throws LossyscopeError `engine` where bytes are missing */
export function take(
  places: readonly number[],
  id: number,
  outputs: Readonly<Record<string, Placed>>,
  length: number,
): Record<string, Fetched> {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const read = readSync(places[id % PLACES], bytes, done, Math.min(length - done, MOST_AT_ONCE), done);
    if (read === 0)
      throw new LossyscopeError("engine", `${count(done)} of a result's ${count(length)} bytes are there`);
    done += read;
  }
  const fetched: Record<string, Fetched> = {};
  for (const [name, { offset, dims }] of Object.entries(outputs)) {
    const size = dims.reduce((product, dim) => product * dim, 1);
    fetched[name] = { data: new Float32Array(bytes.buffer, offset, size), dims };
  }
  return fetched;
}
