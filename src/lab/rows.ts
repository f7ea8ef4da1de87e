/**
 * Documents → rows of S tokens to train on, each opened by the prefix that will open its windows when it is measured
 * (METHODS §0). Two ways: a `stream`, the documents one after another cut wherever a row is full, so that every token of an
 * epoch but the very first is predicted exactly once; or `documents`, where no row holds tokens of two of them, as in a
 * measurement, and a row that a document does not fill is padded. Row r of the run is a function of documents, seed and r
 * alone, so a resumed run goes on with the row it would have had.
 *
 * Memory: 4 bytes a token, twice, and 8 bytes a row.
 */
import { random } from "../numeric/random.ts";
import type { Prefix } from "../text/corpus.ts";

export const PACKINGS = ["stream", "documents"] as const;

export interface RowOptions {
  /** S */
  readonly positions: number;
  readonly packing: (typeof PACKINGS)[number];
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
  /** every run of tokens that rows are cut from, one after another: all documents, or each with its prefix */
  #sequence: Int32Array = new Int32Array();
  /** where each row begins in it, and how many targets it has */
  #starts: Int32Array = new Int32Array();
  #slots: Int32Array = new Int32Array();
  #order: Int32Array = new Int32Array();

  /** @param documents the ids of each, without prefix */
  constructor(documents: readonly Int32Array[], options: RowOptions) {
    this.#documents = documents;
    this.#options = options;
    const targets = this.#runsOf(documents).map((length) => Math.max(0, length - 1));
    this.tokensPerEpoch = targets.reduce((total, each) => total + each, 0);
    this.perEpoch = targets.reduce((total, each) => total + Math.ceil(each / options.positions), 0);
  }

  /** Tokens of every run that rows are cut from. */
  #runsOf(documents: readonly Int32Array[]): number[] {
    const { prefix, packing } = this.#options;
    const lengths = documents.map(({ length }) => length + (prefix ? 1 : 0));
    return packing === "documents" ? lengths : [lengths.reduce((total, length) => total + length, 0)];
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
      const place = this.#order[row % this.perEpoch];
      const [start, slots] = [this.#starts[place], this.#slots[place]];
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
    const { positions, prefix, shuffled, seed } = this.#options;
    const ordered = (name: string, count: number): Int32Array => {
      const order = Int32Array.from({ length: count }, (_, index) => index);
      if (shuffled) random(seed, name, epoch).shuffle(order);
      return order;
    };
    const documents = Array.from(ordered("training documents", this.#documents.length), (i) => this.#documents[i]);
    const runs = this.#runsOf(documents);
    this.#sequence = new Int32Array(runs.reduce((total, length) => total + length, 0));
    let at = 0;
    for (const ids of documents) {
      if (prefix) this.#sequence[at++] = prefix.id;
      this.#sequence.set(ids, at);
      at += ids.length;
    }
    this.#starts = new Int32Array(this.perEpoch);
    this.#slots = new Int32Array(this.perEpoch);
    let row = 0;
    let first = 0;
    for (const length of runs) {
      for (let done = 0; done < length - 1; done += positions) {
        this.#starts[row] = first + done;
        this.#slots[row++] = Math.min(positions, length - 1 - done);
      }
      first += length;
    }
    this.#order = ordered("training rows", this.perEpoch);
    this.#epoch = epoch;
  }
}
