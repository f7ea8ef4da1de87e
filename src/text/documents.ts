/**
 * Text files → documents (METHODS §0, Document): a text file is one document or is cut by a pattern; every record of a
 * .jsonl or .json file is one. Limits and the seeded sample choose among them. Empty files and records are documents of no
 * bytes; empty stretches between two cuts are none.
 * Memory: the largest file (a .jsonl is read line by line: its longest line), three times over while it is decoded; a
 * sample under a limit of bytes or documents holds the chosen texts, one without a limit holds nothing.
 */
import { LossyscopeError } from "../numeric/errors.ts";
import { type Random, random } from "../numeric/random.ts";
import { type PageRecord, pageRecord } from "./almanac/record.ts";
import { findTextFiles, readBytes, type TextFile, type TextSource } from "./sources.ts";
import { cutToBytes, decodeUtf8, type InvalidUtf8, LONGEST_TEXT, wellFormed } from "./utf8.ts";

/** One record or file, as it was read. */
export interface SourceDocument {
  /** unique and stable: `file`, `file#3` for the fourth of a file that holds several */
  readonly id: string;
  readonly domain: string;
  /** well-formed: it has an UTF-8 spelling */
  readonly text: string;
  /** sequences that were not UTF-8 and are U+FFFD now */
  readonly replaced: number;
  /** the labels asked for that the record carries */
  readonly labels?: Readonly<Record<string, string>>;
  /** how often the record says that it was trained on, in its field `exposures` */
  readonly exposures?: number;
  /** where the record is a page of the almanac, whole: its floors */
  readonly page?: PageRecord;
}

export interface TextOptions {
  readonly text: readonly TextSource[];
  /** where a record keeps its text; null: `text`, else `content` */
  readonly field: string | null;
  /** pattern that cuts text files; what it matches belongs to no document */
  readonly splitOn: string | null;
  /** fields of records that label the document */
  readonly labels: readonly string[];
  readonly limitBytes: number | null;
  readonly limitDocuments: number | null;
  /** whether a limit chooses whole documents at random (by `seed`) or takes the first ones and cuts the last */
  readonly sample: boolean;
  readonly invalidUtf8: InvalidUtf8;
  readonly seed: number;
}

/**
 * @returns documents in the order of their files, in a file in its own order, sampled or not
 * @throws LossyscopeError `io`, `text` or `usage`, naming file, and line or byte
 */
export async function* readDocuments(options: TextOptions): AsyncGenerator<SourceDocument> {
  const all = readAll(options);
  const limited = options.limitBytes !== null || options.limitDocuments !== null;
  if (!limited) yield* all;
  else if (options.sample) yield* sample(all, options);
  else yield* takeFirst(all, options);
}

async function* readAll(options: TextOptions): AsyncGenerator<SourceDocument> {
  const cut = options.splitOn === null ? null : pattern(options.splitOn);
  const unseen = new Set(options.labels);
  let read = 0;
  for (const file of await findTextFiles(options.text)) {
    for await (const document of readFile(file, cut, options)) {
      read++;
      for (const label of Object.keys(document.labels ?? {})) unseen.delete(label);
      yield document;
    }
  }
  if (read > 0 && unseen.size > 0) {
    throw new LossyscopeError(
      "text",
      `no record has a string, number or true/false in ${[...unseen].map((label) => `\`${label}\``).join(", ")}`,
      "name a field that the records carry",
    );
  }
}

function pattern(source: string): RegExp {
  try {
    return new RegExp(source, "gmu");
  } catch (error) {
    throw new LossyscopeError("usage", `--split-on is no pattern (${(error as Error).message})`);
  }
}

function readFile(file: TextFile, cut: RegExp | null, options: TextOptions): AsyncGenerator<SourceDocument> {
  switch (file.format) {
    case "jsonl":
      return readLines(file, options);
    case "json":
      return readJson(file, options);
    case "text":
      return readText(file, cut, options);
  }
}

async function* readText(file: TextFile, cut: RegExp | null, options: TextOptions): AsyncGenerator<SourceDocument> {
  const { name, domain } = file;
  const most = options.limitBytes !== null && !options.sample && cut === null ? options.limitBytes : Infinity;
  const bytes = await wholeFile(file, most);
  const { text, replaced } = decodeUtf8(bytes, options.invalidUtf8, name);
  if (cut === null) {
    yield { id: name, domain, text, replaced };
    return;
  }
  let index = 0;
  let counted = replaced;
  for (const piece of between(text, cut)) {
    // The file's count goes with its first document: a sum over documents counts it once.
    yield { id: `${name}#${index++}`, domain, text: piece, replaced: counted };
    counted = 0;
  }
}

/** What lies between the matches, empty stretches left out; an empty match cuts, but not at the ends. */
function* between(text: string, cut: RegExp): Generator<string> {
  let start = 0;
  for (const match of text.matchAll(cut)) {
    if (match.index > start) yield text.slice(start, match.index);
    start = match.index + match[0].length;
  }
  if (start < text.length) yield text.slice(start);
}

/** @param most bytes that are wanted; a few more are read so that no character is cut in two */
async function wholeFile(file: TextFile, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of readBytes(file)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > most) break;
    if (length > LONGEST_TEXT) throw tooLong(file.name, length);
  }
  const bytes = Buffer.concat(chunks, length);
  if (length <= most) return bytes;
  let end = most;
  while (end < length && (bytes[end] & 0xc0) === 0x80) end++;
  return bytes.subarray(0, end);
}

function tooLong(where: string, bytes: number): LossyscopeError {
  return new LossyscopeError(
    "text",
    `${where} is one text of at least ${bytes.toLocaleString("en-US")} bytes, the longest is ${LONGEST_TEXT.toLocaleString("en-US")}`,
    "cut it into several files or records, or pass --limit-bytes",
  );
}

async function* readJson(file: TextFile, options: TextOptions): AsyncGenerator<SourceDocument> {
  const { text, replaced } = decodeUtf8(await wholeFile(file, Infinity), options.invalidUtf8, file.name);
  const value = parse(text, file.name);
  const records = Array.isArray(value) ? value : [value];
  for (const [index, record] of records.entries()) {
    const where = Array.isArray(value) ? `${file.name}, record ${index + 1}` : file.name;
    const id = Array.isArray(value) ? `${file.name}#${index}` : file.name;
    yield toDocument(record, id, file.domain, index === 0 ? replaced : 0, where, options);
  }
}

async function* readLines(file: TextFile, options: TextOptions): AsyncGenerator<SourceDocument> {
  let index = 0;
  let line = 0;
  for await (const { bytes, offset } of lines(file)) {
    line++;
    const where = `${file.name}, line ${line}`;
    const { text, replaced } = decodeUtf8(bytes, options.invalidUtf8, where, offset);
    if (text.trim() === "") continue;
    yield toDocument(parse(text, where), `${file.name}#${index++}`, file.domain, replaced, where, options);
  }
}

/** Lines of a file, without what ends them. */
export async function* lines(file: TextFile): AsyncGenerator<{ bytes: Buffer; offset: number }> {
  let pending: Buffer[] = [];
  let length = 0;
  let offset = 0;
  for await (const chunk of readBytes(file)) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      pending.push(chunk.subarray(start, end));
      const bytes = Buffer.concat(pending);
      yield { bytes, offset };
      offset += bytes.length + 1;
      pending = [];
      length = 0;
      start = end + 1;
    }
    pending.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > LONGEST_TEXT) throw tooLong(file.name, length);
  }
  if (length > 0) yield { bytes: Buffer.concat(pending), offset };
}

/** A byte order mark is no part of JSON; some writers put one before it. */
function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    throw new LossyscopeError("text", `${where} is not JSON (${(error as Error).message})`);
  }
}

function toDocument(
  record: unknown,
  id: string,
  domain: string,
  replaced: number,
  where: string,
  options: TextOptions,
): SourceDocument {
  const fields = typeof record === "object" && record !== null ? (record as Record<string, unknown>) : {};
  const text = options.field === null ? (fields.text ?? fields.content ?? record) : fields[options.field];
  if (typeof text !== "string") {
    const names = Object.keys(fields).slice(0, 12).join(", ") || "none";
    throw new LossyscopeError(
      "text",
      `${where} has no text in ${options.field === null ? "`text` or `content`" : `\`${options.field}\``} (fields: ${names})`,
      "pass --field NAME",
    );
  }
  const sound = wellFormed(text, options.invalidUtf8, where);
  const labels: Record<string, string> = {};
  for (const name of options.labels) {
    const value = fields[name];
    if (["string", "number", "boolean"].includes(typeof value)) labels[name] = String(value);
  }
  const { exposures } = fields;
  const page = text === fields.text ? pageRecord(fields, Buffer.byteLength(text), where) : null;
  return {
    id,
    domain,
    text: sound.text,
    replaced: replaced + sound.replaced,
    ...(options.labels.length > 0 && { labels }),
    ...(isCount(exposures) && { exposures }),
    ...(page && { page }),
  };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The beginning of a document that fits in so many bytes; the floors are those of the whole page. */
function beginning(document: SourceDocument, bytes: number): SourceDocument {
  const text = cutToBytes(document.text, bytes);
  if (text.length === document.text.length) return document;
  const { page: _whole, ...rest } = document;
  return { ...rest, text };
}

type Limits = Pick<TextOptions, "limitBytes" | "limitDocuments" | "seed">;

/** The first documents, the last one cut where the bytes run out. */
async function* takeFirst(documents: AsyncIterable<SourceDocument>, limits: Limits): AsyncGenerator<SourceDocument> {
  let bytes = limits.limitBytes ?? Infinity;
  let count = limits.limitDocuments ?? Infinity;
  for await (const document of documents) {
    const size = Buffer.byteLength(document.text);
    const taken = beginning(document, bytes);
    if (size === 0 || taken.text.length > 0) yield taken;
    bytes -= size;
    count--;
    if (bytes <= 0 || count <= 0) return;
  }
}

interface Drawn {
  readonly document: SourceDocument;
  readonly order: number;
  readonly key: number;
  readonly bytes: number;
}

/**
 * Whole documents in a random order, until one more would pass a limit; a first one that is too large by itself is cut. One
 * pass and no more text held than the limit: a document whose turn comes after the limit is passed can never come back.
 */
async function* sample(documents: AsyncIterable<SourceDocument>, limits: Limits): AsyncGenerator<SourceDocument> {
  const { limitBytes, limitDocuments } = limits;
  const keys: Random = random(limits.seed, "documents");
  let drawn: Drawn[] = [];
  let held = 0;
  let closed = Infinity;
  let order = 0;
  for await (const document of documents) {
    const key = keys.uniform();
    if (key < closed) {
      const taken = limitBytes === null ? document : beginning(document, limitBytes);
      const bytes = taken === document ? Buffer.byteLength(taken.text) : Infinity;
      drawn.push({ document: taken, order, key, bytes });
      held += bytes;
      if (drawn.length > (limitDocuments ?? Infinity) || held > (limitBytes ?? Infinity)) {
        drawn.sort((a, b) => a.key - b.key);
        let count = 0;
        held = 0;
        while (
          count < Math.min(drawn.length, limitDocuments ?? Infinity) &&
          (count === 0 || held + drawn[count].bytes <= (limitBytes ?? Infinity))
        ) {
          held += drawn[count++].bytes;
        }
        closed = Math.min(closed, drawn[count]?.key ?? Infinity);
        drawn = drawn.slice(0, count);
      }
    }
    order++;
  }
  for (const { document } of drawn.sort((a, b) => a.order - b.order)) yield document;
}
