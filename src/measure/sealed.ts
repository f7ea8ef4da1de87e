/**
 * Plain data on the disk, typed arrays and maps among it: the SHA-256 of what follows, then the structured clone with the
 * version of the tool. A file that is damaged, or another version's, says so.
 *
 * Memory: the data, twice while they are written or read.
 */
import { readFileSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import { writeAtomic } from "../files/atomic.ts";
import { sha256 } from "../files/digest.ts";
import { ioFault } from "../files/faults.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { VERSION } from "../profile/version.ts";

const DIGEST_CHARACTERS = 64;

interface Sealed {
  readonly version: string;
  readonly content: unknown;
}

/** @throws LossyscopeError `io` where the disk refuses */
export async function writeSealed(path: string, content: unknown): Promise<void> {
  const sealed: Sealed = { version: VERSION, content };
  const bytes = serialize(sealed);
  await writeAtomic(path, [Buffer.from(sha256(bytes), "latin1"), bytes]);
}

/**
 * @param made what was made with it, in the past tense, for the error of another version: `the run was begun`
 * @param next what to do where it cannot be read
 * @throws LossyscopeError `io` where it is missing or damaged, `usage` where another version wrote it
 */
export function readSealed(path: string, made: string, next: string): unknown {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw ioFault(error, `read ${path}`);
  }
  const sealed = bytes.subarray(DIGEST_CHARACTERS);
  if (bytes.toString("latin1", 0, DIGEST_CHARACTERS) !== sha256(sealed)) {
    throw new LossyscopeError("io", `${path} is damaged`, next);
  }
  const { version, content } = deserialize(sealed) as Sealed;
  if (version !== VERSION)
    throw new LossyscopeError("usage", `${made} by lossyscope ${version}, this is ${VERSION}`, next);
  return content;
}
