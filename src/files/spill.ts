/**
 * A temporary file for rows that do not fit in memory: appended to in order, read back by offset. It is removed when
 * disposed of and when the process exits, unless it was opened to outlast an interruption; then `truncate` takes it
 * back to the last point the resumed run knows of. What several processes have left can be read as one (`spillAt`).
 * Memory: 1 MiB of rows not yet written, and what `read` returns.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { count, sizeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { ioFault } from "./faults.ts";
import { removeAtExit } from "./temporary.ts";

const HELD_BYTES = 1 << 20;

export interface Spill {
  readonly path: string;
  /** bytes appended so far */
  readonly bytes: number;
  /** Adds the view's bytes and returns the offset they begin at. @throws LossyscopeError `io` (a full disk) */
  append(view: ArrayBufferView): number;
  /** The bytes `[offset, offset + length)` in a buffer of their own, so that any typed array fits on it. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
  /** Forgets everything from that byte on. */
  truncate(bytes: number): void;
  /** Writes out what is held; what was appended so far then survives the process. */
  flush(): void;
  /** Closes the file and leaves it on the disk, for a later run to resume. */
  close(): void;
  /** Closes and removes the file; idempotent. */
  dispose(): void;
}

/** Where spills lie: in a folder of the process's own, or in those where others left theirs, read one after the other. */
export type SpillPlace =
  | {
      readonly folder: string;
      /** whether a later process may go on with them: not removed when this one ends */
      readonly resumable: boolean;
    }
  | { readonly folders: readonly string[] };

/** @throws LossyscopeError `io` where the place cannot be used */
export function spillAt(place: SpillPlace, name: string): Spill {
  if ("folders" in place) return joinedSpills(place.folders.map((folder) => join(folder, name)));
  return createSpill(place.folder, name, { resume: place.resumable });
}

/**
 * Spills that others have written, as one: for reading. A file is open only while it is read, so that there may be any
 * number of them.
 */
function joinedSpills(paths: readonly string[]): Spill {
  const fault = (error: unknown, path: string): unknown => ioFault(error, `read ${path}`);
  const ends: number[] = [];
  for (const path of paths) {
    try {
      ends.push((ends.at(-1) ?? 0) + statSync(path).size);
    } catch (error) {
      throw fault(error, path);
    }
  }
  const bytes = ends.at(-1) ?? 0;
  const fill = (target: Uint8Array, piece: number, from: number): void => {
    try {
      const file = openSync(paths[piece], "r");
      try {
        readFully(file, target, from, paths[piece]);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw fault(error, paths[piece]);
    }
  };
  return {
    path: paths.join(", "),
    bytes,
    append() {
      throw new Error("spills of other processes are only read");
    },
    read(offset, length) {
      checkStretch(offset, length, bytes);
      const found = new Uint8Array(length);
      for (let done = 0, piece = 0; done < length; piece++) {
        const at = offset + done;
        if (at >= ends[piece]) continue;
        const count = Math.min(ends[piece] - at, length - done);
        fill(found.subarray(done, done + count), piece, at - (ends[piece - 1] ?? 0));
        done += count;
      }
      return found;
    },
    truncate(wanted) {
      if (wanted !== bytes)
        throw new LossyscopeError("io", `${paths.join(", ")} have ${count(bytes)} bytes of ${count(wanted)}`);
    },
    flush() {},
    close() {},
    dispose() {},
  };
}

function checkStretch(offset: number, length: number, bytes: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= bytes)) {
    throw new RangeError(`bytes ${offset} to ${offset + length} of a spill of ${bytes}`);
  }
}

function readFully(file: number, target: Uint8Array, offset: number, path: string): void {
  for (let done = 0; done < target.length; ) {
    const read = readSync(file, target, done, Math.min(target.length - done, 2 ** 30), offset + done);
    if (read === 0) {
      throw new LossyscopeError(
        "io",
        `${path} ends at byte ${count(offset + done)} of ${count(offset + target.length)}`,
      );
    }
    done += read;
  }
}

/**
 * @param folder made if it is not there
 * @param options `resume: true` opens the file an earlier run left under this name and does not remove it at exit
 */
export function createSpill(folder: string, name: string, options: { readonly resume?: boolean } = {}): Spill {
  const path = join(folder, name);
  const attempt = <T>(action: string, effect: () => T): T => {
    try {
      return effect();
    } catch (error) {
      throw ioFault(error, `${action} the temporary file ${path}`);
    }
  };

  const file = attempt("open", () => {
    mkdirSync(folder, { recursive: true });
    return openSync(path, options.resume ? "a+" : "w+");
  });
  const keep = options.resume ? undefined : removeAtExit(path);
  const held = new Uint8Array(HELD_BYTES);
  let heldBytes = 0;
  let fileBytes = fstatSync(file).size;
  let open = true;

  const write = (bytes: Uint8Array): void =>
    attempt(`write to (${sizeText(fileBytes + bytes.length)} so far)`, () => {
      for (let done = 0; done < bytes.length; ) {
        const count = writeSync(file, bytes, done, Math.min(bytes.length - done, 2 ** 30));
        done += count;
        fileBytes += count;
      }
    });
  const flush = (): void => {
    write(held.subarray(0, heldBytes));
    heldBytes = 0;
  };
  const close = (): void => {
    if (open) closeSync(file);
    open = false;
  };

  return {
    path,
    get bytes() {
      return fileBytes + heldBytes;
    },
    append(view) {
      const offset = fileBytes + heldBytes;
      const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      if (heldBytes + bytes.length > HELD_BYTES) flush();
      if (bytes.length > HELD_BYTES) {
        write(bytes);
      } else {
        held.set(bytes, heldBytes);
        heldBytes += bytes.length;
      }
      return offset;
    },
    read(offset, length) {
      checkStretch(offset, length, fileBytes + heldBytes);
      if (offset + length > fileBytes) flush();
      const bytes = new Uint8Array(length);
      attempt("read", () => readFully(file, bytes, offset, path));
      return bytes;
    },
    truncate(bytes) {
      if (!(bytes >= 0 && bytes <= fileBytes + heldBytes)) {
        throw new LossyscopeError(
          "io",
          `the temporary file ${path} has ${count(fileBytes + heldBytes)} bytes, ${count(bytes)} are wanted`,
          "start the run afresh, without --resume",
        );
      }
      flush();
      attempt("cut", () => ftruncateSync(file, bytes));
      fileBytes = bytes;
    },
    flush,
    close() {
      if (open) flush();
      close();
      keep?.();
    },
    dispose() {
      close();
      rmSync(path, { force: true });
      keep?.();
    },
  };
}
