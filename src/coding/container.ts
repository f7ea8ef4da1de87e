/**
 * The `.lsz` format (METHODS §1.3), versions 1 to 3; whole numbers little-endian, `v` for LEB128:
 *
 *   file    = magic[8] version[1] length[2] header crc[4] section*
 *   header  = weights[16] config[16] tokenizer[16] distributions[16] plain[32]
 *             v(runtime bytes) runtime v(plain bytes) v(context) v(overlap) v(block bytes) v(rows)
 *             and from version 2 on, which is that of files whose blocks have more than one lane: v(lanes) v(primer)
 *             and in version 3, of what is computed in any but the first way of `arithmetic.ts`: v(products) v(scaled)
 *   section = (back[1] code bytes[4] crc[4])^rows crc[4] code^rows
 *
 * Digests are the first bytes of SHA-256; `plain` is a whole one; crc is CRC-32, of a block's plain bytes in a section's
 * table, else of what stands before it from the file's or the table's start on. Block k ends at the smaller of (k + 1) · block bytes
 * and the plain bytes, less `back` (so as not to part a character). Which blocks share a section, hence a batch, follows
 * from the header alone. What the codes mean is not known here.
 */
import { count, counted } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type Arithmetic, FIRST, PRODUCTS, SCALED } from "./arithmetic.ts";

const MAGIC = Uint8Array.of(0x89, 0x4c, 0x53, 0x5a, 0x0d, 0x0a, 0x1a, 0x0a);
/** of blocks that are one lane each, of others, and of either where the header says how they were computed */
const [WHOLE, IN_LANES, COMPUTED] = [1, 2, 3];
/** magic, version, length of the header */
export const OPENING_BYTES = MAGIC.length + 3;
const CRC_BYTES = 4;
const DIGEST_BYTES = 16;
const PLAIN_DIGEST_BYTES = 32;
const ENTRY_BYTES = 9;
/** Largest block that is read: what a header may make its reader set aside. */
export const MOST_BLOCK_BYTES = 2 ** 30;
/** Lanes that are read at most. */
export const MOST_LANES = 4096;
/** How far before its place a block may end: a character has four bytes at most. */
export const MOST_BACK = 3;

/** What must be the same where a file is read: hex digests of 16 bytes, the runtime's name and version. */
export interface Maker {
  readonly weights: string;
  readonly config: string;
  readonly tokenizer: string;
  /** of quantised distributions on a fixed sequence of tokens */
  readonly distributions: string;
  readonly runtime: string;
}

export interface Header extends Maker, Arithmetic {
  /** SHA-256 of the plain bytes, hex */
  readonly plain: string;
  readonly plainBytes: number;
  /** tokens of a window, prefix included, and how many a later one re-reads (METHODS §0) */
  readonly context: number;
  readonly overlap: number;
  readonly blockBytes: number;
  /** blocks of a batch, at most */
  readonly rows: number;
  /** parts of a block that are coded side by side, and tokens at its beginning that all of them have read; 1 and 0 in version 1 */
  readonly lanes: number;
  readonly primer: number;
}

/** One block in its section's table. */
export interface Entry {
  readonly back: number;
  readonly codeBytes: number;
  /** of the block's plain bytes */
  readonly crc: number;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 as in gzip and PNG, of all parts in order. */
export function crc32(...parts: readonly Uint8Array[]): number {
  let crc = 0xffffffff;
  for (const bytes of parts) for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

const damaged = (what: string): LossyscopeError =>
  new LossyscopeError("input", `the file is damaged: ${what}`, "fetch or make it again");

class Writer {
  readonly bytes: number[] = [];

  whole(value: number, size: number): void {
    for (let i = 0; i < size; i++) this.bytes.push(Math.floor(value / 2 ** (8 * i)) % 256);
  }

  varint(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0)) throw new RangeError(`${value} is no length`);
    for (; value >= 128; value = Math.floor(value / 128)) this.bytes.push(128 + (value % 128));
    this.bytes.push(value);
  }

  hex(digest: string, size: number): void {
    for (let i = 0; i < size; i++) this.bytes.push(Number.parseInt(digest.slice(2 * i, 2 * i + 2), 16));
  }
}

class Reader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(size: number): Uint8Array {
    const taken = this.#bytes.subarray(this.#at, (this.#at += size));
    if (taken.length < size) throw damaged("its header ends too early");
    return taken;
  }

  whole(size: number): number {
    return this.take(size).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const [byte] = this.take(1);
      value += (byte % 128) * factor;
      if (!Number.isSafeInteger(value)) throw damaged("its header holds a number that is none");
      if (byte < 128) return value;
    }
  }

  hex(size: number): string {
    return Array.from(this.take(size), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }
}

function versionOf({ products, scaled, lanes }: Header): number {
  if (products !== FIRST.products || scaled !== FIRST.scaled) return COMPUTED;
  return lanes === 1 ? WHOLE : IN_LANES;
}

/** @returns everything before the first section */
export function writeHeader(header: Header): Uint8Array {
  const inner = new Writer();
  for (const digest of [header.weights, header.config, header.tokenizer, header.distributions])
    inner.hex(digest, DIGEST_BYTES);
  inner.hex(header.plain, PLAIN_DIGEST_BYTES);
  const runtime = new TextEncoder().encode(header.runtime);
  inner.varint(runtime.length);
  inner.bytes.push(...runtime);
  for (const value of [header.plainBytes, header.context, header.overlap, header.blockBytes, header.rows])
    inner.varint(value);
  const version = versionOf(header);
  if (version >= IN_LANES) for (const value of [header.lanes, header.primer]) inner.varint(value);
  if (version >= COMPUTED)
    for (const value of [PRODUCTS.indexOf(header.products), SCALED.indexOf(header.scaled)]) inner.varint(value);
  const outer = new Writer();
  outer.bytes.push(...MAGIC, version);
  outer.whole(inner.bytes.length, 2);
  outer.bytes.push(...inner.bytes);
  outer.whole(crc32(Uint8Array.from(outer.bytes)), CRC_BYTES);
  return Uint8Array.from(outer.bytes);
}

/**
 * @param opening the file's first `OPENING_BYTES`
 * @returns how many bytes follow them before the first section, for `readHeader`
 * @throws LossyscopeError `input` where this is no such file, `unsupported` for another version
 */
export function headerBytes(opening: Uint8Array): number {
  if (opening.length < OPENING_BYTES || MAGIC.some((byte, i) => opening[i] !== byte))
    throw new LossyscopeError("input", "this is not an .lsz file", "pass a file that lossyscope compress wrote");
  if (![WHOLE, IN_LANES, COMPUTED].includes(opening[MAGIC.length]))
    throw new LossyscopeError(
      "unsupported",
      `the file has version ${opening[MAGIC.length]} of the format, this program reads versions ${WHOLE} to ${COMPUTED}`,
      "use the release of lossyscope that wrote it",
    );
  return opening[MAGIC.length + 1] + 256 * opening[MAGIC.length + 2] + CRC_BYTES;
}

/**
 * @param opening the file's first `OPENING_BYTES`
 * @param rest `headerBytes(opening)` more
 * @throws LossyscopeError `input` where they are damaged
 */
export function readHeader(opening: Uint8Array, rest: Uint8Array): Header {
  const inner = rest.subarray(0, -CRC_BYTES);
  if (rest.length < CRC_BYTES || new Reader(rest.subarray(-CRC_BYTES)).whole(CRC_BYTES) !== crc32(opening, inner))
    throw damaged("its header is not what was written");
  const reader = new Reader(inner);
  const [weights, config, tokenizer, distributions] = Array.from({ length: 4 }, () => reader.hex(DIGEST_BYTES));
  const plain = reader.hex(PLAIN_DIGEST_BYTES);
  const runtime = new TextDecoder().decode(reader.take(reader.varint()));
  const [plainBytes, context, overlap, blockBytes, rows] = Array.from({ length: 5 }, () => reader.varint());
  const version = opening[MAGIC.length];
  const [lanes, primer] = version >= IN_LANES ? [reader.varint(), reader.varint()] : [1, 0];
  const [products, scaled] = version >= COMPUTED ? [reader.varint(), reader.varint()] : [0, 0];
  if (products >= PRODUCTS.length || scaled >= SCALED.length)
    throw new LossyscopeError(
      "unsupported",
      `the file was computed in a way (${count(products)}, ${count(scaled)}) that this program does not know`,
      "use the release of lossyscope that wrote it",
    );
  requireSense(reader.left, { context, overlap, blockBytes, rows, lanes, primer }, version === IN_LANES ? 2 : 1);
  const maker = { weights, config, tokenizer, distributions, plain, runtime };
  const computed = { products: PRODUCTS[products], scaled: SCALED[scaled] };
  return { ...maker, ...computed, plainBytes, context, overlap, blockBytes, rows, lanes, primer };
}

/** @throws LossyscopeError `input` for numbers that no file has */
function requireSense(
  left: number,
  parts: Pick<Header, "context" | "overlap" | "blockBytes" | "rows" | "lanes" | "primer">,
  fewest: number,
): void {
  const { context, overlap, blockBytes, rows, lanes, primer } = parts;
  const within = (value: number, low: number, high: number): boolean => value >= low && value <= high;
  const checks: readonly (readonly [boolean, string])[] = [
    [left === 0, `is ${counted(left, "byte")} longer than what it holds`],
    [context >= 2, `has windows of ${counted(context, "token")}, which need 2`],
    [overlap < context, `has windows of ${counted(context, "token")} that read ${count(overlap)} again`],
    [
      within(blockBytes, MOST_BACK + 1, MOST_BLOCK_BYTES),
      `has blocks of ${counted(blockBytes, "byte")}, which have ${MOST_BACK + 1} to ${count(MOST_BLOCK_BYTES)}`,
    ],
    [rows >= 1, "has batches of 0 blocks"],
    [
      within(lanes, fewest, MOST_LANES),
      `has blocks of ${counted(lanes, "lane")}, which have ${fewest} to ${count(MOST_LANES)}`,
    ],
    [primer < context, `opens blocks with ${counted(primer, "token")} in windows of ${count(context)}`],
    [lanes > 1 || primer === 0, `opens blocks with ${counted(primer, "token")} for a single lane`],
  ];
  const wrong = checks.find(([holds]) => !holds);
  if (wrong) throw damaged(`its header makes no sense: it ${wrong[1]}`);
}

export const blockCount = ({ plainBytes, blockBytes }: Pick<Header, "plainBytes" | "blockBytes">): number =>
  Math.ceil(plainBytes / blockBytes);

/** Where block `index` ends among the plain bytes, before going back to the end of a character. */
export const blockEnd = (
  { plainBytes, blockBytes }: Pick<Header, "plainBytes" | "blockBytes">,
  index: number,
): number => Math.min((index + 1) * blockBytes, plainBytes);

/** First block and number of blocks of every batch: as few batches as the rows allow, of sizes as equal as can be. */
export function batches(
  header: Pick<Header, "plainBytes" | "blockBytes" | "rows">,
): { first: number; count: number }[] {
  const blocks = blockCount(header);
  const number = Math.ceil(blocks / header.rows);
  return Array.from({ length: number }, (_, index) => {
    const first = Math.floor((index * blocks) / number);
    return { first, count: Math.floor(((index + 1) * blocks) / number) - first };
  });
}

export const tableBytes = (rows: number): number => rows * ENTRY_BYTES + CRC_BYTES;

/** @returns the table that opens a section */
export function writeTable(entries: readonly Entry[]): Uint8Array {
  const writer = new Writer();
  for (const { back, codeBytes, crc } of entries) {
    writer.whole(back, 1);
    writer.whole(codeBytes, 4);
    writer.whole(crc, CRC_BYTES);
  }
  writer.whole(crc32(Uint8Array.from(writer.bytes)), CRC_BYTES);
  return Uint8Array.from(writer.bytes);
}

/**
 * @param bytes `tableBytes(rows)` of them, if they are there
 * @returns null where they are not what was written: where the section's codes lie is lost then
 */
export function readTable(bytes: Uint8Array): Entry[] | null {
  if (bytes.length < CRC_BYTES || bytes.length % ENTRY_BYTES !== CRC_BYTES) return null;
  const inner = bytes.subarray(0, -CRC_BYTES);
  if (new Reader(bytes.subarray(-CRC_BYTES)).whole(CRC_BYTES) !== crc32(inner)) return null;
  const reader = new Reader(inner);
  return Array.from({ length: inner.length / ENTRY_BYTES }, () => ({
    back: reader.whole(1),
    codeBytes: reader.whole(4),
    crc: reader.whole(CRC_BYTES),
  }));
}
