/**
 * Range coder (Martin 1979, in the carry-propagating form of Schindler) with a 64-bit state: every symbol is an interval
 * of a total of 2^30, the range is at least 2^48 after renormalisation, so that a symbol costs at most 2^−18 of its
 * probability (6·10^−6 bits) above −log2 p (METHODS §1.3). Where intervals come from is the caller's business.
 *
 * 64-bit numbers are two float64 halves of 32 bits; every product is split so that it stays below 2^53 and is exact.
 * Words of 16 bits leave the state; one that a carry may still change is held back with the 0xffff words behind it.
 *
 * Memory: the bytes written and not yet drained.
 */

/** What the sizes of a distribution's intervals add up to, at most. */
export const TOTAL = 2 ** 30;

const WORD = 2 ** 16;
const HALF = 2 ** 32;
/** A product's factor below 2^30 is cut here, so that 2^34 · 2^15 stays exact. */
const SPLIT_BITS = 15;
const SPLIT = 2 ** SPLIT_BITS;
/** What remains of 32 bits above the cut. */
const ABOVE_SPLIT = HALF / SPLIT;

function check(start: number, size: number): void {
  if (!(start >= 0 && size >= 1 && start + size <= TOTAL)) {
    throw new RangeError(`an interval of ${size} at ${start} is not inside a total of ${TOTAL}`);
  }
}

/** What both sides know alike: how wide the current interval is. */
class Range {
  protected rangeHigh = HALF - 1;
  protected rangeLow = HALF - 1;

  /** how much of the range one of `TOTAL` is; below 2^34 */
  protected step(): number {
    return this.rangeHigh * 4 + (this.rangeLow >>> 30);
  }

  /** range = step · size */
  protected narrow(step: number, size: number): void {
    const above = step * (size >>> SPLIT_BITS);
    const high = Math.floor(above / ABOVE_SPLIT);
    const low = (above - high * ABOVE_SPLIT) * SPLIT + step * (size % SPLIT);
    const carry = Math.floor(low / HALF);
    this.rangeLow = low - carry * HALF;
    this.rangeHigh = high + carry;
  }

  /** range · 2^16 */
  protected widen(): void {
    this.rangeHigh = this.rangeHigh * WORD + (this.rangeLow >>> 16);
    this.rangeLow = (this.rangeLow % WORD) * WORD;
  }
}

export class RangeEncoder extends Range {
  #lowHigh = 0;
  #lowLow = 0;
  /** the last word that a carry may change, −1 before the first */
  #held = -1;
  /** how many 0xffff words follow it */
  #full = 0;
  #bytes = new Uint8Array(1024);
  #length = 0;

  /**
   * Writes one symbol.
   * @param start first of the symbol's share of `TOTAL`: the sizes of the symbols before it
   * @param size its share, at least one: about p · 2^30
   * @throws RangeError for an interval that is empty or not inside the total
   */
  encode(start: number, size: number): void {
    check(start, size);
    const step = this.step();

    const startAbove = step * (start >>> SPLIT_BITS);
    const startHigh = Math.floor(startAbove / ABOVE_SPLIT);
    let low = (startAbove - startHigh * ABOVE_SPLIT) * SPLIT + step * (start % SPLIT) + this.#lowLow;
    const carry = Math.floor(low / HALF);
    this.#lowLow = low - carry * HALF;
    low = this.#lowHigh + startHigh + carry;
    if (low >= HALF) {
      low -= HALF;
      this.#carry();
    }
    this.#lowHigh = low;

    this.narrow(step, size);
    while (this.rangeHigh < WORD) {
      const word = Math.floor(this.#lowHigh / WORD);
      this.#shift(word);
      this.#lowHigh = (this.#lowHigh - word * WORD) * WORD + (this.#lowLow >>> 16);
      this.#lowLow = (this.#lowLow % WORD) * WORD;
      this.widen();
    }
  }

  /** Bytes not yet drained that nothing to come can change: they stay as they are in what is given here. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Bytes that have left the state since the last drain, those that a carry may still change among them. */
  get shifted(): number {
    return this.#length + (this.#held >= 0 ? 2 * (1 + this.#full) : 0);
  }

  /** Takes the bytes that nothing to come can change; what `finish` returns follows them. */
  drain(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  /**
   * Ends the code: one word names a number inside the last interval, since that is at least 2^48 wide.
   * @returns all bytes not yet drained; the decoder reads zeros behind them
   */
  finish(): Uint8Array {
    let word = Math.floor(this.#lowHigh / WORD);
    if (this.#lowHigh % WORD !== 0 || this.#lowLow !== 0) word++;
    if (word === WORD) {
      word = 0;
      this.#carry();
    }
    this.#shift(word);
    this.#release(0xffff);
    return this.drain();
  }

  #carry(): void {
    this.#held++;
    if (this.#full === 0) return;
    this.#full--;
    this.#release(0);
    this.#held = 0;
  }

  #shift(word: number): void {
    if (word === 0xffff && this.#held >= 0) {
      this.#full++;
      return;
    }
    this.#release(0xffff);
    this.#held = word;
  }

  /** Writes the held word and those behind it, which are all `behind`. */
  #release(behind: number): void {
    if (this.#held >= 0) this.#write(this.#held);
    for (; this.#full > 0; this.#full--) this.#write(behind);
  }

  #write(word: number): void {
    if (this.#length + 2 > this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.#length++] = word >>> 8;
    this.#bytes[this.#length++] = word & 0xff;
  }
}

/** Bytes of a code that a decoder has read beyond those that had left the encoder's state after the same symbols. */
export const READ_AHEAD = 8;

export class RangeDecoder extends Range {
  #bytes: Uint8Array;
  readonly #grown: (() => Uint8Array) | undefined;
  #next = 0;
  /** the code less the encoder's low end */
  #codeHigh: number;
  #codeLow: number;

  /** @param code what the encoder drained and finished with, in order; or gives as much as there is of it by now */
  constructor(code: Uint8Array | (() => Uint8Array)) {
    super();
    this.#grown = typeof code === "function" ? code : undefined;
    this.#bytes = typeof code === "function" ? code() : code;
    this.#codeHigh = this.#word() * WORD + this.#word();
    this.#codeLow = this.#word() * WORD + this.#word();
  }

  /**
   * @returns a number inside the next symbol's interval: `start <= target < start + size`. Any bytes give one; whether
   * they are what was written is for a digest to tell
   */
  target(): number {
    const step = this.step();
    const quotient = (this.#codeHigh * HALF + this.#codeLow) / step;
    let whole = Math.floor(quotient);
    // The quotient is off by 2^−21 at most: only near an integer can its floor be another one's.
    const rest = quotient - whole;
    if (rest < 1e-6 || rest > 1 - 1e-6) {
      const nearest = Math.round(quotient);
      whole = this.#reaches(step, nearest) ? nearest : nearest - 1;
    }
    return Math.min(whole, TOTAL - 1);
  }

  /** Whether step · count <= code, exactly. */
  #reaches(step: number, count: number): boolean {
    const above = step * Math.floor(count / SPLIT);
    const high = Math.floor(above / ABOVE_SPLIT);
    const low = (above - high * ABOVE_SPLIT) * SPLIT + step * (count % SPLIT);
    const carry = Math.floor(low / HALF);
    const difference = this.#codeHigh - high - carry;
    return difference > 0 || (difference === 0 && this.#codeLow >= low - carry * HALF);
  }

  /**
   * Moves past the symbol that `target` lies in.
   * @throws RangeError for an interval that is empty or not inside the total
   */
  consume(start: number, size: number): void {
    check(start, size);
    const step = this.step();

    const startAbove = step * (start >>> SPLIT_BITS);
    const startHigh = Math.floor(startAbove / ABOVE_SPLIT);
    const low = this.#codeLow - (startAbove - startHigh * ABOVE_SPLIT) * SPLIT - step * (start % SPLIT);
    const carry = Math.floor(low / HALF);
    this.#codeLow = low - carry * HALF;
    this.#codeHigh += carry - startHigh;

    this.narrow(step, size);
    while (this.rangeHigh < WORD) {
      // A code that was never written can leave its interval; its high words are cut off, as they mean nothing.
      this.#codeHigh = (this.#codeHigh % WORD) * WORD + (this.#codeLow >>> 16);
      this.#codeLow = (this.#codeLow % WORD) * WORD + this.#word();
      this.widen();
    }
  }

  #word(): number {
    if (this.#grown && this.#next + 2 > this.#bytes.length) this.#bytes = this.#grown();
    const high = this.#next < this.#bytes.length ? this.#bytes[this.#next++] : 0;
    const low = this.#next < this.#bytes.length ? this.#bytes[this.#next++] : 0;
    return high * 256 + low;
  }
}
