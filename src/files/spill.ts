/**
 * A temporary file for rows that do not fit in memory: appended to in order, read back by offset. It is removed when
 * disposed of and when the process exits, unless it was opened to outlast an interruption; then `truncate` takes it
 * back to the last point the resumed run knows of.
 * Memory: 1 MiB of rows not yet written, and what `read` returns.
 */
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LossyscopeError } from "../numeric/errors.ts";
import { ioFault } from "./faults.ts";
import { removeAtExit } from "./temporary.ts";

const HELD_BYTES = 1 << 20;

export interface Spill {
  readonly path: string;
  /** bytes appended so far */
  readonly bytes: number;
  /** Adds the view's bytes and returns the offset they begin at. @throws LossyscopeError `io` (a full disk) */
  append(view: NodeJS.ArrayBufferView): number;
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
    attempt(`write to (${(fileBytes + bytes.length).toLocaleString("en-US")} bytes so far)`, () => {
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
      if (!(offset >= 0 && length >= 0 && offset + length <= fileBytes + heldBytes)) {
        throw new RangeError(`bytes ${offset} to ${offset + length} of a spill of ${fileBytes + heldBytes}`);
      }
      if (offset + length > fileBytes) flush();
      const bytes = new Uint8Array(length);
      attempt("read", () => {
        for (let done = 0; done < length; ) {
          const count = readSync(file, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
          if (count === 0) {
            throw new LossyscopeError("io", `the temporary file ${path} ends at byte ${offset + done} of ${fileBytes}`);
          }
          done += count;
        }
      });
      return bytes;
    },
    truncate(bytes) {
      if (!(bytes >= 0 && bytes <= fileBytes + heldBytes)) {
        throw new LossyscopeError(
          "io",
          `the temporary file ${path} has ${fileBytes + heldBytes} bytes, ${bytes} are wanted`,
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
