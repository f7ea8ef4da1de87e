/**
 * Documents → rows of tokens to train on. An epoch is the documents one after another, each opened by the prefix that will
 * open its windows when it is measured (METHODS §0), cut into rows of S tokens and the one after them: every token but
 * the very first is predicted exactly once an epoch. Row r of the run is a function of documents, seed and r alone, so a
 * resumed run goes on with the row it would have had.
 *
 * Memory: 4 bytes a token, twice.
 */
import { random } from "../numeric/random.ts";
import type { Prefix } from "../text/corpus.ts";

export interface RowOptions {
  /** S */
  readonly positions: number;
  readonly prefix: Prefix | null;
  /** whether documents and rows come in a random order, another in every epoch, or as they are */
  readonly shuffled: boolean;
  readonly seed: number;
}

/** [count, S] each; a slot that is padding, or has no target, has `real` 0. */
export interface RowBatch {
  readonly ids: BigInt64Array;
  readonly targets: BigInt64Array;
  readonly real: Uint8Array;
  /** targets that count */
  readonly tokens: number;
}

export class Rows {
  readonly perEpoch: number;
  /** targets of an epoch */
  readonly tokensPerEpoch: number;
  readonly #documents: readonly Int32Array[];
  readonly #options: RowOptions;
  #epoch = -1;
  #sequence: Int32Array = new Int32Array();
  #order: Int32Array = new Int32Array();

  /** @param documents the ids of each, without prefix */
  constructor(documents: readonly Int32Array[], options: RowOptions) {
    const opened = options.prefix ? documents.length : 0;
    const length = documents.reduce((total, ids) => total + ids.length, opened);
    this.#documents = documents;
    this.#options = options;
    this.tokensPerEpoch = Math.max(0, length - 1);
    this.perEpoch = Math.ceil(this.tokensPerEpoch / options.positions);
  }

  /** Rows [first, end) of the run, then padding up to `count`. */
  take(first: number, end: number, count: number): RowBatch {
    const { positions } = this.#options;
    const ids = new BigInt64Array(count * positions);
    const targets = new BigInt64Array(count * positions);
    const real = new Uint8Array(count * positions);
    let tokens = 0;
    for (let row = first; row < end; row++) {
      this.#enter(Math.floor(row / this.perEpoch));
      const start = this.#order[row % this.perEpoch] * positions;
      const slots = Math.min(positions, this.tokensPerEpoch - start);
      const at = (row - first) * positions;
      for (let slot = 0; slot < slots; slot++) {
        ids[at + slot] = BigInt(this.#sequence[start + slot]);
        targets[at + slot] = BigInt(this.#sequence[start + slot + 1]);
      }
      real.fill(1, at, at + slots);
      tokens += slots;
    }
    return { ids, targets, real, tokens };
  }

  #enter(epoch: number): void {
    if (epoch === this.#epoch) return;
    const { prefix, shuffled, seed } = this.#options;
    const ordered = (name: string, count: number): Int32Array => {
      const order = Int32Array.from({ length: count }, (_, index) => index);
      if (shuffled) random(seed, name, epoch).shuffle(order);
      return order;
    };
    this.#sequence = new Int32Array(this.tokensPerEpoch + 1);
    let at = 0;
    for (const index of ordered("training documents", this.#documents.length)) {
      if (prefix) this.#sequence[at++] = prefix.id;
      this.#sequence.set(this.#documents[index], at);
      at += this.#documents[index].length;
    }
    this.#order = ordered("training rows", this.perEpoch);
    this.#epoch = epoch;
  }
}
