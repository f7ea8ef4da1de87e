/**
 * A block of the codec in lanes (METHODS §1.3): parts of one block that go through the model side by side, and one code for
 * all of them. A block of T tokens opens with min(primer, T) that are coded one after the other; what is left is cut into N
 * lanes, lane i from token P + ⌊i·(T − P)/N⌋ on, each of which goes on from the opening as if it came right behind it. Step
 * by step every lane writes its next token, in the order of the lanes:
 *
 *   code = γ(T + 1), opening, (a token of each lane that has one left)^steps, what is left of the block's bytes
 *
 * A token with the bytes that escape before it is written as in `block.ts`; runs and how often they come are the block's.
 *
 * Memory: the block, its code, 4 bytes a token, and what `block.ts` says of bytes that escape.
 */
import { escapeInterval, tokenAt, tokenInterval } from "../coding/quantised.ts";
import { RangeDecoder, RangeEncoder, TOTAL } from "../coding/range-coder.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import {
  type Code,
  EscapeShare,
  Meter,
  Nonsense,
  type Row,
  RunReader,
  RunWriter,
  readGamma,
  writeGamma,
} from "./block.ts";
import { writtenBytes } from "./text.ts";
import type { Transcript } from "./transcript.ts";

export interface Lanes {
  readonly lanes: number;
  /** tokens of a block that all of its lanes have read */
  readonly primer: number;
}

/** Tokens [start, end) of a block. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** The opening of a block of so many tokens, and its lanes. */
export function stretches(tokens: number, { lanes, primer }: Lanes): { opening: Stretch; lanes: Stretch[] } {
  const opening = Math.min(primer, tokens);
  const at = (lane: number): number => opening + Math.floor((lane * (tokens - opening)) / lanes);
  return {
    opening: { start: 0, end: opening },
    lanes: Array.from({ length: lanes }, (_, lane) => ({ start: at(lane), end: at(lane + 1) })),
  };
}

/** Tokens that are reckoned to a lane's beginning where what beginnings cost is told. */
const BEGINNING = 64;

/** Bits of tokens where lanes begin, and of the others. */
export class Beginnings {
  #bits = [0, 0];
  #tokens = [0, 0];

  /** @param place of a token in its lane */
  add(place: number, bits: number): void {
    const kind = place < BEGINNING ? 0 : 1;
    this.#bits[kind] += bits;
    this.#tokens[kind]++;
  }

  /** Bytes that the beginnings took beyond what as many of the other tokens do; null where there are too few to tell. */
  get bytes(): number | null {
    const [tokens, others] = this.#tokens;
    if (tokens === 0 || others < BEGINNING) return null;
    return Math.max(0, Math.round((this.#bits[0] - (tokens * this.#bits[1]) / others) / 8));
  }
}

export class LanesEncoder {
  readonly opening: Row;
  readonly lanes: readonly Row[];
  readonly #transcript: Transcript;
  readonly #escapes: ReadonlyMap<number, Uint8Array>;
  readonly #coder = new RangeEncoder();
  readonly #share = new EscapeShare();
  readonly #runs = new RunWriter();
  readonly #beginnings: Beginnings | undefined;
  #done = 0;

  /** @param beginnings told of every token of the lanes */
  constructor(transcript: Transcript, cut: Lanes, beginnings?: Beginnings) {
    this.#transcript = transcript;
    this.#escapes = new Map(transcript.escapes.map(({ before, bytes }) => [before, bytes]));
    this.#beginnings = beginnings;
    const { length } = transcript.ids;
    const { opening, lanes } = stretches(length, cut);
    // What comes next is asked for as long as a lane may go on from it.
    this.opening = this.#row(opening, opening.end === length);
    this.lanes = lanes.map((stretch) => this.#row(stretch, true, stretch.start));
    writeGamma(this.#coder, length + 1);
  }

  #row({ start, end }: Stretch, last: boolean, lane?: number): Row {
    let token = start;
    return {
      next: (probabilities) => {
        if (token === end) return null;
        const id = this.#write(token, probabilities, lane);
        return ++token === end && last ? null : id;
      },
    };
  }

  #write(token: number, probabilities: Float32Array, lane: number | undefined): number {
    const run = this.#escapes.get(token);
    if (run) {
      const { start, size } = escapeInterval(this.#share.size(false));
      this.#coder.encode(start, size);
      this.#runs.write(this.#coder, run);
      this.#share.saw(true, false);
    }
    const id = this.#transcript.ids[token];
    const { start, size } = tokenInterval(probabilities, id, this.#share.size(run !== undefined));
    this.#coder.encode(start, size);
    this.#share.saw(false, run !== undefined);
    if (lane !== undefined) this.#beginnings?.add(token - lane, -Math.log2(size / TOTAL));
    this.#done++;
    return id;
  }

  /** how much of the block is written */
  get share(): number {
    return this.#done / Math.max(1, this.#transcript.ids.length);
  }

  /** as `BlockEncoder` has them */
  get written(): Uint8Array {
    return this.#coder.written;
  }

  get shifted(): number {
    return this.#coder.shifted;
  }

  /** @returns the block's code, once all rows have given null */
  finish(): Uint8Array {
    this.#runs.writeBytes(this.#coder, this.#escapes.get(this.#transcript.ids.length) ?? new Uint8Array());
    return this.#coder.finish();
  }
}

/** What `escapeBits` of `block.ts` is for a block that is one lane, and the bits that name the block's tokens. */
export function escapeBitsInLanes({ ids, escapes }: Transcript, cut: Lanes): number {
  const meter = new Meter();
  const share = new EscapeShare();
  const runs = new RunWriter();
  const before = new Map(escapes.map((run) => [run.before, run.bytes]));
  const { opening, lanes } = stretches(ids.length, cut);
  writeGamma(meter, ids.length + 1);
  const write = (token: number): void => {
    const run = before.get(token);
    if (run) {
      meter.encode(0, share.size(false));
      runs.write(meter, run);
      share.saw(true, false);
    }
    meter.encode(0, TOTAL - share.size(run !== undefined));
    share.saw(false, run !== undefined);
  };
  for (let token = 0; token < opening.end; token++) write(token);
  const steps = lanes.reduce((most, { start, end }) => Math.max(most, end - start), 0);
  for (let step = 0; step < steps; step++)
    for (const { start, end } of lanes) if (start + step < end) write(start + step);
  runs.writeBytes(meter, before.get(ids.length) ?? new Uint8Array());
  return meter.bits;
}

export class LanesDecoder {
  readonly opening: Row;
  readonly lanes: readonly Row[];
  readonly #tokenizer: Tokenizer;
  readonly #coder: RangeDecoder;
  readonly #length: number;
  readonly #share = new EscapeShare();
  readonly #runs = new RunReader();
  readonly #ids: Int32Array;
  readonly #escapes = new Map<number, Uint8Array>();
  #escaped = 0;
  #done = 0;
  /** whether the code has said what cannot have been written */
  #nonsense = false;

  /** @param length of the block in bytes */
  constructor(tokenizer: Tokenizer, code: Code, length: number, cut: Lanes) {
    this.#tokenizer = tokenizer;
    this.#coder = new RangeDecoder(code);
    this.#length = length;
    this.#ids = new Int32Array(this.#sensible(() => this.#tokens()) ?? 0);
    const { opening, lanes } = stretches(this.#ids.length, cut);
    this.opening = this.#row(opening, opening.end === this.#ids.length);
    this.lanes = lanes.map((stretch) => this.#row(stretch, true));
  }

  /** A byte may come with a silent token before it, and one opens the text. */
  #tokens(): number {
    const tokens = readGamma(this.#coder) - 1;
    if (tokens > 4 * this.#length + 4) throw new Nonsense("more tokens than bytes can have");
    return tokens;
  }

  /** Once nonsense was read there is nothing behind it. */
  #sensible<T>(read: () => T): T | null {
    if (this.#nonsense) return null;
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Nonsense)) throw error;
      this.#nonsense = true;
      return null;
    }
  }

  #row({ start, end }: Stretch, last: boolean): Row {
    let token = start;
    return {
      next: (probabilities) => {
        if (token === end) return null;
        const id = this.#sensible(() => this.#read(token, probabilities));
        return ++token === end && last ? null : id;
      },
    };
  }

  #read(token: number, probabilities: Float32Array): number {
    for (let escaped = false; ; escaped = true) {
      const reserved = this.#share.size(escaped);
      const id = tokenAt(probabilities, this.#coder.target(), reserved);
      const { start, size } = id < 0 ? escapeInterval(reserved) : tokenInterval(probabilities, id, reserved);
      if (id < 0 && escaped) throw new Nonsense("an escape follows an escape");
      this.#coder.consume(start, size);
      this.#share.saw(id < 0, escaped);
      if (id >= 0) {
        this.#ids[token] = id;
        this.#done++;
        return id;
      }
      const length = readGamma(this.#coder) - 1;
      this.#escaped += length;
      if (this.#escaped > this.#length) throw new Nonsense("runs longer than the block");
      const bytes = new Uint8Array(length);
      this.#runs.readBytes(this.#coder, bytes);
      this.#escapes.set(token, bytes);
    }
  }

  /** how much of the block is read */
  get share(): number {
    return this.#done / Math.max(1, this.#ids.length);
  }

  /** @returns the block's bytes; zeros from where a code stopped making sense. Whether they are right, a checksum tells */
  finish(): Uint8Array {
    const bytes = new Uint8Array(this.#length);
    this.#sensible(() => {
      let done = 0;
      const put = (written: Uint8Array): void => {
        if (done + written.length > bytes.length) throw new Nonsense("more bytes than the block has");
        bytes.set(written, done);
        done += written.length;
      };
      let previous: number | null = null;
      for (const [token, id] of this.#ids.entries()) {
        const run = this.#escapes.get(token);
        if (run) {
          put(run);
          previous = null;
        }
        put(writtenBytes(this.#tokenizer, id, previous));
        previous = id;
      }
      this.#runs.readBytes(this.#coder, bytes.subarray(done));
    });
    return bytes;
  }
}
