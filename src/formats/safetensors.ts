/**
 * The safetensors format: 8 bytes of header length (u64, little-endian), a JSON header `{name: {dtype, shape,
 * data_offsets}, "__metadata__": {…}}`, then the tensors' bytes without gaps, little-endian. Everything in a header is
 * hostile until checked: a parsed header is one whose tensors tile the rest of the file exactly. Reading and writing
 * files is left to `files/safetensors.ts`.
 * What the bytes of a tensor mean: `tensor-types.ts`.
 */
import { count, numeral } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { parseJsonObject } from "./json.ts";
import { DTYPE_BITS, type PlainDtype } from "./tensor-types.ts";

/** What a header says of one tensor, before it has a place in a file. */
export interface TensorShape {
  readonly name: string;
  readonly dtype: PlainDtype;
  readonly shape: readonly number[];
}

/** A tensor in a file: its bytes are `[begin, end)`, counted from the start of the file. */
export interface TensorEntry extends TensorShape {
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What the format's own library accepts at most. */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
const METADATA = "__metadata__";

const unsound = (message: string): LossyscopeError =>
  new LossyscopeError("model", `not a sound safetensors file: ${message}`, "fetch or write the file again");

function refuse(message: string): never {
  throw unsound(message);
}

/** Elements of a shape. @throws LossyscopeError where the product leaves the exact integers (2^53) */
function elementCount({ name, shape }: Pick<TensorShape, "name" | "shape">): number {
  let product = 1;
  for (const size of shape) {
    product *= size;
    if (product > Number.MAX_SAFE_INTEGER)
      refuse(`tensor ${shown(name)} of shape ${shown(shape)} has over 2^53 elements`);
  }
  return product;
}

/** Bytes a tensor takes. @throws LossyscopeError where they are no whole number or over 2^53 */
export function byteCount(tensor: TensorShape): number {
  const bytes = (elementCount(tensor) * DTYPE_BITS[tensor.dtype]) / 8;
  if (!Number.isSafeInteger(bytes)) {
    refuse(`tensor ${shown(tensor.name)} (${tensor.dtype} ${shown(tensor.shape)}) takes ${numeral(bytes)} bytes`);
  }
  return bytes;
}

/**
 * Where the header ends: how many bytes of the file `parseHeader` wants.
 * @param start the first 8 bytes of the file (more do no harm)
 * @param fileBytes size of the file
 */
export function headerEnd(start: Uint8Array, fileBytes: number): number {
  if (fileBytes < LENGTH_BYTES || start.length < LENGTH_BYTES) {
    refuse(`it has ${count(Math.min(fileBytes, start.length))} bytes, the header's length alone takes ${LENGTH_BYTES}`);
  }
  const length = new DataView(start.buffer, start.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > BigInt(fileBytes - LENGTH_BYTES)) {
    refuse(`its header claims ${count(length)} bytes, the file has ${count(fileBytes)}`);
  }
  if (length > BigInt(MAX_HEADER_BYTES)) {
    refuse(`its header claims ${count(Number(length))} bytes, over the format's limit of ${count(MAX_HEADER_BYTES)}`);
  }
  return LENGTH_BYTES + Number(length);
}

/**
 * The header of a file.
 * @param prefix the file's first `headerEnd` bytes (more do no harm)
 * @param fileBytes size of the whole file: the tensors must fill the rest of it exactly
 * @throws LossyscopeError `model` naming the first thing that is wrong, with its numbers
 */
export function parseHeader(prefix: Uint8Array, fileBytes: number): SafetensorsHeader {
  const dataStart = headerEnd(prefix, fileBytes);
  if (prefix.length < dataStart)
    refuse(`its header takes ${count(dataStart)} bytes, ${count(prefix.length)} are there`);
  const json = parseStrictly(prefix.subarray(LENGTH_BYTES, dataStart));
  let metadata: Readonly<Record<string, string>> = {};
  const entries: TensorEntry[] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name === METADATA) metadata = checkMetadata(value);
    else entries.push(checkEntry(name, value, dataStart, fileBytes));
  }
  checkTiling(entries, dataStart, fileBytes);
  return { tensors: new Map(entries.map((entry) => [entry.name, entry])), metadata };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object from JSON in which no key occurs twice (`JSON.parse` would keep the last one silently). */
function parseStrictly(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    refuse(`its header of ${count(bytes.length)} bytes is not UTF-8`);
  }
  const json = parseJsonObject(text, (why) => unsound(`its header of ${count(bytes.length)} bytes ${why}`));
  checkKeys(text);
  return json;
}

/** Walks a valid JSON text: no key twice in one object, no deeper than a header goes. */
function checkKeys(text: string): void {
  const open: (Set<string> | undefined)[] = []; // one an open bracket: the keys of an object, nothing for an array
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === "{" || character === "[") {
      if (open.push(character === "{" ? new Set() : undefined) > 3) refuse("its header nests deeper than 3 levels");
    } else if (character === "}" || character === "]") {
      open.pop();
    } else if (character === '"') {
      const start = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
      let after = i + 1;
      while (" \t\n\r".includes(text[after] ?? "}")) after++;
      if (text[after] !== ":") continue;
      const key = JSON.parse(text.slice(start, i + 1)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) refuse(`its header has the key ${shown(key)} twice`);
      keys?.add(key);
    }
  }
}

function checkMetadata(value: unknown): Readonly<Record<string, string>> {
  if (!isRecord(value)) refuse(`${METADATA} is ${shown(value)}, not an object of strings`);
  for (const [key, text] of Object.entries(value)) {
    if (key === "__proto__" || typeof text !== "string") refuse(`${METADATA} has ${shown(key)}: ${shown(text)}`);
  }
  return value as Record<string, string>;
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function checkEntry(name: string, value: unknown, dataStart: number, fileBytes: number): TensorEntry {
  const tensor = `tensor ${shown(name)}`;
  if (name === "__proto__") refuse(`${tensor} has a name that no tensor may have`);
  if (!isRecord(value)) refuse(`${tensor} is ${shown(value)}, not an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BITS, dtype))
    refuse(`${tensor} has the unknown dtype ${shown(dtype)}`);
  if (!Array.isArray(shape) || !shape.every(isSize)) refuse(`${tensor} has the shape ${shown(shape)}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize) || offsets[0] > offsets[1]) {
    refuse(`${tensor} has the offsets ${shown(offsets)}`);
  }
  const [begin, end] = offsets.map((offset) => offset + dataStart);
  if (end > fileBytes) refuse(`${tensor} ends at byte ${count(end)} of a file of ${count(fileBytes)}: it is cut short`);
  const entry: TensorEntry = { name, dtype: dtype as PlainDtype, shape, begin, end };
  const bytes = byteCount(entry);
  if (bytes !== end - begin) {
    refuse(`${tensor} (${dtype} ${shown(shape)}) takes ${count(bytes)} bytes, its offsets span ${count(end - begin)}`);
  }
  return entry;
}

/** The tensors must follow each other from the header's end to the file's, as the format demands. */
function checkTiling(entries: readonly TensorEntry[], dataStart: number, fileBytes: number): void {
  let reached = dataStart;
  let last = "the header";
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const where = `tensor ${shown(name)} begins at byte ${count(begin)}, ${last} ends at ${count(reached)}`;
    if (begin < reached) refuse(`${where}: they overlap`);
    if (begin > reached) refuse(`${where}: there is a gap`);
    reached = end;
    last = `tensor ${shown(name)}`;
  }
  if (reached !== fileBytes) refuse(`${last} ends at byte ${count(reached)} of a file of ${count(fileBytes)}`);
}

/**
 * The first bytes of a file that holds these tensors in this order, one after the other; their bytes follow. Padded
 * with spaces so that the first tensor begins at a multiple of 8.
 */
export function encodeHeader(
  tensors: readonly TensorShape[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set(METADATA, metadata);
  let offset = 0;
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    if (header.has(name) || name === METADATA || name === "__proto__") {
      throw new RangeError(`tensor name ${shown(name)} is taken or reserved`);
    }
    const begin = offset;
    offset += byteCount(tensor);
    header.set(name, { dtype, shape, data_offsets: [begin, offset] });
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}
