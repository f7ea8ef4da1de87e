/**
 * Finds the files that text is read from (a folder is walked in the order of names, hidden entries left out) and opens
 * them as bytes, uncompressed. Every file has a name that is unique in the corpus and tells nothing of where it lies, and
 * a domain: the one given, else the folder right below the one that was named (METHODS §1, Domains).
 * Memory: about 300 bytes a file.
 */
import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join, resolve, sep } from "node:path";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { ioFault } from "../files/faults.ts";
import { LossyscopeError } from "../numeric/errors.ts";

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
  readonly format: "text" | "json" | "jsonl";
  readonly compressed: boolean;
}

/** domain of a file that lies in no folder below the one named */
const DEFAULT_DOMAIN = "text";
const STANDARD_INPUT = "-";
const READ_FROM_FOLDERS = /\.(txt|md|jsonl|json)(\.gz)?$/i;

/**
 * @returns the files, in the order of the sources and in folders of their names
 * @throws LossyscopeError `io` where a path cannot be read, `text` where a folder has no text or a file comes twice
 */
export async function findTextFiles(sources: readonly TextSource[]): Promise<TextFile[]> {
  const found: TextFile[] = [];
  for (const { path, domain } of sources) {
    if (path === STANDARD_INPUT) {
      found.push({ path, name: "stdin", domain: domain ?? DEFAULT_DOMAIN, format: "text", compressed: false });
      continue;
    }
    const information = await stat(path).catch((error) => {
      throw ioFault(error, `read ${path}`);
    });
    if (!information.isDirectory()) {
      found.push(describe(path, basename(path), domain ?? DEFAULT_DOMAIN));
      continue;
    }
    const before = found.length;
    for await (const parts of walk(path, [], new Set())) {
      const below = parts.length > 1 ? parts[0] : DEFAULT_DOMAIN;
      found.push(describe(join(path, ...parts), parts.join("/"), domain ?? below));
    }
    if (found.length === before) {
      throw new LossyscopeError("text", `${path} has no .txt, .md, .jsonl or .json file (or .gz of these) in it`);
    }
  }
  return withUniqueNames(found);
}

function describe(path: string, name: string, domain: string): TextFile {
  const plain = name.replace(/\.gz$/i, "");
  const format = /\.jsonl$/i.test(plain) ? "jsonl" : /\.json$/i.test(plain) ? "json" : "text";
  return { path, name, domain, format, compressed: plain !== name };
}

/** Yields the path of every text file below the folder, in parts; `open` holds the folders being walked, so that links cannot make a circle. */
async function* walk(folder: string, parts: readonly string[], open: ReadonlySet<string>): AsyncGenerator<string[]> {
  const here = join(folder, ...parts);
  try {
    const identity = await realpath(here);
    if (open.has(identity)) return;
    const names = (await readdir(here)).filter((name) => !name.startsWith("."));
    for (const name of names.sort((a, b) => (a < b ? -1 : 1))) {
      const information = await stat(join(here, name));
      if (information.isDirectory()) yield* walk(folder, [...parts, name], new Set([...open, identity]));
      else if (information.isFile() && READ_FROM_FOLDERS.test(name)) yield [...parts, name];
    }
  } catch (error) {
    throw ioFault(error, `read the folder ${here}`);
  }
}

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
 * @throws LossyscopeError `io` where it cannot be read, also when that happens on the way; `text` where a .gz is damaged
 */
export async function* readBytes(file: TextFile): AsyncGenerator<Buffer> {
  const raw = file.path === STANDARD_INPUT ? process.stdin : createReadStream(file.path, { highWaterMark: 1 << 20 });
  // The error that pipeline hands to its callback is the one that reading the last stream throws.
  const bytes = file.compressed ? pipeline(raw, createGunzip(), () => undefined) : raw;
  try {
    for await (const chunk of bytes) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_")) {
      throw new LossyscopeError(
        "text",
        `${file.name} is not a whole .gz file (${error.message})`,
        "download it again",
        {
          cause: error,
        },
      );
    }
    throw ioFault(error, `read ${file.path}`);
  }
}
