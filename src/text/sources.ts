/**
 * Finds the files that text is read from and opens them as bytes, uncompressed. A file that was named is read or refused for
 * what it is; a folder is walked in the order of names, every file in it looked at (`kinds.ts`), and what is no text is left
 * out and put to account. Every file has a name that is unique in the corpus and tells nothing of where it lies, and a
 * domain: the one given, else the folder right below the one that was named (METHODS §1, Domains).
 * Memory: about 300 bytes a file.
 */
import { constants, createReadStream } from "node:fs";
import { access, open, readdir, realpath, stat } from "node:fs/promises";
import { basename, join, resolve, sep } from "node:path";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { ioFault, systemCode } from "../files/faults.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { TextAccount } from "./account.ts";
import { HEAD_BYTES, type Kind, kindOf } from "./kinds.ts";
import { isModelFolder, isOurs } from "./own.ts";

/** What the user names: a file, a folder, or `-` for standard input. */
export interface TextSource {
  readonly path: string;
  /** null: by folder */
  readonly domain: string | null;
}

export interface TextFile {
  readonly path: string;
  /** unique in the corpus: the path below the folder that was named, or the file's own name; more folders where that takes it */
  readonly name: string;
  readonly domain: string;
  readonly format: "text" | "json" | "jsonl" | "parquet";
  readonly compressed: boolean;
  /** the user named this very file; else it lay in a folder */
  readonly named: boolean;
  /** where it can be read once only, from here: standard input, a pipe */
  readonly stream?: AsyncIterable<Uint8Array>;
}

export interface FindOptions {
  /** files whose bytes are not UTF-8 are read all the same */
  readonly replaceInvalid?: boolean;
  /** where this run writes: no part of a folder that it lies in, and not put to account */
  readonly outputs?: readonly string[];
  /** of what is left out */
  readonly account?: TextAccount;
}

/** domain of a file that lies in no folder below the one named */
const DEFAULT_DOMAIN = "text";
const STANDARD_INPUT = "-";
/** Folders that tools fill with what nobody wrote; hidden ones are left out by their dot. */
const TOOLS = /^(?:node_modules|__pycache__)$/;
/** A line is looked for in so much of a stream, to tell JSON lines from text. */
const LONGEST_FIRST_LINE = 2 ** 26;

/**
 * @returns the files, in the order of the sources and in folders of their names
 * @throws LossyscopeError `io` where a named path cannot be read, `text` where a named file is no text, a folder has none, or
 * a file comes twice
 */
export async function findTextFiles(sources: readonly TextSource[], options: FindOptions = {}): Promise<TextFile[]> {
  const found: TextFile[] = [];
  const outputs = new Set(await Promise.all((options.outputs ?? []).map(placeOf)));
  for (const { path, domain } of sources) {
    if (path === STANDARD_INPUT) {
      found.push(await fromStream(process.stdin, path, "stdin", domain ?? DEFAULT_DOMAIN));
      continue;
    }
    const information = await stat(path).catch((error) => {
      throw ioFault(error, `read ${path}`);
    });
    if (information.isDirectory()) found.push(...(await inFolder({ path, domain }, outputs, options)));
    else if (information.isFile()) found.push(await namedFile(path, domain ?? DEFAULT_DOMAIN));
    else found.push(await fromStream(createReadStream(path), path, basename(path), domain ?? DEFAULT_DOMAIN));
  }
  return withUniqueNames(found);
}

/** The real place of a path, also of one where nothing is yet. */
const placeOf = (path: string): Promise<string> => realpath(path).catch(() => resolve(path));

async function namedFile(path: string, domain: string): Promise<TextFile> {
  const name = basename(path);
  const { kind, compressed } = await looked(path, name);
  refuseOthers(kind, name, compressed);
  return { path, name, domain, format: formatOf(name, kind), compressed, named: true };
}

function refuseOthers(kind: Kind, name: string, compressed: boolean): void {
  const inside = compressed ? " inside gzip" : "";
  if (kind.is === "other") throw new LossyscopeError("text", `${name} is ${kind.what}${inside}`, kind.next);
  if (kind.is === "gzip") throw new LossyscopeError("text", `${name} is gzip inside gzip`, "unpack it once (gunzip)");
  if (kind.is === "parquet" && compressed)
    throw new LossyscopeError(
      "text",
      `${name} is Parquet inside gzip`,
      "unpack it first (gunzip): Parquet is read from its end",
    );
}

/** Records are told by the file's name, Parquet by its content. */
function formatOf(name: string, kind: Kind): TextFile["format"] {
  if (kind.is === "parquet") return "parquet";
  const plain = name.replace(/\.gz$/i, "");
  return /\.(?:jsonl|ndjson)$/i.test(plain) ? "jsonl" : /\.json$/i.test(plain) ? "json" : "text";
}

interface Looked {
  readonly kind: Kind;
  readonly compressed: boolean;
  readonly head: Buffer;
}

/** Looks at the beginning of a file, of what is in it where it is gzip. @throws LossyscopeError `io`; `text` for damaged gzip */
async function looked(path: string, name: string): Promise<Looked> {
  const head = await headOf(path);
  const kind = kindOf(head.bytes, head.whole);
  if (kind.is !== "gzip") return { kind, compressed: false, head: head.bytes };
  const inner = await beginningOf(readBytes({ path, name, compressed: true }), HEAD_BYTES);
  return { kind: kindOf(inner.bytes, inner.whole), compressed: true, head: inner.bytes };
}

async function headOf(path: string): Promise<{ bytes: Buffer; whole: boolean }> {
  try {
    const file = await open(path, "r");
    try {
      const bytes = Buffer.alloc(HEAD_BYTES);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(bytes, length, HEAD_BYTES - length, length);
        length += bytesRead;
        if (bytesRead === 0 || length === HEAD_BYTES)
          return { bytes: bytes.subarray(0, length), whole: bytesRead === 0 };
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw ioFault(error, `read ${path}`);
  }
}

async function beginningOf(
  chunks: AsyncIterable<Uint8Array>,
  most: number,
): Promise<{ bytes: Buffer; whole: boolean }> {
  const taken: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    taken.push(chunk);
    length += chunk.length;
    if (length > most) return { bytes: Buffer.concat(taken).subarray(0, most), whole: false };
  }
  return { bytes: Buffer.concat(taken), whole: true };
}

/**
 * What can be read once only is told by its content alone: gzip by its mark, JSON lines by a first line that is an object.
 * What was looked at is put in front again.
 */
async function fromStream(raw: Readable, path: string, name: string, domain: string): Promise<TextFile> {
  const where = name === "stdin" ? "standard input" : name;
  try {
    const first = await peek(raw, (bytes) => bytes.length >= HEAD_BYTES);
    const compressed = kindOf(first.bytes, first.whole).is === "gzip";
    const plain = compressed ? Readable.from(gunzipped(first.stream, where)) : first.stream;
    const begins = await peek(plain, isLineRead);
    const kind = kindOf(begins.bytes.subarray(0, HEAD_BYTES), begins.whole && begins.bytes.length <= HEAD_BYTES);
    if (kind.is === "parquet")
      throw new LossyscopeError("text", `${where} is Parquet, which is read from its end`, "name the file instead");
    refuseOthers(kind, where, compressed);
    const format = recordsIn(begins.bytes);
    return { path, name, domain, format, compressed: false, named: true, stream: begins.stream };
  } catch (error) {
    throw ioFault(error, `read ${path}`);
  }
}

const isLineRead = (bytes: Buffer): boolean =>
  bytes.length >= HEAD_BYTES && (firstLine(bytes) !== null || bytes.length >= LONGEST_FIRST_LINE);

/** The first line that is not blank, where it is there to its end. */
function firstLine(bytes: Buffer): string | null {
  let start = bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
  while (start < bytes.length && [9, 10, 13, 32].includes(bytes[start])) start++;
  const end = bytes.indexOf(10, start);
  return end < 0 ? null : bytes.toString("utf8", start, end);
}
const BYTE_ORDER_MARK = Buffer.from("\ufeff");

function recordsIn(bytes: Buffer): TextFile["format"] {
  const line = firstLine(bytes) ?? firstLine(Buffer.concat([bytes, Buffer.from("\n")])) ?? "";
  if (line.startsWith("{")) return isObject(line) ? "jsonl" : "text";
  // Whether it is JSON to its end is seen when it is read.
  return /^\[\s*(?:[{"].*|)$/.test(line) && /^\s*\[\s*[{"]/.test(bytes.toString("utf8", 0, 4096).replace(/^\ufeff/, ""))
    ? "json"
    : "text";
}

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}

/** Reads on until enough is there, and gives a stream that begins with what was read. */
async function peek(
  stream: Readable,
  isEnough: (bytes: Buffer) => boolean,
): Promise<{ bytes: Buffer; whole: boolean; stream: Readable }> {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>;
  const taken: Buffer[] = [];
  let bytes = Buffer.alloc(0);
  let length = 0;
  let whole = false;
  for (;;) {
    const next = await iterator.next();
    if (next.done) {
      whole = true;
      break;
    }
    taken.push(Buffer.from(next.value));
    length += taken[taken.length - 1].length;
    // Joined each time it has doubled, so that a long line is not copied for every chunk.
    if (length < Math.max(HEAD_BYTES, bytes.length * 2) && !next.value.includes("\n")) continue;
    bytes = Buffer.concat(taken);
    if (isEnough(bytes)) break;
  }
  bytes = Buffer.concat(taken);
  const all = async function* (): AsyncGenerator<Buffer> {
    if (bytes.length > 0) yield bytes;
    for (;;) {
      const next = await iterator.next();
      if (next.done) return;
      yield Buffer.from(next.value);
    }
  };
  return { bytes, whole, stream: Readable.from(all()) };
}

/** The files of a folder. @throws LossyscopeError `text` where there is none, saying what lies there instead */
async function inFolder(
  { path: root, domain }: TextSource,
  outputs: ReadonlySet<string>,
  options: FindOptions,
): Promise<TextFile[]> {
  const files: TextFile[] = [];
  const places = new Set<string>();
  const reasons = new Map<string, number>();
  const leaveOut = (name: string, reason: string): void => {
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    options.account?.leftOut(name, reason);
  };
  for await (const entry of walk(root, outputs)) {
    const name = entry.parts.join("/");
    if ("reason" in entry) {
      leaveOut(name, entry.reason);
      continue;
    }
    const path = join(root, ...entry.parts);
    const place = await placeOf(path);
    const left = places.has(place) ? { reason: "same file again" } : await inspected(path, name, options);
    places.add(place);
    if ("reason" in left) leaveOut(name, left.reason);
    else files.push({ ...left, domain: domain ?? (entry.parts.length > 1 ? entry.parts[0] : DEFAULT_DOMAIN) });
  }
  if (files.length > 0) return files;
  const there = [...reasons].map(([reason, files]) => `${count(files)} ${reason}`).join(", ");
  throw new LossyscopeError(
    "text",
    `${root} has no text in it${there === "" ? "" : ` (${there})`}`,
    "name another folder or file",
  );
}

/** A file of a folder, or why it is left out. @throws LossyscopeError `text` for gzip that breaks off */
async function inspected(
  path: string,
  name: string,
  options: FindOptions,
): Promise<Omit<TextFile, "domain"> | { readonly reason: string }> {
  try {
    const { kind, compressed, head } = await looked(path, name);
    if (kind.is === "other") return { reason: kind.reason };
    if (kind.is === "binary") return { reason: "binary" };
    if (kind.is === "not UTF-8" && !options.replaceInvalid) return { reason: "not UTF-8" };
    if (kind.is === "gzip" || (kind.is === "parquet" && compressed)) return { reason: "archive" };
    if (isOurs(name, head.toString("utf8"))) return { reason: "written by lossyscope" };
    return { path, name, format: formatOf(name, kind), compressed, named: false };
  } catch (error) {
    if (error instanceof LossyscopeError && error.fault === "io") return { reason: "unreadable" };
    throw error;
  }
}

type Entry = { readonly parts: readonly string[] } | { readonly parts: readonly string[]; readonly reason: string };

/**
 * Yields every file below the folder, in parts, and what is left out unseen; `open` holds the folders being walked, so that
 * links cannot make a circle. The order is that of UTF-16 units, the same on every system.
 */
async function* walk(
  root: string,
  outputs: ReadonlySet<string>,
  parts: readonly string[] = [],
  open: ReadonlySet<string> = new Set(),
): AsyncGenerator<Entry> {
  const here = join(root, ...parts);
  const left = (name: string, reason: string): Entry => ({ parts: [...parts, name], reason });
  let identity: string;
  let names: string[];
  try {
    identity = await realpath(here);
    names = await readdir(here);
  } catch (error) {
    if (parts.length === 0) throw ioFault(error, `read the folder ${here}`);
    yield { parts: [...parts, ""], reason: "unreadable" };
    return;
  }
  for (const name of names.sort((a, b) => (a < b ? -1 : 1))) {
    const path = join(here, name);
    const information = await stat(path).catch((error: unknown) => systemCode(error) ?? "EIO");
    if (typeof information === "string") {
      const gone = information === "ENOENT" || information === "ELOOP";
      yield left(name, name.startsWith(".") ? "hidden" : gone ? "broken link" : "unreadable");
      continue;
    }
    const shown = information.isDirectory() ? `${name}/` : name;
    const place = await placeOf(path);
    if (outputs.has(place)) continue;
    if (name.startsWith(".")) yield left(shown, "hidden");
    else if (information.isDirectory()) {
      if (TOOLS.test(name)) yield left(shown, "folder of tools");
      else if (place === identity || open.has(place)) yield left(shown, "link in a circle");
      else if ((await isReadable(path)) && isModelFolder(path)) yield left(shown, "folder of a model");
      else yield* walk(root, outputs, [...parts, name], new Set([...open, identity]));
    } else if (information.isFile()) yield { parts: [...parts, name] };
    else yield left(name, "no file (pipe, socket, device)");
  }
}

const isReadable = (path: string): Promise<boolean> =>
  access(path, constants.R_OK | constants.X_OK).then(
    () => true,
    () => false,
  );

/** Names that two files share get as many of the folders above them as it takes to tell the files apart. */
async function withUniqueNames(files: readonly TextFile[]): Promise<TextFile[]> {
  const byPlace = new Map<string, string>();
  for (const { path } of files) {
    const place = await realpath(path).catch(() => path);
    const other = byPlace.get(place);
    if (other !== undefined) {
      throw new LossyscopeError("text", `${path} is the same text as ${other}`, "name every file once");
    }
    byPlace.set(place, path);
  }
  const named = files.map((file) => ({
    ...file,
    folders: resolve(file.path).split(sep).slice(0, -file.name.split("/").length),
  }));
  for (;;) {
    const count = new Map<string, number>();
    for (const { name } of named) count.set(name, (count.get(name) ?? 0) + 1);
    const shared = named.filter(({ name, folders }) => count.get(name)! > 1 && folders.length > 0);
    if (shared.length === 0) return named.map(({ folders, ...file }) => file);
    for (const file of shared) file.name = `${file.folders.pop()}/${file.name}`;
  }
}

/**
 * @returns the file's bytes in chunks, uncompressed
 * @throws LossyscopeError `io` where it cannot be read, also when that happens on the way; `text` where gzip is damaged
 */
export async function* readBytes(
  file: Pick<TextFile, "path" | "name" | "compressed" | "stream">,
): AsyncGenerator<Uint8Array> {
  const raw = file.stream ?? createReadStream(file.path, { highWaterMark: 1 << 20 });
  try {
    if (file.compressed) yield* gunzipped(raw, file.name);
    else for await (const chunk of raw) yield chunk;
  } catch (error) {
    throw ioFault(error, `read ${file.path}`);
  }
}

/** All members of it. */
async function* gunzipped(raw: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  try {
    // The error that pipeline hands to its callback is the one that reading the last stream throws.
    for await (const chunk of pipeline(raw, createGunzip(), () => undefined)) yield chunk;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))) throw error;
    throw new LossyscopeError("text", `${name} is not a whole .gz file (${error.message})`, "download it again", {
      cause: error,
    });
  }
}
