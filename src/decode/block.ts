/**
 * One block of the codec (METHODS §1.3), symbol by symbol: tokens under the model's distribution, and an escape that a run of
 * bytes under the order-2 model follows. The escape's share of 2^30 is how often it came in this block where it could have,
 *
 *   E = max(1, min(1/2, (e + 1/2) / (n + 1)) · 2^30) once e > 0, of n times; 1 before, and right after an escape,
 *
 * so that text without escapes pays nothing for them. The run's length, plus one, is in Elias's γ code. Encoder and decoder
 * take distributions one at a time and answer with the token to read next, so that what drives one drives the other.
 *
 * Memory: the block, its code, and 1.7 MB or more (`order2.ts`) from the first byte that escapes to the block's end.
 */
import { Order2Model } from "../coding/order2.ts";
import { escapeInterval, tokenAt, tokenInterval } from "../coding/quantised.ts";
import { RangeDecoder, RangeEncoder, TOTAL } from "../coding/range-coder.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { writtenBytes } from "./text.ts";
import type { Transcript } from "./transcript.ts";

const BIT = TOTAL / 2;

/** What drives a batch sees of a row: a distribution in, the token that follows out; null once the row is at its end. */
export interface Row {
  next(probabilities: Float32Array): number | null;
  /** how far it is, 0 to 1 */
  readonly share: number;
}

/** Where intervals go: the range coder, or a count of bits. */
interface Sink {
  encode(start: number, size: number): void;
}

/** How likely an escape is, from the block's own past. */
class EscapeShare {
  #escapes = 0;
  #chances = 0;
  #after = false;

  get size(): number {
    if (this.#after || this.#escapes === 0) return 1;
    return Math.max(1, Math.floor(Math.min(0.5, (this.#escapes + 0.5) / (this.#chances + 1)) * TOTAL));
  }

  saw(escaped: boolean): void {
    if (!this.#after) this.#chances++;
    if (escaped) this.#escapes++;
    this.#after = escaped;
  }
}

/** Runs of bytes, all of a block's under one model. */
class RunWriter {
  #model: Order2Model | undefined;

  write(sink: Sink, bytes: Uint8Array): void {
    const length = bytes.length + 1;
    const digits = Math.floor(Math.log2(length));
    for (let i = 0; i < digits; i++) sink.encode(0, BIT);
    for (let i = digits; i >= 0; i--) sink.encode(Math.floor(length / 2 ** i) % 2 === 1 ? BIT : 0, BIT);
    if (bytes.length === 0) return;
    this.#model ??= new Order2Model();
    const model = this.#model;
    for (const byte of bytes) {
      model.interval(byte);
      sink.encode(model.start, model.size);
      model.learn(byte);
    }
  }
}

export class BlockEncoder implements Row {
  readonly #transcript: Transcript;
  readonly #coder = new RangeEncoder();
  readonly #share = new EscapeShare();
  #runs = new RunWriter();
  #token = 0;
  #escape = 0;

  constructor(transcript: Transcript) {
    this.#transcript = transcript;
  }

  next(probabilities: Float32Array): number | null {
    const id = this.#next(probabilities);
    // Rows wait for the longest of their batch.
    if (id === null) this.#runs = new RunWriter();
    return id;
  }

  #next(probabilities: Float32Array): number | null {
    const { ids, escapes } = this.#transcript;
    if (escapes[this.#escape]?.before === this.#token) {
      const { start, size } = escapeInterval(this.#share.size);
      this.#coder.encode(start, size);
      this.#runs.write(this.#coder, escapes[this.#escape++].bytes);
      this.#share.saw(true);
    }
    if (this.#token === ids.length) return null;
    const id = ids[this.#token++];
    const { start, size } = tokenInterval(probabilities, id, this.#share.size);
    this.#coder.encode(start, size);
    this.#share.saw(false);
    return this.#token === ids.length && this.#escape === escapes.length ? null : id;
  }

  /** how much of the block is written */
  get share(): number {
    const { ids, escapes } = this.#transcript;
    return (this.#token + this.#escape) / Math.max(1, ids.length + escapes.length);
  }

  /** @returns the block's code, once `next` has given null */
  finish(): Uint8Array {
    return this.#coder.finish();
  }
}

/** The code of a block that is one run: no distribution is looked at. */
export function encodeAsBytes(transcript: Transcript): Uint8Array {
  const encoder = new BlockEncoder(transcript);
  encoder.next(new Float32Array());
  return encoder.finish();
}

/** Bits that escaping costs a block: escapes and their runs, and what every token gives up for the chance of one. */
export function escapeBits({ ids, escapes }: Transcript): number {
  let bits = 0;
  const meter: Sink = {
    encode(_, size) {
      bits -= Math.log2(size / TOTAL);
    },
  };
  const share = new EscapeShare();
  const runs = new RunWriter();
  let next = 0;
  for (let token = 0; token <= ids.length; token++) {
    if (escapes[next]?.before === token) {
      meter.encode(0, share.size);
      runs.write(meter, escapes[next++].bytes);
      share.saw(true);
    }
    if (token === ids.length) break;
    meter.encode(0, TOTAL - share.size);
    share.saw(false);
  }
  return bits;
}

/** What a code says cannot have been written. */
class Nonsense extends Error {}

export class BlockDecoder implements Row {
  readonly #tokenizer: Tokenizer;
  readonly #coder: RangeDecoder;
  readonly #bytes: Uint8Array;
  readonly #share = new EscapeShare();
  #model: Order2Model | undefined;
  #done = 0;
  /** token before the next one; null where a text starts */
  #previous: number | null = null;
  /** of n bytes: n tokens and runs with bytes, n runs without before tokens with, a silent token after each, and at the start */
  #symbolsLeft: number;

  /** @param length of the block in bytes */
  constructor(tokenizer: Tokenizer, code: Uint8Array, length: number) {
    this.#tokenizer = tokenizer;
    this.#coder = new RangeDecoder(code);
    this.#bytes = new Uint8Array(length);
    this.#symbolsLeft = 4 * length + 4;
  }

  next(probabilities: Float32Array): number | null {
    const token = this.#sensible(probabilities);
    // Rows wait for the longest of their batch.
    if (token === null) this.#model = undefined;
    return token;
  }

  #sensible(probabilities: Float32Array): number | null {
    try {
      return this.#next(probabilities);
    } catch (error) {
      if (!(error instanceof Nonsense)) throw error;
      return null;
    }
  }

  #next(probabilities: Float32Array): number | null {
    for (let escaped = false; this.#symbolsLeft-- > 0; escaped = true) {
      const reserved = this.#share.size;
      const token = tokenAt(probabilities, this.#coder.target(), reserved);
      if (token < 0) {
        if (escaped) throw new Nonsense("an escape follows an escape");
        const { start, size } = escapeInterval(reserved);
        this.#coder.consume(start, size);
        this.#run();
        this.#share.saw(true);
        this.#previous = null;
        if (this.#done === this.#bytes.length) return null;
        continue;
      }
      const { start, size } = tokenInterval(probabilities, token, reserved);
      this.#coder.consume(start, size);
      this.#share.saw(false);
      this.#put(writtenBytes(this.#tokenizer, token, this.#previous));
      this.#previous = token;
      return this.#done === this.#bytes.length ? null : token;
    }
    throw new Nonsense("more symbols than bytes can have");
  }

  #bit(): number {
    const bit = this.#coder.target() < BIT ? 0 : 1;
    this.#coder.consume(bit * BIT, BIT);
    return bit;
  }

  #run(): void {
    let digits = 0;
    while (this.#bit() === 0) if (++digits > 32) throw new Nonsense("a run longer than any block");
    let length = 1;
    for (; digits > 0; digits--) length = 2 * length + this.#bit();
    const end = this.#done + length - 1;
    if (end > this.#bytes.length) throw new Nonsense("a run longer than what is left");
    if (end === this.#done) return;
    this.#model ??= new Order2Model();
    const model = this.#model;
    while (this.#done < end) {
      const byte = model.symbolAt(this.#coder.target());
      model.interval(byte);
      this.#coder.consume(model.start, model.size);
      model.learn(byte);
      this.#bytes[this.#done++] = byte;
    }
  }

  #put(written: Uint8Array): void {
    if (this.#done + written.length > this.#bytes.length) throw new Nonsense("more bytes than the block has");
    this.#bytes.set(written, this.#done);
    this.#done += written.length;
  }

  /** how much of the block is read */
  get share(): number {
    return this.#done / this.#bytes.length;
  }

  /** @returns the block's bytes; zeros from where a code stopped making sense. Whether they are right, a checksum tells */
  finish(): Uint8Array {
    return this.#bytes;
  }
}
