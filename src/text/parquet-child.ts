/**
 * The process in which Parquet is decoded, a row group at a time and only as far as it is asked for. Lengths and counts in
 * a file are hostile input: what can be checked is checked here before anything is set aside for it, and what a damaged page
 * makes of memory or time ends this process and nothing else.
 * Memory: the wanted columns of one row group, compressed, decompressed and as rows.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type RowGroup,
  type SchemaTree,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { liveAsChild } from "../files/lifeline.ts";
import { count, counted, numeral, sizeText } from "../numeric/amounts.ts";
import type { FromParquetChild, ParquetColumn, ToParquetChild } from "./parquet-messages.ts";

/** Footer, columns of a row group once decompressed, its rows: well past what writers make. */
const MOST_FOOTER_BYTES = 2 ** 28;
const MOST_GROUP_BYTES = 2 ** 30;
const MOST_GROUP_ROWS = 2 ** 23;
/** Rows that are handed over together. */
const PORTION = 512;

let wanted: readonly string[] = [];
let steps: AsyncGenerator<FromParquetChild, void> | undefined;

/** One step for every message that comes. */
process.on("message", ({ path, columns }: ToParquetChild) => {
  wanted = columns;
  steps ??= decode(path);
  steps
    .next()
    .then(({ done, value }): FromParquetChild => (done ? { kind: "end" } : value))
    .catch((error: unknown): FromParquetChild => ({ kind: "failed", message: said(error) }))
    .then((answer) => process.send!(answer));
});
process.once("disconnect", () => process.exit(0));
liveAsChild();

/** What is wrong with the file. */
class Unsound extends Error {}

/** Errors of ours, and those that the library thought of: the others say nothing of the file. */
function said(error: unknown): string {
  if (error instanceof Unsound) return error.message;
  const known = /^parquet (unsupported .+)$/s.exec(error instanceof Error ? error.message : "");
  return known && !known[1].includes("undefined") ? known[1] : "its description or a page of it is damaged";
}

async function* decode(path: string): AsyncGenerator<FromParquetChild, void> {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const buffer: AsyncBuffer = { byteLength: size, slice: (start, end = size) => bytesAt(file, start, end, size) };
    if (size < 12) throw new Unsound(`${counted(size, "byte")} are too few`);
    const tail = Buffer.from(bytesAt(file, size - 8, size, size));
    if (tail.toString("latin1", 4) !== "PAR1") throw new Unsound("its end is missing");
    const footer = tail.readUInt32LE(0);
    if (footer > size - 12)
      throw new Unsound(`its footer would have ${count(footer)} bytes, the file has ${count(size)}`);
    if (footer > MOST_FOOTER_BYTES)
      throw new Unsound(`its footer has ${sizeText(footer)}, ${sizeText(MOST_FOOTER_BYTES)} are read at most`);
    const metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
    const tree = parquetSchema(metadata);
    yield { kind: "schema", columns: [...leaves(tree)], rows: Number(metadata.num_rows) };
    const there = tree.children.map(({ element }) => element.name);
    const columns = wanted.filter((name) => there.includes(name));
    let from = 0;
    for (const [index, group] of metadata.row_groups.entries()) {
      const rows = checked(group, index, columns, size);
      if (rows === 0) continue;
      const found = await rowsOf(buffer, { ...metadata, row_groups: [group], num_rows: group.num_rows }, columns);
      if (found.length !== rows)
        throw new Unsound(`row group ${index + 1} has ${count(found.length)} of ${count(rows)} rows`);
      for (let at = 0; at < rows; at += PORTION) {
        yield { kind: "rows", from: from + at, rows: found.slice(at, at + PORTION).map(plain) };
      }
      from += rows;
    }
  } finally {
    closeSync(file);
  }
}

function bytesAt(file: number, start: number, end: number, size: number): ArrayBuffer {
  if (!(start >= 0 && end >= start && end <= size))
    throw new Unsound(`it points at bytes ${count(start)} to ${count(end)} of ${count(size)}`);
  const bytes = new Uint8Array(end - start);
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(file, bytes, done, bytes.length - done, start + done);
    if (read === 0) throw new Unsound("it was cut while it was read");
    done += read;
  }
  return bytes.buffer;
}

/** @returns rows of the group */
function checked(group: RowGroup, index: number, columns: readonly string[], size: number): number {
  const name = `row group ${index + 1}`;
  const rows = Number(group.num_rows);
  if (!(rows >= 0 && rows <= MOST_GROUP_ROWS))
    throw new Unsound(
      `${name} has ${count(rows)} rows, ${count(MOST_GROUP_ROWS)} are read at most: write smaller row groups`,
    );
  let bytes = 0;
  for (const { meta_data: meta, file_path: elsewhere } of group.columns) {
    if (!meta || !columns.includes(meta.path_in_schema[0])) continue;
    if (elsewhere) throw new Unsound(`${name} lies in another file (${elsewhere})`);
    const [packed, unpacked] = [Number(meta.total_compressed_size), Number(meta.total_uncompressed_size)];
    if (!(packed >= 0 && packed <= size && unpacked >= 0))
      throw new Unsound(`${name} would have ${count(packed)} bytes of ${count(size)}`);
    bytes += unpacked;
  }
  if (bytes > MOST_GROUP_BYTES)
    throw new Unsound(
      `${name} has ${sizeText(bytes)}, ${sizeText(MOST_GROUP_BYTES)} are read at most: write smaller row groups`,
    );
  return rows;
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What is not UTF-8 comes as bytes, and is then no text. */
function textOf(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return undefined;
  try {
    return strict.decode(bytes);
  } catch {
    return Uint8Array.from(bytes);
  }
}

function rowsOf(file: AsyncBuffer, metadata: FileMetaData, columns: string[]): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({
    file,
    metadata,
    columns,
    geoparquet: false,
    compressors: bounded(MOST_GROUP_BYTES),
    parsers: { stringFromBytes: textOf, jsonFromBytes: textOf },
  });
}

type Decompress = (input: Uint8Array, length: number) => Uint8Array;

/** Room is set aside for what a page says that it holds: not for more than a whole row group may. */
function bounded(most: number): Record<string, Decompress> {
  return Object.fromEntries(
    Object.entries(compressors as Record<string, Decompress>).map(([codec, decompress]) => [
      codec,
      (input, length) => {
        if (!(length >= 0 && length <= most)) throw new Unsound(`a page would have ${numeral(length)} bytes`);
        if (codec === "ZSTD") checkFrame(input, length);
        return decompress(input, length);
      },
    ]),
  );
}

/** A Zstandard frame that says its size says the page's: the library sets that much aside. */
function checkFrame(input: Uint8Array, length: number): void {
  const flags = input[4];
  const single = (flags >> 5) & 1;
  const code = flags >> 6;
  const bytes = code === 0 ? single : 1 << code;
  if (bytes === 0) return;
  const at = 5 + (single ? 0 : 1) + [0, 1, 2, 4][flags & 3];
  let size = code === 1 ? 256n : 0n;
  for (let i = 0; i < bytes; i++) size += BigInt(input[at + i] ?? 0) << BigInt(8 * i);
  if (size !== BigInt(length)) throw new Unsound(`a page of ${count(length)} bytes says it has ${count(size)}`);
}

/** As JSON has it: no undefined, no number that JSON cannot hold. */
function plain(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value)]));
}

function plainValue(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(plainValue);
  if (typeof value === "object" && value !== null) return plain(value as Record<string, unknown>);
  return value;
}

/** Struct fields are the nodes; a list or a map is one column of its own. */
function* leaves({ children }: SchemaTree, above: readonly string[] = []): Generator<ParquetColumn> {
  for (const child of children) {
    const { element } = child;
    const path = [...above, element.name];
    const kind = element.logical_type?.type ?? element.converted_type;
    const struct =
      child.children.length > 0 && kind !== "LIST" && kind !== "MAP" && element.repetition_type !== "REPEATED";
    if (struct) yield* leaves(child, path);
    else yield { path, type: typeName(child) };
  }
}

function typeName({ element, children }: SchemaTree): string {
  const logical = element.logical_type?.type ?? element.converted_type;
  const inner = children[0]?.children[0] ?? children[0];
  if (logical === "LIST") return `list of ${inner ? typeName(inner) : "nothing"}`;
  if (logical === "MAP") return "map";
  if (element.repetition_type === "REPEATED") return `list of ${element.type ? element.type.toLowerCase() : "struct"}`;
  if (children.length > 0) return "struct";
  if (element.type === "BYTE_ARRAY" && (logical === undefined || ["STRING", "UTF8", "ENUM", "JSON"].includes(logical)))
    return logical === undefined ? "binary" : "string";
  return (logical ?? element.type ?? "unknown").toLowerCase();
}
