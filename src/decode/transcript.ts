/**
 * A block of bytes as what the codec writes: tokens that give their bytes back, and runs of bytes that escape, because they
 * are not UTF-8 or because the tokenizer would not give them back (a repair of METHODS §1). For text that a tokenizer
 * covers, the tokens are exactly those that `measure` scores.
 *
 * Memory: 8 bytes a token beside the block.
 */
import { isUtf8 } from "node:buffer";
import { LossyscopeError } from "../numeric/errors.ts";
import { BeyondEmbedding, type Encoding, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { writtenBytes } from "./text.ts";

/** Shorter stretches of text between bytes that are none are cheaper as bytes: a model of text makes little of them. */
const SHORTEST_TEXT = 16;

export interface Transcript {
  readonly ids: Int32Array;
  /** in order, no two before one token; bytes that stand before token `before`, or after the last one; none opens it anew */
  readonly escapes: readonly { readonly before: number; readonly bytes: Uint8Array }[];
}

/** All of a block as one run. */
export const asBytes = (bytes: Uint8Array): Transcript => ({ ids: new Int32Array(), escapes: [{ before: 0, bytes }] });

export function transcribe(tokenizer: Tokenizer, bytes: Uint8Array): Transcript {
  const builder = new Builder(tokenizer, bytes);
  for (const { start, end } of textRuns(bytes)) {
    const encoding = encoded(tokenizer, bytes.subarray(start, end));
    if (!encoding) continue;
    const { ids, byteEnds } = encoding;
    for (let i = 0; i < ids.length; i++) builder.token(ids[i], start + (byteEnds[i - 1] ?? 0), start + byteEnds[i]);
  }
  return builder.finish();
}

/** Null where tokens and bytes cannot be brought together, or a token has no row in the model: the text goes as bytes. */
function encoded(tokenizer: Tokenizer, bytes: Uint8Array): Encoding | null {
  try {
    return tokenizer.encode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
  } catch (error) {
    if (error instanceof BeyondEmbedding || (error instanceof LossyscopeError && error.fault === "text")) return null;
    throw error;
  }
}

/** Stretches of UTF-8, as long as they go; short ones only where they are all there is. */
function* textRuns(bytes: Uint8Array): Generator<{ start: number; end: number }> {
  if (isUtf8(bytes)) {
    yield { start: 0, end: bytes.length };
    return;
  }
  let start = 0;
  for (let at = 0; at <= bytes.length; ) {
    const length = at < bytes.length ? characterAt(bytes, at) : 0;
    if (length > 0) {
      at += length;
      continue;
    }
    if (at - start >= SHORTEST_TEXT) yield { start, end: at };
    start = ++at;
  }
}

/** Bytes of the UTF-8 character at `at`; 0 where there is none. */
function characterAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at];
  if (lead < 0x80) return 1;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}

/** How many bytes before `end` a block has to stop so as not to part a character. */
export function partedBytes(bytes: Uint8Array, end: number): number {
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back];
    if ((byte & 0xc0) === 0x80) continue;
    return byte >= 0x80 && characterAt(bytes, end - back) > back ? back : 0;
  }
  return 0;
}

class Builder {
  readonly #tokenizer: Tokenizer;
  readonly #bytes: Uint8Array;
  readonly #ids: number[] = [];
  readonly #escapes: { before: number; bytes: Uint8Array }[] = [];
  /** the tokens so far give the bytes before this one, with what escaped between them */
  #done = 0;

  constructor(tokenizer: Tokenizer, bytes: Uint8Array) {
    this.#tokenizer = tokenizer;
    this.#bytes = bytes;
  }

  /**
   * A token that stands for the bytes [start, end). Where it does not give them back as it follows the one before, an escape
   * (of no bytes, if need be) starts the text anew before it, or takes in what is wrong; else it is left out, and its bytes
   * escape with those that come next.
   */
  token(id: number, start: number, end: number): void {
    const previous = start > this.#done ? null : (this.#ids.at(-1) ?? null);
    const silent = start === end && this.#tokenizer.opensWithSpace(previous);
    if (this.#take(id, end, previous, silent) || previous === null) return;
    this.#take(id, end, null, false);
  }

  /** @param silent whether the token may give no byte at all: a space of the tokenizer's own */
  #take(id: number, end: number, previous: number | null, silent: boolean): boolean {
    const written = writtenBytes(this.#tokenizer, id, previous);
    const start = end - written.length;
    const gives = written.every((byte, i) => byte === this.#bytes[start + i]);
    if (start < this.#done || !gives || (written.length === 0 && !silent)) return false;
    const escapes = start > this.#done || (previous === null && this.#ids.length > 0);
    if (escapes && previous !== null) return false;
    if (escapes) this.#escape(start);
    this.#ids.push(id);
    this.#done = end;
    return true;
  }

  #escape(end: number): void {
    this.#escapes.push({ before: this.#ids.length, bytes: this.#bytes.subarray(this.#done, end) });
  }

  /** The bytes say where a block ends: a last token that gives none would not be looked for. */
  finish(): Transcript {
    const last = this.#ids.at(-1);
    const run = this.#escapes.at(-1)?.before === this.#ids.length - 1 ? this.#escapes.at(-1) : undefined;
    const previous = run ? null : (this.#ids.at(-2) ?? null);
    if (last !== undefined && writtenBytes(this.#tokenizer, last, previous).length === 0) {
      this.#ids.pop();
      if (run) this.#escapes.pop();
      this.#done -= run?.bytes.length ?? 0;
    }
    if (this.#done < this.#bytes.length) this.#escape(this.#bytes.length);
    return { ids: Int32Array.from(this.#ids), escapes: this.#escapes };
  }
}
