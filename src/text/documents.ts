/**
 * Text files → documents (METHODS §0, Document): a text file is one document; every record of JSON lines, of a JSON list or of
 * Parquet is one; a pattern cuts either. Limits and the seeded sample choose among them. Files and records that are empty
 * are documents of no bytes; empty stretches between two cuts are none.
 * Memory: the largest file, or where limits and no sample choose so much of it as these want and 128 kB, twice that where a pattern cuts it (JSON lines are read line by line, their longest line; Parquet by row group), three times over while
 * it is decoded; a sample under a limit of bytes or documents holds the chosen texts, one without a limit holds nothing.
 */
import { isUtf8 } from "node:buffer";
import { inTime, OutOfTime, patienceFor } from "../files/in-time.ts";
import { parseJson } from "../formats/json.ts";
import { count, sizeText, timeText } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { type Random, random } from "../numeric/random.ts";
import type { TextAccount } from "./account.ts";
import { metadataOf, ofPart, type RecordKind, type RecordMetadata } from "./metadata.ts";
import { readParquet } from "./parquet.ts";
import type { ParquetColumn } from "./parquet-messages.ts";
import { type Conversation, chatField, conversationOf, fieldAt, fieldsOf, textField, textOf } from "./records.ts";
import { findTextFiles, readBytes, type TextFile, type TextSource } from "./sources.ts";
import { cutToBytes, type Decoded, decodeUtf8, type InvalidUtf8, LONGEST_TEXT, wellFormed } from "./utf8.ts";

/** One record or file, as it was read. */
export interface SourceDocument {
  /** unique and stable: `file`, `file#3` for the fourth of a file that holds several */
  readonly id: string;
  readonly domain: string;
  /** well-formed: it has an UTF-8 spelling */
  readonly text: string;
  /** sequences that were not UTF-8 and are U+FFFD now */
  readonly replaced: number;
  /** what its record says beside the text; absent where it is the text of a file */
  readonly metadata?: RecordMetadata;
}

/** Writes a conversation as a model reads it. */
export interface ChatRenderer {
  /** @throws LossyscopeError `text` or `unsupported`, beginning with `where` */
  render(conversation: Conversation, where: string): Promise<string>;
}

export interface TextOptions {
  readonly text: readonly TextSource[];
  /** where a record keeps its text, or with `chat` its conversation: a name, or a path with dots; null: the usual names */
  readonly field: string | null;
  /** records are conversations, and this renders them; null: their text is read */
  readonly chat?: ChatRenderer | null;
  /** pattern that cuts texts; what it matches belongs to no document */
  readonly splitOn: string | null;
  /** fields of records that label the document */
  readonly labels: readonly string[];
  /** kinds of record that say something of their whole text */
  readonly kinds: readonly RecordKind<unknown>[];
  readonly limitBytes: number | null;
  readonly limitDocuments: number | null;
  /** whether a limit chooses whole documents at random (by `seed`) or takes the first ones and cuts the last */
  readonly sample: boolean;
  readonly invalidUtf8: InvalidUtf8;
  readonly seed: number;
  /** where this run writes: no part of the text */
  readonly outputs?: readonly string[];
  /** takes down which files were read and which were not */
  readonly account?: TextAccount;
}

/** Every text whole, as it is: how they are read where nothing else is asked for. */
export const AS_THEY_ARE: Omit<TextOptions, "text"> = {
  field: null,
  splitOn: null,
  labels: [],
  kinds: [],
  limitBytes: null,
  limitDocuments: null,
  sample: false,
  invalidUtf8: "error",
  seed: 0,
};

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
  if (cut !== null && options.chat)
    throw new LossyscopeError(
      "usage",
      "--split-on cuts texts, and a conversation is one",
      "leave out one of --split-on and --chat",
    );
  const unseen = new Set(options.labels);
  let read = 0;
  const { outputs, account } = options;
  const replaceInvalid = options.invalidUtf8 === "replace";
  for (const file of await findTextFiles(options.text, { replaceInvalid, outputs, account })) {
    const before = read;
    for await (const document of readFile(file, cut, options)) {
      if (read++ === before) account?.read();
      for (const label of Object.keys(document.metadata?.labels ?? {})) unseen.delete(label);
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

/** @throws LossyscopeError `usage` for what is no pattern */
export function pattern(source: string): RegExp {
  try {
    return new RegExp(source, "gmu");
  } catch (error) {
    throw new LossyscopeError("usage", `--split-on is no pattern (${(error as Error).message})`);
  }
}

/**
 * @returns start and end of every match, in turn
 * @throws LossyscopeError `usage` where the pattern tries more ways to match the text than anybody waits for
 */
function matchesOf(cut: RegExp, text: string): number[] {
  const most = patienceFor(text.length);
  try {
    return inTime(most, () => {
      const ends: number[] = [];
      for (const { index, 0: matched } of text.matchAll(cut)) ends.push(index, index + matched.length);
      return ends;
    });
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    throw new LossyscopeError(
      "usage",
      `the pattern of --split-on, ${shown(cut.source)}, was not through with a text of ${count(text.length)} characters in ${timeText(most / 1000)}`,
      "write one that matches in one way only, without a repetition inside a repetition",
    );
  }
}

function readFile(file: TextFile, cut: RegExp | null, options: TextOptions): AsyncGenerator<SourceDocument> {
  switch (file.format) {
    case "jsonl":
      return readRecords(linesOf(file, options), file, cut, options);
    case "json":
      return readJson(file, cut, options);
    case "parquet":
      return readRecords(rowsOf(file, options), file, cut, options);
    case "text":
      return readText(file, cut, options);
  }
}

async function* readText(file: TextFile, cut: RegExp | null, options: TextOptions): AsyncGenerator<SourceDocument> {
  const { limitBytes, limitDocuments, sample } = options;
  const isLimited = !sample && (limitBytes !== null || (limitDocuments !== null && cut !== null));
  const bytes = !isLimited
    ? await wholeFile(file, Infinity)
    : cut === null
      ? await wholeFile(file, limitBytes!)
      : await beginningOf(file, cut, options);
  yield* plainText(bytes, file, cut, options);
}

/** Characters that a match of `--split-on` is given to end in, and what it looks at behind it, where a limit ends the reading. */
const BEHIND = 1 << 16;
/** Bytes that are read at first where only documents are limited. */
const AT_FIRST = 1 << 16;

/** As much of a file as the limits want, cut by a pattern: twice as much again and again until that is certain. */
async function beginningOf(
  file: TextFile,
  cut: RegExp,
  { limitBytes, limitDocuments, invalidUtf8 }: TextOptions,
): Promise<Buffer> {
  const isEnough = (bytes: Buffer): boolean => {
    const { text } = decodeUtf8(bytes, invalidUtf8, file.name);
    const certain = text.length - BEHIND;
    const ends = matchesOf(cut, text);
    let [documents, kept, start, at] = [0, 0, 0, 0];
    for (; at < ends.length && ends[at + 1] < certain; at += 2) {
      if (ends[at] > start) documents++;
      kept += Buffer.byteLength(text.slice(start, ends[at]));
      start = ends[at + 1];
    }
    // Up to the next match, or to where one might begin that goes on behind what was read.
    kept += Buffer.byteLength(text.slice(start, Math.max(start, Math.min(ends[at] ?? certain, certain))));
    return kept >= (limitBytes ?? Infinity) || documents >= (limitDocuments ?? Infinity);
  };
  const chunks: Uint8Array[] = [];
  let length = 0;
  let wanted = 2 * BEHIND + Math.min(limitBytes ?? AT_FIRST, LONGEST_TEXT);
  for await (const chunk of readBytes(file)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > LONGEST_TEXT) throw tooLong(file.name, length);
    if (length <= wanted) continue;
    const bytes = upTo(Buffer.concat(chunks, length), wanted);
    if (isEnough(bytes)) return bytes;
    wanted = 2 * length;
  }
  return Buffer.concat(chunks, length);
}

/** Where a conversation is wanted, or the bytes are no text, the file of a folder is left out, and a named one refused. */
function* plainText(
  bytes: Buffer,
  file: TextFile,
  cut: RegExp | null,
  options: TextOptions,
): Generator<SourceDocument> {
  const { name, domain } = file;
  const leaveOut = (reason: string): void => options.account?.leftOut(name, reason);
  if (options.chat) {
    if (!file.named) return leaveOut("without conversations");
    throw new LossyscopeError(
      "text",
      `${name} is plain text, --chat renders records with messages`,
      "name JSON lines or Parquet",
    );
  }
  if (!file.named && options.invalidUtf8 === "error" && !isUtf8(bytes)) return leaveOut("not UTF-8");
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

/** What lies between the matches, empty stretches left out; an empty match cuts, but not at the ends. Memory: 16 bytes a match. */
export function* between(text: string, cut: RegExp): Generator<string> {
  const ends = matchesOf(cut, text);
  let start = 0;
  for (let at = 0; at < ends.length; at += 2) {
    if (ends[at] > start) yield text.slice(start, ends[at]);
    start = ends[at + 1];
  }
  if (start < text.length) yield text.slice(start);
}

/** @param most bytes that are wanted; a few more are read so that no character is cut in two */
async function wholeFile(file: TextFile, most: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of readBytes(file)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > most) break;
    if (length > LONGEST_TEXT) throw tooLong(file.name, length);
  }
  return upTo(Buffer.concat(chunks, length), most);
}

/** So many bytes, and those of the last character. */
function upTo(bytes: Buffer, most: number): Buffer {
  if (bytes.length <= most) return bytes;
  let end = most;
  while (end < bytes.length && (bytes[end] & 0xc0) === 0x80) end++;
  return bytes.subarray(0, end);
}

function tooLong(where: string, bytes: number): LossyscopeError {
  return new LossyscopeError(
    "text",
    `${where} is one text of at least ${sizeText(bytes)}, the longest is ${sizeText(LONGEST_TEXT)}`,
    "cut it into several files or records, or pass --limit-bytes",
  );
}

/** A record, where it stands for errors, and the bytes of it that were replaced. */
interface Found {
  readonly id: string;
  readonly where: string;
  readonly record: unknown;
  readonly replaced: number;
}

async function* readRecords(
  found: AsyncIterable<Found> | Iterable<Found>,
  { domain }: TextFile,
  cut: RegExp | null,
  options: TextOptions,
): AsyncGenerator<SourceDocument> {
  for await (const one of found) {
    const document = await toDocument(one, domain, options);
    if (cut === null || document.metadata!.ofWhole.size > 0) {
      yield document;
      continue;
    }
    let index = 0;
    for (const text of between(document.text, cut)) {
      yield { ...document, id: `${document.id}.${index}`, text, replaced: index === 0 ? document.replaced : 0 };
      index++;
    }
  }
}

/**
 * One record or a list of them; JSON lines under the name of JSON are read as such. In a folder, and on standard input, JSON
 * that holds no records is text like any other: a package.json is no mistake of who names the folder.
 */
async function* readJson(file: TextFile, cut: RegExp | null, options: TextOptions): AsyncGenerator<SourceDocument> {
  const bytes = await wholeFile(file, Infinity);
  const strict = file.named && !file.stream;
  if (!strict && options.invalidUtf8 === "error" && !isUtf8(bytes)) return yield* plainText(bytes, file, cut, options);
  const { text, replaced } = decodeUtf8(bytes, options.invalidUtf8, file.name);
  const plain = function* (): Generator<SourceDocument> {
    if (!options.chat && !file.named) options.account?.asPlainText(file.name);
    yield* plainText(bytes, file, cut, options);
  };
  let value: unknown;
  try {
    value = parse(text, file.name);
  } catch (error) {
    const lines = [...lineStarts(text)];
    if (lines.length > 1 && isRecord(lines[0].line)) {
      const each = lines.map(({ line, number }, index): Found => {
        const where = `${file.name}, line ${number}`;
        return { id: `${file.name}#${index}`, where, record: parse(line, where), replaced: index === 0 ? replaced : 0 };
      });
      return yield* readRecords(each, file, cut, options);
    }
    if (strict) throw error;
    return yield* plain();
  }
  const records = Array.isArray(value) ? value : [value];
  const asked =
    Array.isArray(value) &&
    options.field !== null &&
    records.some((record) => typeof record === "object" && record !== null);
  if (!strict && !asked && !records.some((record) => holdsText(record, Array.isArray(value), options)))
    return yield* plain();
  const found = records.map((record, index): Found => {
    const listed = Array.isArray(value);
    return {
      id: listed ? `${file.name}#${index}` : file.name,
      where: listed ? `${file.name}, record ${index + 1}` : file.name,
      record,
      replaced: index === 0 ? replaced : 0,
    };
  });
  yield* readRecords(found, file, cut, options);
}

function* lineStarts(text: string): Generator<{ line: string; number: number }> {
  let number = 0;
  for (const line of text.replace(/^\ufeff/, "").split("\n")) {
    number++;
    if (line.trim() !== "") yield { line, number };
  }
}

function isRecord(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

/** Whether JSON that nobody named for its records is one. */
function holdsText(record: unknown, inList: boolean, { field, chat }: TextOptions): boolean {
  if (chat) return chatField(record, field) !== null;
  if (typeof record === "string") return true;
  const at = textField(record, field);
  if (at === null) return chatField(record, null) !== null;
  return inList || typeof fieldAt(record, at) === "string";
}

async function* linesOf(file: TextFile, options: TextOptions): AsyncGenerator<Found> {
  let index = 0;
  let line = 0;
  for await (const { bytes, offset } of lines(file)) {
    line++;
    const where = `${file.name}, line ${line}`;
    const { text, replaced } = decodeUtf8(bytes, options.invalidUtf8, where, offset);
    if (text.trim() === "" || text.trim() === "\ufeff") continue;
    yield { id: `${file.name}#${index++}`, where, record: parse(text, where, index === 1), replaced };
  }
}

/** Lines of a file, without what ends them. */
export async function* lines(file: TextFile): AsyncGenerator<{ bytes: Uint8Array; offset: number }> {
  let pending: Uint8Array[] = [];
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

function parse(text: string, where: string, first = false): unknown {
  const next =
    first && /^\s*[[{]/.test(text)
      ? "JSON lines have a record a line; a whole document of JSON is called .json"
      : undefined;
  return parseJson(text, (why) => new LossyscopeError("text", `${where} ${why}`, next));
}

/** Rows of Parquet as records of the columns that are wanted. */
async function* rowsOf(file: TextFile, options: TextOptions): AsyncGenerator<Found> {
  const choose = (columns: readonly ParquetColumn[]) => wantedColumns(columns, file.name, options);
  for await (const { row, record } of readParquet(file.path, file.name, choose))
    yield { id: `${file.name}#${row}`, where: `${file.name}, row ${row + 1}`, record, replaced: 0 };
}

const CHAT_COLUMNS = ["messages", "conversations", "conversation", "tools"];

/** @throws LossyscopeError `text` where the column is missing or none of text, by its type */
function wantedColumns(
  columns: readonly ParquetColumn[],
  name: string,
  { field, chat, labels, kinds }: TextOptions,
): string[] {
  const top = (path: string): string => {
    const whole = columns.find((column) => column.path[0] === path);
    return whole ? path : path.split(".")[0];
  };
  const further = new Set([...labels.map(top), "exposures", ...kinds.flatMap(({ fields }) => fields)]);
  if (chat) return [...(field === null ? CHAT_COLUMNS : [top(field), "tools"]), ...further];
  const at = (path: string) =>
    columns.find((column) => column.path.length === 1 && column.path[0] === path) ??
    columns.find((column) => column.path.join(".") === path);
  const column = field === null ? (at("text") ?? at("content")) : at(field);
  const strings = columns.filter(({ type }) => type === "string").map(({ path }) => path.join("."));
  const there = columns
    .slice(0, 20)
    .map(({ path, type }) => `${path.join(".")}: ${type}`)
    .join(", ");
  const next = strings.length > 0 ? `pass --field ${strings[0]}` : "name a file that has a column of text";
  if (!column) {
    const conversation = columns.find(({ path }) => path.length === 1 && CHAT_COLUMNS.slice(0, 3).includes(path[0]));
    const asked = field === null ? "`text` or `content`" : `\`${field}\``;
    throw new LossyscopeError(
      "text",
      `${name} has no column ${asked} (columns: ${there})`,
      conversation && field === null
        ? `pass --chat to render \`${conversation.path[0]}\` with the model's own template`
        : next,
    );
  }
  if (column.type !== "string" && column.type !== "binary")
    throw new LossyscopeError(
      "text",
      `${name} has no text in the column \`${column.path.join(".")}\`, which is of type ${column.type}`,
      next,
    );
  return [column.path[0], ...further];
}

async function toDocument(
  { id, where, record, replaced }: Found,
  domain: string,
  options: TextOptions,
): Promise<SourceDocument> {
  const fields = fieldsOf(record);
  const conversation = options.chat ? conversationOf(record, options.field, where) : null;
  const raw = conversation === null ? bytesOf(record, options, where) : null;
  const text = conversation
    ? await options.chat!.render(conversation, where)
    : (raw?.text ?? textOf(record, options.field, where));
  const sound = wellFormed(text, options.invalidUtf8, where);
  const labels: Record<string, string> = {};
  for (const name of options.labels) {
    const value = fieldAt(fields, name);
    if (["string", "number", "boolean"].includes(typeof value)) labels[name] = String(value);
  }
  const chat = conversation && { messages: conversation.messages.length, messageBytes: conversation.messageBytes };
  return {
    id,
    domain,
    text: sound.text,
    replaced: replaced + sound.replaced + (raw?.replaced ?? 0),
    metadata: metadataOf(fields, text, where, options.kinds, { labels, chat }),
  };
}

/** A column of Parquet whose text is no UTF-8 comes as bytes. @returns null for anything else */
function bytesOf(record: unknown, { field, invalidUtf8 }: TextOptions, where: string): Decoded | null {
  const at = textField(record, field);
  const value = at === null ? null : fieldAt(record, at);
  return value instanceof Uint8Array ? decodeUtf8(value, invalidUtf8, where) : null;
}

/** The beginning of a document that fits in so many bytes. */
function beginning(document: SourceDocument, bytes: number): SourceDocument {
  const text = cutToBytes(document.text, bytes);
  if (text.length === document.text.length) return document;
  return { ...document, text, ...(document.metadata && { metadata: ofPart(document.metadata) }) };
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
