/**
 * What plain statistics of letters would say: the byte model of METHODS §1 with contexts of up to five bytes, learnt from
 * some text and then asked about another. With n_k, t_k the count and the number of distinct bytes seen after the last k
 * bytes, c_k(x) the count of x there, p_{−1} = 1/256:
 *
 *   p_k(x) = (c_k(x) + t_k · p_{k−1}(x)) / (n_k + t_k),  k = 0..5;  p_k = p_{k−1} where n_k = 0,
 *
 * order k − 1 counting a byte only where it was new to order k. Contexts do not reach into an earlier text. It writes no
 * code; the adaptive order-2 model that does is `order2.ts`.
 *
 * Memory: 23 bytes for every distinct string of up to six bytes: in prose about 25 bytes a byte for the first megabyte.
 */

const ORDER = 5;
const SYMBOLS = 256;
const ROOT = 0;
const NONE = -1;

/** Grows by doubling. */
function grown<A extends Int32Array | Uint32Array | Uint16Array | Uint8Array>(array: A, length: number): A {
  const larger = new (array.constructor as new (length: number) => A)(length);
  larger.set(array);
  return larger;
}

/**
 * A tree of strings: the children of a context's node are the bytes seen after it, in the order in which each was first
 * seen, so that frequent ones are met early.
 */
export class Order5Model {
  #nodes = 1;
  #byte = new Uint8Array(1024);
  #firstChild = new Int32Array(1024).fill(NONE);
  #sibling = new Int32Array(1024).fill(NONE);
  /** c: of the node's byte in the context that its parent is */
  #count = new Uint32Array(1024);
  /** n and t of the node as a context */
  #total = new Uint32Array(1024);
  #distinct = new Uint16Array(1024);

  /** @returns the child, or NONE */
  #find(node: number, byte: number): number {
    let child = this.#firstChild[node];
    while (child !== NONE && this.#byte[child] !== byte) child = this.#sibling[child];
    return child;
  }

  #add(node: number, byte: number): number {
    const added = this.#nodes++;
    if (added === this.#byte.length) this.#grow();
    this.#byte[added] = byte;
    let last = this.#firstChild[node];
    if (last === NONE) this.#firstChild[node] = added;
    else {
      while (this.#sibling[last] !== NONE) last = this.#sibling[last];
      this.#sibling[last] = added;
    }
    return added;
  }

  #grow(): void {
    const before = this.#byte.length;
    this.#byte = grown(this.#byte, 2 * before);
    this.#firstChild = grown(this.#firstChild, 2 * before).fill(NONE, before);
    this.#sibling = grown(this.#sibling, 2 * before).fill(NONE, before);
    this.#count = grown(this.#count, 2 * before);
    this.#total = grown(this.#total, 2 * before);
    this.#distinct = grown(this.#distinct, 2 * before);
  }

  /** Learns a text of its own. */
  learn(text: Uint8Array): void {
    const contexts = new Int32Array(ORDER + 1).fill(NONE);
    contexts[0] = ROOT;
    for (const byte of text) {
      let counting = true;
      // From the longest context down: what a context becomes, the one a byte longer, is overwritten after it was read.
      for (let k = ORDER; k >= 0; k--) {
        const context = contexts[k];
        if (context === NONE) continue;
        let child = this.#find(context, byte);
        const isNew = child === NONE;
        if (isNew) child = this.#add(context, byte);
        if (counting) {
          this.#count[child]++;
          this.#total[context]++;
          if (isNew) this.#distinct[context]++;
          counting = isNew;
        }
        if (k < ORDER) contexts[k + 1] = child;
      }
    }
  }

  /** Nodes of the contexts of 0..5 bytes that end where `text` does; NONE where one is unknown. */
  #contexts(text: ArrayLike<number>): Int32Array {
    const contexts = new Int32Array(ORDER + 1).fill(NONE);
    contexts[0] = ROOT;
    for (let i = Math.max(0, text.length - ORDER); i < text.length; i++) this.#advance(contexts, text[i]);
    return contexts;
  }

  #advance(contexts: Int32Array, byte: number): void {
    for (let k = ORDER - 1; k >= 0; k--) {
      contexts[k + 1] = contexts[k] === NONE ? NONE : this.#find(contexts[k], byte);
    }
  }

  /** Bits of the text under what was learnt, its first byte without a context. */
  bits(text: Uint8Array): number {
    const contexts = this.#contexts([]);
    let bits = 0;
    for (const byte of text) {
      let p = 1 / SYMBOLS;
      for (let k = 0; k <= ORDER; k++) {
        const context = contexts[k];
        // A context that was never followed by anything, or never met: neither was any longer one.
        if (context === NONE || this.#total[context] === 0) break;
        const child = this.#find(context, byte);
        const novel = this.#distinct[context];
        p = ((child === NONE ? 0 : this.#count[child]) + novel * p) / (this.#total[context] + novel);
      }
      bits -= Math.log2(p);
      this.#advance(contexts, byte);
    }
    return bits;
  }

  /**
   * Goes on from a text with the most probable byte each time, the lowest among equals.
   * @param text whose last five bytes count
   */
  continue(text: ArrayLike<number>, length: number): Uint8Array {
    const contexts = this.#contexts(text);
    const written = new Uint8Array(length);
    const p = new Float64Array(SYMBOLS);
    for (let i = 0; i < length; i++) {
      p.fill(1 / SYMBOLS);
      for (let k = 0; k <= ORDER; k++) {
        const context = contexts[k];
        if (context === NONE || this.#total[context] === 0) break;
        const novel = this.#distinct[context];
        const mass = this.#total[context] + novel;
        for (let x = 0; x < SYMBOLS; x++) p[x] *= novel / mass;
        for (let child = this.#firstChild[context]; child !== NONE; child = this.#sibling[child])
          p[this.#byte[child]] += this.#count[child] / mass;
      }
      let best = 0;
      for (let x = 1; x < SYMBOLS; x++) if (p[x] > p[best]) best = x;
      written[i] = best;
      this.#advance(contexts, best);
    }
    return written;
  }
}
