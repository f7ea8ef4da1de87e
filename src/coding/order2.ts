/**
 * The order-2 adaptive byte model that stands beside the compressors (METHODS §1): interpolated context blending with
 * Witten–Bell escapes and update exclusion (PPM method C, Moffat 1990), coded by our own range coder. With n_k, t_k the
 * count and the number of distinct bytes seen after the last k bytes, c_k(x) the count of x there, p_{-1} = 1/256:
 *
 *   p_k(x) = (c_k(x) + t_k · p_{k−1}(x)) / (n_k + t_k),  k = 0, 1, 2;  p_k = p_{k−1} where n_k = 0.
 *
 * Order k − 1 counts a byte only where it was new to order k. Nothing ages. A byte's share of 2^30 is its p_2 with a
 * floor of one. All arithmetic is float64 sums, products and quotients, which ECMAScript fixes to the last bit, so that
 * every machine computes the same intervals.
 *
 * Memory: 1 KiB for every distinct pair of bytes in the text, 64 MiB at most. Counts are 32-bit: 2^32 − 1 bytes of text.
 */
import { RangeDecoder, RangeEncoder, TOTAL } from "./range-coder.ts";

const SYMBOLS = 256;
const DEPTH = 8;
const ROOT = 1;
/** What is shared out by probability; the rest is the floor of one for every byte. */
const SHARED = TOTAL - SYMBOLS;

/**
 * Counts of one order. A context is a block of 256 numbers: [0] its count n, [node] for nodes 1..255 of the binary tree
 * over the byte's bits (high bit first) the count of the left half below it. One walk from the root gives a byte's count
 * and that of all bytes before it.
 */
class Counts {
  tree: Uint32Array;
  /** distinct bytes seen, by context */
  readonly distinct: Uint16Array;
  /** the context's block; −1 where nothing was seen yet */
  readonly #block: Int32Array;
  #blocks = 0;

  constructor(contexts: number) {
    this.tree = new Uint32Array(SYMBOLS * Math.min(contexts, 1024));
    this.distinct = new Uint16Array(contexts);
    this.#block = new Int32Array(contexts).fill(-1);
  }

  /** @returns where the context's block starts, made if need be */
  at(context: number): number {
    const known = this.#block[context];
    if (known >= 0) return known;
    const made = this.#blocks++ * SYMBOLS;
    if (made === this.tree.length) {
      const grown = new Uint32Array(this.tree.length * 2);
      grown.set(this.tree);
      this.tree = grown;
    }
    this.#block[context] = made;
    return made;
  }
}

/** The model by itself, for codes that it is a part of: `interval` or `symbolAt` then `interval`, then `learn`. */
export class Order2Model {
  readonly #counts = [new Counts(1), new Counts(256), new Counts(65536)] as const;
  /** the last two bytes, the older one first; zeros before the text */
  #last = 0;
  /** of the three orders in the current context: where the block lies, n + t, t */
  readonly #at = new Int32Array(3);
  readonly #mass = new Float64Array(3);
  readonly #novel = new Float64Array(3);
  /** of the byte last walked to: the counts before it and its own */
  readonly #before = new Float64Array(3);
  readonly #own = new Float64Array(3);

  /** interval of the byte last given to `interval` */
  start = 0;
  size = 0;

  #enter(): void {
    for (let k = 0; k < 3; k++) {
      const counts = this.#counts[k];
      const context = k === 0 ? 0 : k === 1 ? this.#last & 0xff : this.#last;
      const at = counts.at(context);
      this.#at[k] = at;
      this.#novel[k] = counts.distinct[context];
      this.#mass[k] = counts.tree[at] + this.#novel[k];
    }
  }

  /** First number of `TOTAL` at or above `symbol`, given the counts of all bytes below it: monotone, 0 to `TOTAL`. */
  #boundary(symbol: number, below0: number, below1: number, below2: number): number {
    const mass = this.#mass;
    const novel = this.#novel;
    let p = symbol / SYMBOLS;
    if (mass[0] > 0) p = (below0 + novel[0] * p) / mass[0];
    if (mass[1] > 0) p = (below1 + novel[1] * p) / mass[1];
    if (mass[2] > 0) p = (below2 + novel[2] * p) / mass[2];
    return Math.floor(p * SHARED) + symbol;
  }

  /** Walks to a byte in order k, leaving its counts in `before` and `own`. */
  #walk(k: number, symbol: number): void {
    const { tree } = this.#counts[k];
    const at = this.#at[k];
    let before = 0;
    let own = tree[at];
    if (own > 0) {
      let node = ROOT;
      for (let bit = DEPTH - 1; bit >= 0; bit--) {
        const left = tree[at + node];
        if ((symbol >>> bit) & 1) {
          before += left;
          own -= left;
          node = 2 * node + 1;
        } else {
          own = left;
          node = 2 * node;
        }
      }
    }
    this.#before[k] = before;
    this.#own[k] = own;
  }

  /** Sets `start` and `size` to the interval of `symbol` as the next byte. */
  interval(symbol: number): void {
    this.#enter();
    for (let k = 0; k < 3; k++) this.#walk(k, symbol);
    const before = this.#before;
    const own = this.#own;
    this.start = this.#boundary(symbol, before[0], before[1], before[2]);
    this.size = this.#boundary(symbol + 1, before[0] + own[0], before[1] + own[1], before[2] + own[2]) - this.start;
  }

  /** @returns the byte in whose interval `target` lies */
  symbolAt(target: number): number {
    this.#enter();
    const [zero, one, two] = this.#counts;
    let symbol = 0;
    let node = ROOT;
    let below0 = 0;
    let below1 = 0;
    let below2 = 0;
    for (let half = SYMBOLS / 2; half >= 1; half /= 2) {
      const middle0 = below0 + zero.tree[this.#at[0] + node];
      const middle1 = below1 + one.tree[this.#at[1] + node];
      const middle2 = below2 + two.tree[this.#at[2] + node];
      node *= 2;
      if (this.#boundary(symbol + half, middle0, middle1, middle2) <= target) {
        symbol += half;
        below0 = middle0;
        below1 = middle1;
        below2 = middle2;
        node++;
      }
    }
    return symbol;
  }

  /** Learns `symbol`, which `interval` was last asked about, and moves on. */
  learn(symbol: number): void {
    for (let k = 2; k >= 0; k--) {
      const counts = this.#counts[k];
      const { tree } = counts;
      const at = this.#at[k];
      tree[at]++;
      let node = ROOT;
      for (let bit = DEPTH - 1; bit >= 0; bit--) {
        const right = (symbol >>> bit) & 1;
        if (!right) tree[at + node]++;
        node = 2 * node + right;
      }
      if (this.#own[k] > 0) break;
      counts.distinct[k === 0 ? 0 : k === 1 ? this.#last & 0xff : this.#last]++;
    }
    this.#last = ((this.#last & 0xff) << 8) | symbol;
  }
}

/** Compresses a stream of bytes; the end of the stream is not coded. */
export class Order2Encoder {
  readonly #model = new Order2Model();
  readonly #coder = new RangeEncoder();

  write(bytes: Uint8Array): void {
    const model = this.#model;
    const coder = this.#coder;
    for (let i = 0; i < bytes.length; i++) {
      const symbol = bytes[i];
      model.interval(symbol);
      coder.encode(model.start, model.size);
      model.learn(symbol);
    }
  }

  /** Takes the compressed bytes that are settled; what `finish` returns follows them. */
  drain(): Uint8Array {
    return this.#coder.drain();
  }

  finish(): Uint8Array {
    return this.#coder.finish();
  }
}

/**
 * @param code everything an `Order2Encoder` gave, in order
 * @param length of the text in bytes
 */
export function order2Decode(code: Uint8Array, length: number): Uint8Array {
  const model = new Order2Model();
  const coder = new RangeDecoder(code);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const symbol = model.symbolAt(coder.target());
    model.interval(symbol);
    coder.consume(model.start, model.size);
    model.learn(symbol);
    bytes[i] = symbol;
  }
  return bytes;
}
