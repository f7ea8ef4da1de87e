/**
 * Tokens of one piece of text, with the bytes each stands for. The model's segmentation tiles the piece as the model
 * writes it, and every character written is one character (or, byte-level, one byte) of the text, so the bytes follow
 * exactly. What decoding would not give back (a literal ▁, an unknown character) is noted. Pieces are remembered:
 * natural text is mostly words seen before.
 * Memory: at most 2^17 pieces of at most 64 characters and 2^21 numbers: about 30 MB; past that it starts afresh.
 */
import { writeBytes } from "./bytes.ts";
import { type Definition, SPACE } from "./definition.ts";
import type { Repair } from "./repairs.ts";
import { type InTurns, LOT } from "./running.ts";

const PIECES = 1 << 17;
const NUMBERS = 1 << 21;
const LONGEST = 64;

/** Tokens in order, with the end of each one's bytes. */
export class Tokens {
  count = 0;
  ids = new Int32Array(1024);
  ends = new Uint32Array(1024);

  push(id: number, end: number): void {
    if (this.count === this.ids.length) {
      const ids = new Int32Array(2 * this.count);
      const ends = new Uint32Array(2 * this.count);
      ids.set(this.ids);
      ends.set(this.ends);
      this.ids = ids;
      this.ends = ends;
    }
    this.ids[this.count] = id;
    this.ends[this.count++] = end;
  }
}

/** No token stands for the bytes at this offset. */
export class Uncovered extends Error {
  constructor(readonly offset: number) {
    super(`no token for byte ${offset}`);
  }
}

interface Segmented {
  /** id and end of every token, in turn */
  readonly tokens: readonly number[];
  readonly bytes: number;
  readonly flaws: readonly Repair[];
}

export class Pieces {
  /** piece → where in `pool` its tokens lie: their number, then id and end of each */
  private readonly known = new Map<string, number>();
  private pool = new Int32Array(1 << 14);
  private used = 0;

  constructor(private readonly definition: Definition) {}

  /**
   * Adds the tokens of a piece that was seen before to `tokens`.
   *
   * @param base offset of the piece's first byte; one less than `floor` where that byte is an inserted space
   * @param floor no token ends before this offset
   * @returns offset of the piece's end; null where it was not seen before
   */
  again(piece: string, base: number, floor: number, tokens: Tokens): number | null {
    const at = this.known.get(piece);
    if (at === undefined) return null;
    const { pool } = this;
    const last = at + 2 * pool[at];
    for (let i = at + 1; i < last; i += 2) tokens.push(pool[i], Math.max(floor, base + pool[i + 1]));
    return base + pool[last];
  }

  /**
   * The same of one that was not, which is remembered where that is worth while.
   *
   * @param flaws what decoding would not give back is added here
   * @throws Uncovered where nothing in the vocabulary stands for a character
   */
  *first(piece: string, base: number, floor: number, tokens: Tokens, flaws: Repair[]): InTurns<number> {
    const own = yield* segmentPiece(piece, this.definition, base);
    this.keep(piece, own);
    for (let i = 0; i < own.tokens.length; i += 2)
      tokens.push(own.tokens[i], Math.max(floor, base + own.tokens[i + 1]));
    for (const { start, end, decoded } of own.flaws) flaws.push({ start: base + start, end: base + end, decoded });
    return base + own.bytes;
  }

  private keep(piece: string, { tokens, flaws }: Segmented): void {
    if (tokens.length === 0 || flaws.length > 0 || piece.length > LONGEST) return;
    if (this.known.size >= PIECES || this.used + tokens.length >= NUMBERS) {
      this.known.clear();
      this.used = 0;
    }
    while (this.used + tokens.length >= this.pool.length) {
      const pool = new Int32Array(2 * this.pool.length);
      pool.set(this.pool);
      this.pool = pool;
    }
    const at = this.used;
    this.pool[at] = tokens.length / 2;
    this.pool.set(tokens, at + 1);
    this.used += 1 + tokens.length;
    // A slice of a string keeps the whole string alive: the key has to be a copy.
    this.known.set(Buffer.from(piece, "utf16le").toString("utf16le"), at);
  }
}

function* segmentPiece(piece: string, definition: Definition, base: number): InTurns<Segmented> {
  const { writing, idOf, byteIds, unknownId, fuseUnknown } = definition;
  const tokens: number[] = [];
  const flaws: Repair[] = [];
  const written = writing === "bytes" ? writeBytes(piece) : writing === "spaces" ? piece.replaceAll(" ", SPACE) : piece;
  let units = 0;
  let bytes = 0;
  let turns = 0;
  for (const part of yield* cutAll(written, definition.byteCutters)) {
    let unknown = false;
    for (const token of yield* definition.segment(part)) {
      if (++turns % LOT === 0) yield;
      const start = bytes;
      const text = piece.slice(units, (units += token.length));
      bytes += writing === "bytes" ? token.length : Buffer.byteLength(text);
      const id = idOf.get(token);
      if (id !== undefined) {
        tokens.push(id, bytes);
        if (writing === "spaces") noteMarks(text, start, flaws);
      } else if (byteIds) {
        let end = start;
        for (const byte of Buffer.from(text)) tokens.push(byteIds[byte], ++end);
      } else if (unknownId !== undefined) {
        if (unknown && fuseUnknown) tokens[tokens.length - 1] = bytes;
        else tokens.push(unknownId, bytes);
        flaws.push({ start, end: bytes, decoded: 0 });
      } else throw new Uncovered(base + start);
      unknown = id === undefined && byteIds === null;
    }
  }
  return { tokens, bytes, flaws };
}

/** A ▁ in the text itself is written like a space and decodes to one. */
function noteMarks(text: string, start: number, flaws: Repair[]): void {
  for (let at = text.indexOf(SPACE); at >= 0; at = text.indexOf(SPACE, at + 1)) {
    const from = start + Buffer.byteLength(text.slice(0, at));
    flaws.push({ start: from, end: from + Buffer.byteLength(SPACE), decoded: 1 });
  }
}

/** @returns the parts that the cutters, each applied to the parts of the one before, leave of the text */
function* cutAll(text: string, cutters: Definition["cutters"]): InTurns<readonly string[]> {
  let parts: readonly string[] = [text];
  for (const cutter of cutters) {
    const inner: string[] = [];
    for (const part of parts) {
      let start = 0;
      for (const ends of cutter(part)) {
        for (const end of ends) {
          inner.push(part.slice(start, end));
          start = end;
        }
        if (start < part.length) yield;
      }
    }
    parts = inner;
  }
  return parts;
}
