/**
 * Which tokens of a text are positions of the information plane (METHODS §2.3 Positions), and the n-gram labels they
 * carry. Every document is one sequence of tokens; position i of it counts where both 4-grams, i−3..i and i+1..i+4, lie
 * inside (`wide` also takes those where a shorter pair does). Rows number the positions in the order of the text.
 *
 * Memory: 4 bytes a token and 8 a document; the row tables 4 bytes a position each.
 */

/** Longest n-gram of the plane. */
export const ORDERS = 4;

/** Tokens of all documents, one after the other. */
export interface Sequences {
  readonly tokens: Int32Array;
  /** [documents + 1] where each document starts */
  readonly starts: Uint32Array;
}

export function concatenate(documents: readonly { readonly ids: Int32Array }[], prefix: number | null): Sequences {
  const extra = prefix === null ? 0 : 1;
  const starts = new Uint32Array(documents.length + 1);
  documents.forEach(({ ids }, d) => {
    starts[d + 1] = starts[d] + (ids.length > 0 ? ids.length + extra : 0);
  });
  const tokens = new Int32Array(starts[documents.length]);
  documents.forEach(({ ids }, d) => {
    if (ids.length === 0) return;
    if (prefix !== null) tokens[starts[d]] = prefix;
    tokens.set(ids, starts[d] + extra);
  });
  return { tokens, starts };
}

export class Positions {
  readonly sequences: Sequences;
  /** number of rows */
  readonly count: number;
  readonly #margin: number;
  /** [documents + 1] first row of each document */
  readonly #rows: Uint32Array;

  /** @param wide rows for every position where at least the 1-grams lie inside (`--all-positions`) */
  constructor(sequences: Sequences, wide: boolean) {
    const { starts } = sequences;
    this.sequences = sequences;
    this.#margin = wide ? 1 : ORDERS;
    this.#rows = new Uint32Array(starts.length);
    for (let d = 0; d + 1 < starts.length; d++) {
      this.#rows[d + 1] = this.#rows[d] + Math.max(0, starts[d + 1] - starts[d] - (2 * this.#margin - 1));
    }
    this.count = this.#rows[starts.length - 1];
  }

  /** Row of one token of a document's sequence, or −1 where it is no position. */
  row(document: number, index: number): number {
    const row = this.#rows[document] + index - (this.#margin - 1);
    return index >= this.#margin - 1 && row < this.#rows[document + 1] ? row : -1;
  }

  /** Calls back for every row, in order. */
  forEach(visit: (row: number, document: number, index: number) => void): void {
    for (let d = 0; d + 1 < this.#rows.length; d++) {
      for (let row = this.#rows[d]; row < this.#rows[d + 1]; row++) {
        visit(row, d, row - this.#rows[d] + this.#margin - 1);
      }
    }
  }

  /** Rows where both n-grams of this order lie inside the document. */
  rowsOfOrder(order: number): Uint32Array {
    const { starts } = this.sequences;
    const rows = new Uint32Array(this.count);
    let used = 0;
    this.forEach((row, document, index) => {
      const length = starts[document + 1] - starts[document];
      if (index >= order - 1 && index + order < length) rows[used++] = row;
    });
    return rows.slice(0, used);
  }

  /** Where the rows' tokens are in the sequences. */
  places(rows: Uint32Array): Uint32Array {
    const { starts } = this.sequences;
    const places = new Uint32Array(this.count);
    this.forEach((row, document, index) => {
      places[row] = starts[document] + index;
    });
    return rows.map((row) => places[row]);
  }

  /** The token so far from each of the rows. */
  tokens(rows: Uint32Array, offset: number): Int32Array {
    return Int32Array.from(this.places(rows), (place) => this.sequences.tokens[place + offset]);
  }

  /** Keys of the input n-grams i−n+1..i: the token itself, then further and further back. */
  inputKeys(rows: Uint32Array, orders: number): Int32Array[] {
    return Array.from({ length: orders }, (_, n) => this.tokens(rows, -n));
  }

  /** Keys of the output n-grams i+1..i+n. */
  outputKeys(rows: Uint32Array, orders: number): Int32Array[] {
    return Array.from({ length: orders }, (_, n) => this.tokens(rows, n + 1));
  }
}
