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

/** A code, or as much as there is of it by now. */
export type Code = Uint8Array | (() => Uint8Array);

/** What drives a batch sees of a row: a distribution in, the token that follows out; null once the row is at its end. */
export interface Row {
  next(probabilities: Float32Array): number | null;
}

/** Where intervals go: the range coder, or a count of bits. */
export interface Sink {
  encode(start: number, size: number): void;
}

/** How likely an escape is, from the block's own past; `after` tells whether the symbol before was one. */
export class EscapeShare {
  #escapes = 0;
  #chances = 0;

  size(after: boolean): number {
    if (after || this.#escapes === 0) return 1;
    return Math.max(1, Math.floor(Math.min(0.5, (this.#escapes + 0.5) / (this.#chances + 1)) * TOTAL));
  }

  saw(escaped: boolean, after: boolean): void {
    if (!after) this.#chances++;
    if (escaped) this.#escapes++;
  }
}

/** A whole number of at least one in Elias's γ code. */
export function writeGamma(sink: Sink, value: number): void {
  const digits = Math.floor(Math.log2(value));
  for (let i = 0; i < digits; i++) sink.encode(0, BIT);
  for (let i = digits; i >= 0; i--) sink.encode(Math.floor(value / 2 ** i) % 2 === 1 ? BIT : 0, BIT);
}

/** @throws Nonsense for a number of more than 33 digits */
export function readGamma(coder: RangeDecoder): number {
  const bit = (): number => {
    const value = coder.target() < BIT ? 0 : 1;
    coder.consume(value * BIT, BIT);
    return value;
  };
  let digits = 0;
  while (bit() === 0) if (++digits > 32) throw new Nonsense("a number larger than any block");
  let value = 1;
  for (; digits > 0; digits--) value = 2 * value + bit();
  return value;
}

/** Runs of bytes, all of a block's under one model. */
export class RunWriter {
  #model: Order2Model | undefined;

  /** a run with its length before it */
  write(sink: Sink, bytes: Uint8Array): void {
    writeGamma(sink, bytes.length + 1);
    this.writeBytes(sink, bytes);
  }

  writeBytes(sink: Sink, bytes: Uint8Array): void {
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

/** The other side of `RunWriter`. */
export class RunReader {
  #model: Order2Model | undefined;

  /** Fills `bytes` with what was written. */
  readBytes(coder: RangeDecoder, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#model ??= new Order2Model();
    const model = this.#model;
    for (let i = 0; i < bytes.length; i++) {
      const byte = model.symbolAt(coder.target());
      model.interval(byte);
      coder.consume(model.start, model.size);
      model.learn(byte);
      bytes[i] = byte;
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
    const escaped = escapes[this.#escape]?.before === this.#token;
    if (escaped) {
      const { start, size } = escapeInterval(this.#share.size(false));
      this.#coder.encode(start, size);
      this.#runs.write(this.#coder, escapes[this.#escape++].bytes);
      this.#share.saw(true, false);
    }
    if (this.#token === ids.length) return null;
    const id = ids[this.#token++];
    const { start, size } = tokenInterval(probabilities, id, this.#share.size(escaped));
    this.#coder.encode(start, size);
    this.#share.saw(false, escaped);
    return this.#token === ids.length && this.#escape === escapes.length ? null : id;
  }

  /** how much of the block is written */
  get share(): number {
    const { ids, escapes } = this.#transcript;
    return (this.#token + this.#escape) / Math.max(1, ids.length + escapes.length);
  }

  /** the code so far, and what of it is read when as many symbols are */
  get written(): Uint8Array {
    return this.#coder.written;
  }

  get shifted(): number {
    return this.#coder.shifted;
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

/** Adds up what intervals cost. */
export class Meter implements Sink {
  bits = 0;

  encode(_: number, size: number): void {
    this.bits -= Math.log2(size / TOTAL);
  }
}

/** Bits that escaping costs a block: escapes and their runs, and what every token gives up for the chance of one. */
export function escapeBits({ ids, escapes }: Transcript): number {
  const meter = new Meter();
  const share = new EscapeShare();
  const runs = new RunWriter();
  let next = 0;
  for (let token = 0; token <= ids.length; token++) {
    const escaped = escapes[next]?.before === token;
    if (escaped) {
      meter.encode(0, share.size(false));
      runs.write(meter, escapes[next++].bytes);
      share.saw(true, false);
    }
    if (token === ids.length) break;
    meter.encode(0, TOTAL - share.size(escaped));
    share.saw(false, escaped);
  }
  return meter.bits;
}

/** What a code says cannot have been written. */
export class Nonsense extends Error {}

export class BlockDecoder implements Row {
  readonly #tokenizer: Tokenizer;
  readonly #coder: RangeDecoder;
  readonly #bytes: Uint8Array;
  readonly #share = new EscapeShare();
  #runs = new RunReader();
  #done = 0;
  /** token before the next one; null where a text starts */
  #previous: number | null = null;
  /** of n bytes: n tokens and runs with bytes, n runs without before tokens with, a silent token after each, and at the start */
  #symbolsLeft: number;

  /** @param length of the block in bytes */
  constructor(tokenizer: Tokenizer, code: Code, length: number) {
    this.#tokenizer = tokenizer;
    this.#coder = new RangeDecoder(code);
    this.#bytes = new Uint8Array(length);
    this.#symbolsLeft = 4 * length + 4;
  }

  next(probabilities: Float32Array): number | null {
    const token = this.#sensible(probabilities);
    // Rows wait for the longest of their batch.
    if (token === null) this.#runs = new RunReader();
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
      const reserved = this.#share.size(escaped);
      const token = tokenAt(probabilities, this.#coder.target(), reserved);
      if (token < 0) {
        if (escaped) throw new Nonsense("an escape follows an escape");
        const { start, size } = escapeInterval(reserved);
        this.#coder.consume(start, size);
        this.#run();
        this.#share.saw(true, escaped);
        this.#previous = null;
        if (this.#done === this.#bytes.length) return null;
        continue;
      }
      const { start, size } = tokenInterval(probabilities, token, reserved);
      this.#coder.consume(start, size);
      this.#share.saw(false, escaped);
      this.#put(writtenBytes(this.#tokenizer, token, this.#previous));
      this.#previous = token;
      return this.#done === this.#bytes.length ? null : token;
    }
    throw new Nonsense("more symbols than bytes can have");
  }

  #run(): void {
    const end = this.#done + readGamma(this.#coder) - 1;
    if (end > this.#bytes.length) throw new Nonsense("a run longer than what is left");
    this.#runs.readBytes(this.#coder, this.#bytes.subarray(this.#done, end));
    this.#done = end;
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
