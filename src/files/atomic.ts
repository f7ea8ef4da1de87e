/**
 * Writing so that a file is there whole or not at all: into a temporary file of the same folder, to the disk, then
 * renamed. Whatever fails on the way (a full disk, a source that throws), nothing is left and an older file of that
 * name stays as it was.
 */
import { access, constants, type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { LossyscopeError } from "../numeric/errors.ts";
import { ioFault, systemCode } from "./faults.ts";
import { removeAtExit } from "./temporary.ts";

type Bytes = string | ArrayBufferView;
export type ByteSource = Bytes | Iterable<ArrayBufferView> | AsyncIterable<ArrayBufferView>;

let written = 0;

/**
 * Writes the bytes under the name. Links are followed; a device or a pipe (`/dev/stdout`) is written to as it stands.
 * @throws LossyscopeError `io` where the disk refuses, and whatever the source throws
 */
export async function writeAtomic(path: string, source: ByteSource): Promise<void> {
  try {
    const { target, replaced } = await placeOf(path);
    if (replaced) await writeAside(target, source);
    else await writeThrough(target, source);
  } catch (error) {
    throw ioFault(error, `write ${path}`);
  }
}

/**
 * Finds out before long work whether its result can be written: makes the temporary file of `writeAtomic` and takes it away.
 * @throws LossyscopeError `io` where the name or its folder refuses
 */
export async function checkWritable(path: string): Promise<void> {
  try {
    const { target, replaced } = await placeOf(path);
    if (!replaced) return;
    const temporary = temporaryName(target);
    const keep = removeAtExit(temporary);
    try {
      await (await open(temporary, "wx")).close();
      await rm(temporary);
    } finally {
      keep();
    }
  } catch (error) {
    throw ioFault(error, `write ${path}`);
  }
}

/** The same without making anything: whether its folder is there and may be written to. */
export async function checkPlace(path: string): Promise<void> {
  try {
    const { target, replaced } = await placeOf(path);
    if (replaced) await access(dirname(resolve(target)), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw ioFault(error, `write ${path}`);
  }
}

/**
 * Whether a folder is there, or could be made, without making it.
 * @returns whether it is there
 * @throws LossyscopeError `io` where neither is so
 */
export async function checkFolder(path: string): Promise<boolean> {
  try {
    return await isThere(resolve(path));
  } catch (error) {
    throw ioFault(error, `make the folder ${path}`);
  }
}

async function isThere(path: string): Promise<boolean> {
  const found = await stat(path).catch((error) => (systemCode(error) === "ENOENT" ? null : Promise.reject(error)));
  if (found === null) {
    await isThere(dirname(path));
    return false;
  }
  if (!found.isDirectory())
    throw Object.assign(new Error("EEXIST: file already exists"), { code: "EEXIST", syscall: "mkdir" });
  await access(path, constants.W_OK | constants.X_OK);
  return true;
}

/** The file that links lead to, and whether it is one to put another in the place of (a device or a pipe is not). */
async function placeOf(path: string): Promise<{ readonly target: string; readonly replaced: boolean }> {
  const target = await realpath(path).catch((error) => (systemCode(error) === "ENOENT" ? path : Promise.reject(error)));
  const existing = await stat(target).catch(() => undefined);
  if (existing?.isDirectory()) throw new LossyscopeError("io", `${path} is a folder`, "name a file");
  return { target, replaced: !existing || existing.isFile() };
}

const temporaryName = (target: string): string =>
  join(dirname(target), `.${basename(target)}.${process.pid}-${written++}.tmp`);

async function writeThrough(path: string, source: ByteSource): Promise<void> {
  const file = await open(path, "w");
  try {
    await writeAll(file, source);
  } finally {
    await file.close();
  }
}

async function writeAside(target: string, source: ByteSource): Promise<void> {
  const temporary = temporaryName(target);
  const file = await open(temporary, "wx");
  const keep = removeAtExit(temporary);
  try {
    try {
      await writeAll(file, source);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    keep();
  }
  await syncFolder(dirname(target));
}

async function writeAll(file: FileHandle, source: ByteSource): Promise<void> {
  const whole = typeof source === "string" || ArrayBuffer.isView(source);
  for await (const piece of whole ? [source] : source) {
    const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
    let done = 0;
    while (done < bytes.byteLength) {
      const { bytesWritten } = await file.write(
        new Uint8Array(bytes.buffer, bytes.byteOffset + done, Math.min(bytes.byteLength - done, 2 ** 30)),
      );
      done += bytesWritten;
    }
  }
}

/** Makes the rename itself last; some systems cannot open folders, and then it lasts when they see fit. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
