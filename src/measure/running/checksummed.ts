/**
 * Plain data on the disk, typed arrays and maps among it: the SHA-256 of what follows, then the structured clone with the
 * version of the tool. A file that is damaged, or another version's, says so.
 *
 * Memory: the data, twice while they are written or read.
 */
import { readFileSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import { z } from "zod";
import { writeAtomic } from "../../files/atomic.ts";
import { sha256 } from "../../files/digest.ts";
import { ioFault } from "../../files/faults.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { checked } from "../../numeric/schema-faults.ts";
import { VERSION } from "../../profile/version.ts";

const DIGEST_CHARACTERS = 64;

const wrappedSchema = z.object({ version: z.string(), content: z.unknown() });
type Wrapped = z.infer<typeof wrappedSchema>;

/** @throws LossyscopeError `io` where the disk refuses */
export async function writeChecksummed(path: string, content: unknown): Promise<void> {
  const wrapped: Wrapped = { version: VERSION, content };
  const bytes = serialize(wrapped);
  await writeAtomic(path, [Buffer.from(sha256(bytes), "latin1"), bytes]);
}

/**
 * @param schema of the content
 * @param made what was made with it, in the past tense, for the error of another version: `the run was begun`
 * @param next what to do where it cannot be read
 * @throws LossyscopeError `io` where it is missing or damaged, `usage` where another version wrote it
 */
export function readChecksummed<T>(path: string, schema: z.ZodType<T>, made: string, next: string): T {
  const damaged = (why?: string): LossyscopeError =>
    new LossyscopeError("io", `${path} is damaged${why === undefined ? "" : ` (${why})`}`, next);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw ioFault(error, `read ${path}`);
  }
  const wrapped = bytes.subarray(DIGEST_CHARACTERS);
  if (bytes.toString("latin1", 0, DIGEST_CHARACTERS) !== sha256(wrapped)) throw damaged();
  let said: unknown;
  try {
    said = deserialize(wrapped);
  } catch {
    throw damaged("what its checksum is of is no data");
  }
  if (claimsMore(said, wrapped.length)) throw damaged("a list in it has more places than the file has bytes");
  const { version, content } = checked(wrappedSchema, said, damaged);
  if (version !== VERSION)
    throw new LossyscopeError("usage", `${made} by lossyscope ${version}, this is ${VERSION}`, next);
  return checked(schema, content, damaged);
}

/** Whether a list has more places than so many: a clone may say any length of a list that is empty. */
function claimsMore(said: unknown, places: number): boolean {
  const met = new Set<unknown>();
  const left = [said];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || met.has(value)) continue;
    met.add(value);
    if (Array.isArray(value) && value.length > places) return true;
    if (value instanceof Map) for (const [key, own] of value) left.push(key, own);
    else for (const own of value instanceof Set ? value : Object.values(value)) left.push(own);
  }
  return false;
}
