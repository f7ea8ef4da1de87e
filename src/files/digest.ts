/**
 * SHA-256, as lower-case hex: of text and bytes, and of whole files read in a stream. A file's digest is remembered
 * beside its size, inode and times of change under the user's cache folder, so that gigabytes are hashed once.
 * Memory: 1 MiB, whatever the file.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { LossyscopeError } from "../numeric/errors.ts";
import { writeAtomic } from "./atomic.ts";
import { cacheFolder } from "./cache.ts";
import { ioFault } from "./faults.ts";

export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

export interface DigestOptions {
  /** called with every number of bytes hashed (all at once where the digest was remembered) */
  readonly onBytes?: (bytes: number) => void;
  readonly signal?: AbortSignal;
  /** where digests are remembered; default `$XDG_CACHE_HOME/lossyscope/digests` */
  readonly memory?: string;
}

/**
 * @returns digest of the file's bytes
 * @throws LossyscopeError `io` where the file cannot be read; `interrupted`
 */
export async function sha256File(path: string, options: DigestOptions = {}): Promise<string> {
  const { onBytes, signal } = options;
  const memory = options.memory ?? cacheFolder("digests");
  try {
    const before = await stat(path, { bigint: true });
    const identity = [await realpath(path), before.size, before.ino, before.mtimeNs, before.ctimeNs].join("\n");
    const remembered = join(memory, sha256(identity));
    const known = await readFile(remembered, "utf8").catch(() => "");
    if (/^[0-9a-f]{64}$/.test(known)) {
      onBytes?.(Number(before.size));
      return known;
    }
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
      hash.update(chunk);
      onBytes?.(chunk.length);
    }
    const digest = hash.digest("hex");
    const after = await stat(path, { bigint: true });
    if (after.mtimeNs === before.mtimeNs && after.size === before.size) {
      // Remembering is a convenience: a cache that cannot be written to costs time, not the answer.
      await mkdir(memory, { recursive: true })
        .then(() => writeAtomic(remembered, digest))
        .catch(() => undefined);
    }
    return digest;
  } catch (error) {
    if (signal?.aborted) throw new LossyscopeError("interrupted", `stopped while hashing ${path}`);
    throw ioFault(error, `read ${path}`);
  }
}
