/**
 * The header of a GGUF file, versions 2 and 3 in either byte order: `GGUF`, the version, how many tensors and how many
 * pairs of metadata there are, the pairs, then every tensor's name, sizes (fastest first), type and place, counted from
 * where the data begins (specification: ggml's docs/gguf.md). Everything in it is hostile until checked: no length is
 * believed that the file cannot hold, and a header that is read is one whose tensors lie inside the file, aligned,
 * apart from each other.
 *
 * Read in ranges that double, so that a header of 10 MB costs a few requests and a claim of 2^60 bytes none. Memory:
 * the header twice, and what is in it (about 50 bytes a string).
 */
import { count } from "../../numeric/amounts.ts";
import { shown } from "../../numeric/errors.ts";
import { BLOCKS, isBlockType } from "../blocks/types.ts";
import { type Dtype, dtypeBits } from "../tensor-types.ts";
import { Cursor, MOST_HEADER_BYTES, Short, unsound } from "./cursor.ts";
import { otherCode, typeOfCode } from "./tensor-codes.ts";
import { type GgufValue, readValue } from "./values.ts";

/** A tensor in a GGUF file: its bytes are `[begin, end)`, counted from the start of the file. */
export interface GgufTensor {
  readonly name: string;
  readonly dtype: Dtype;
  /** slowest first, as everywhere here: rows, then columns */
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Gguf {
  readonly version: 2 | 3;
  readonly byteOrder: "little" | "big";
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** bytes of the file that each value is in, its type before it */
  readonly places: ReadonlyMap<string, readonly [begin: number, end: number]>;
  /** in the order of the header */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** every tensor begins at a multiple of it, from `dataStart` on */
  readonly alignment: number;
  readonly dataStart: number;
}

/** Exactly the bytes `[offset, offset + length)` of a file. */
export type ReadBytes = (offset: number, length: number) => Promise<Uint8Array>;

const FIRST_BYTES = 1 << 20;
const MAGIC = 0x46554747;
const START_BYTES = 24;
const MOST_ENTRIES = 1 << 17;
const MOST_NAME_BYTES = 65_535;
const MOST_SIZES = 4;
/** A key of a byte, its length, its type and a value of a byte. */
const PAIR_BYTES = 14;
/** A name of a byte, its length, no size, type and place. */
const TENSOR_BYTES = 25;
const DEFAULT_ALIGNMENT = 32;
const ALIGNMENT = "general.alignment";

/** What came before GGUF, by its first four bytes read as a number. */
const OLDER: ReadonlyMap<number, string> = new Map([
  [0x67676d6c, "ggml"],
  [0x67676d66, "ggmf"],
  [0x67676a74, "ggjt"],
  [0x67676c61, "ggla"],
]);

/**
 * @param fileBytes size of the file
 * @throws LossyscopeError `model` naming the first thing that is wrong, with its numbers; and what `read` throws
 */
export async function readGguf(read: ReadBytes, fileBytes: number): Promise<Gguf> {
  if (fileBytes < START_BYTES) throw unsound(`it has ${count(fileBytes)} bytes, its start alone takes ${START_BYTES}`);
  let prefix = await read(0, Math.min(FIRST_BYTES, fileBytes));
  for (;;) {
    try {
      return parseGguf(prefix, fileBytes);
    } catch (error) {
      if (!(error instanceof Short)) throw error;
      const end = Math.min(Math.max(error.bytes, 2 * prefix.length), fileBytes, MOST_HEADER_BYTES);
      const more = await read(prefix.length, end - prefix.length);
      const joined = new Uint8Array(end);
      joined.set(prefix);
      joined.set(more, prefix.length);
      prefix = joined;
    }
  }
}

/**
 * The header from a file's first bytes.
 * @throws LossyscopeError `model`; Short where these are too few
 */
export function parseGguf(prefix: Uint8Array, fileBytes: number): Gguf {
  const { version, isLittleEndian } = versionOf(prefix, fileBytes);
  const cursor = new Cursor(prefix, fileBytes, isLittleEndian);
  cursor.at = 8;
  const tensors = cursor.count(TENSOR_BYTES, MOST_ENTRIES, () => "the number of tensors");
  const pairs = cursor.count(PAIR_BYTES, MOST_ENTRIES, () => "the number of metadata pairs");
  const { metadata, places } = readMetadata(cursor, pairs);
  const alignment = alignmentOf(metadata);
  const entries = Array.from({ length: tensors }, (_, index) => readTensor(cursor, index));
  const dataStart = Math.ceil(cursor.at / alignment) * alignment;
  return {
    version,
    byteOrder: isLittleEndian ? "little" : "big",
    metadata,
    places,
    tensors: placed(entries, { alignment, dataStart, fileBytes }),
    alignment,
    dataStart,
  };
}

function versionOf(prefix: Uint8Array, fileBytes: number): { version: 2 | 3; isLittleEndian: boolean } {
  const start = new Cursor(prefix, fileBytes, true);
  const magic = start.u32(() => "the start");
  const older = OLDER.get(magic);
  if (older) throw unsound(`it is of the format ${older}, from before GGUF`, "convert the model anew");
  if (magic !== MAGIC)
    throw unsound(`it begins with ${shown(String.fromCharCode(...prefix.subarray(0, 4)))}, not "GGUF"`);
  const little = start.u32(() => "the version");
  const isLittleEndian = (little & 0xffff) !== 0;
  const view = new DataView(prefix.buffer, prefix.byteOffset);
  const version = isLittleEndian ? little : view.getUint32(4, false);
  if (version !== 2 && version !== 3)
    throw unsound(`its version is ${count(version)}; 2 and 3 are read`, "convert the model anew");
  return { version, isLittleEndian };
}

function readMetadata(cursor: Cursor, pairs: number): Pick<Gguf, "metadata" | "places"> {
  const metadata = new Map<string, GgufValue>();
  const places = new Map<string, readonly [number, number]>();
  for (let index = 0; index < pairs; index++) {
    const key = cursor.string(MOST_NAME_BYTES, () => `the key ${count(index + 1)} of ${count(pairs)}`);
    if (metadata.has(key)) throw unsound(`the key ${shown(key)} comes twice`);
    const begin = cursor.at;
    metadata.set(key, readValue(cursor, shown(key)));
    places.set(key, [begin, cursor.at]);
  }
  return { metadata, places };
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get(ALIGNMENT) ?? DEFAULT_ALIGNMENT;
  const isPower = typeof value === "number" && Number.isInteger(Math.log2(value)) && value >= 1 && value <= 2 ** 31;
  if (!isPower) throw unsound(`its ${ALIGNMENT} is ${shown(value)}, not a power of two`);
  return value;
}

interface Claim {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly offset: bigint;
}

function readTensor(cursor: Cursor, index: number): Claim {
  const name = cursor.string(MOST_NAME_BYTES, () => `the name of tensor ${count(index + 1)}`);
  const what = (): string => `tensor ${shown(name)}`;
  const dimensions = cursor.u32(what);
  if (dimensions > MOST_SIZES) throw unsound(`${what()} has ${count(dimensions)} dimensions, more than ${MOST_SIZES}`);
  const sizes = Array.from({ length: dimensions }, () => cursor.u64(what));
  const elements = sizes.reduce((product, size) => product * size, 1n);
  const largest = sizes.reduce((most, size) => (size > most ? size : most), elements);
  if (largest > Number.MAX_SAFE_INTEGER)
    throw unsound(`${what()} of sizes ${sizes.map(count).join(" × ")} is over 2^53`);
  const code = cursor.u32(what);
  const dtype = typeOfCode(code);
  if (!dtype)
    throw unsound(`${what()} is of type ${count(code)}, ${otherCode(code)}`, "use another quantisation of it");
  const offset = cursor.u64(what);
  const row = Number(sizes[0] ?? 1n);
  const block = isBlockType(dtype) ? BLOCKS[dtype].values : 1;
  if (row % block !== 0)
    throw unsound(`${what()} has rows of ${count(row)} values, ${dtype} comes in blocks of ${block}`);
  const bytes = (Number(elements) * dtypeBits(dtype)) / 8;
  return { name, dtype, shape: sizes.map(Number).reverse(), bytes, offset };
}

/**
 * Tensors where they lie in the file. @throws LossyscopeError `model` where they overlap, are not aligned, or are not
 * there
 */
function placed(
  claims: readonly Claim[],
  { alignment, dataStart, fileBytes }: { alignment: number; dataStart: number; fileBytes: number },
): ReadonlyMap<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  for (const { name, dtype, shape, bytes, offset } of claims) {
    const what = `tensor ${shown(name)}`;
    if (tensors.has(name)) throw unsound(`${what} comes twice`);
    if (offset % BigInt(alignment) !== 0n)
      throw unsound(`${what} begins ${count(offset)} bytes into the data, no multiple of ${count(alignment)}`);
    const end = BigInt(dataStart) + offset + BigInt(bytes);
    if (end > fileBytes)
      throw unsound(`${what} (${dtype} ${shown(shape)}) ends at byte ${count(end)}, the file has ${count(fileBytes)}`);
    tensors.set(name, { name, dtype, shape, begin: Number(end) - bytes, end: Number(end) });
  }
  let last: GgufTensor | undefined;
  for (const tensor of [...tensors.values()].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (last && tensor.begin < last.end)
      throw unsound(
        `tensor ${shown(tensor.name)} begins at byte ${count(tensor.begin)}, ` +
          `tensor ${shown(last.name)} ends at ${count(last.end)}: they overlap`,
      );
    last = tensor;
  }
  return tensors;
}
