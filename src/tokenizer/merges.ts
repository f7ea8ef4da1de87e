/**
 * Byte-pair encoding of one piece: of all adjacent pairs the one whose merge ranks first is joined, the leftmost among
 * equals, until no pair has a merge (Sennrich et al. 2016). A merge ranks by its place in a list (`Merges`), or, where tokens
 * come with scores, by the score of what it makes, and then any two may be joined that make a token, and many rank alike
 * (`ScoredPieces`). Symbols are numbers, pairs wait in a heap ordered by (rank, position), and a pair that no longer stands
 * there is skipped: O(n log n) for a piece of n characters, whatever it holds.
 * Memory: a list of merges at most 52 bytes each; 40 bytes a character of the piece at hand.
 */
import { randomInt } from "node:crypto";
import { type InTurns, LOT } from "./running.ts";

/** Rank and position share one float64: no string is longer than 2^30, which leaves 2^23 merges. */
const POSITIONS = 2 ** 30;
/** Of symbols and of merges: none. */
export const NONE = -1;
/** A symbol that was joined to the one before it. */
const GONE = -2;

/** What can be joined, and in which order. */
interface Joins {
  /** number of a character, or of what a join made; NONE for what is joined with nothing */
  symbolOf(text: string): number;
  /** what joins two neighbours; NONE where nothing does */
  between(left: number, right: number, leftText: string, rightText: string): number;
  /** below 2^23, the lowest first */
  rankOf(join: number): number;
  /** @param text of both, joined */
  made(join: number, text: string): number;
}

/** @returns the symbols that the piece ends as; characters that nothing joins stay as they are */
function* joined(piece: string, joins: Joins): InTurns<string[]> {
  const texts: string[] = [];
  const at = new Int32Array(piece.length);
  // [i]: the next symbol's place, `count` at the end; the one before, -1 at the start
  const next = new Int32Array(piece.length);
  const before = new Int32Array(piece.length);
  let count = 0;
  for (const character of piece) {
    at[count] = joins.symbolOf(character);
    before[count] = count - 1;
    next[count++] = texts.push(character);
    if (count % LOT === 0) yield;
  }
  if (count < 2) return texts;
  const heap = new Heap();
  const joinAt = (left: number): number => {
    const right = next[left];
    if (right >= count || at[left] < 0 || at[right] < 0) return NONE;
    return joins.between(at[left], at[right], texts[left], texts[right]);
  };
  const consider = (left: number): void => {
    const join = joinAt(left);
    if (join !== NONE) heap.push(joins.rankOf(join) * POSITIONS + left);
  };
  for (let i = 0; i + 1 < count; i++) {
    consider(i);
    if (i % LOT === LOT - 1) yield;
  }
  let turns = 0;
  for (let key = heap.pop(); key !== undefined; key = heap.pop()) {
    if (++turns % LOT === 0) yield;
    const rank = Math.floor(key / POSITIONS);
    const left = key - rank * POSITIONS;
    const join = joinAt(left);
    // Of another join with the same rank the turn is the same.
    if (join === NONE || joins.rankOf(join) !== rank) continue;
    const right = next[left];
    texts[left] += texts[right];
    at[left] = joins.made(join, texts[left]);
    at[right] = GONE;
    next[left] = next[right];
    if (next[left] < count) before[next[left]] = left;
    if (before[left] >= 0) consider(before[left]);
    consider(left);
  }
  const symbols: string[] = [];
  for (let i = 0; i < count; i = next[i]) if (symbols.push(texts[i]) % LOT === 0) yield;
  return symbols;
}

/** Symbols that are no tokens are numbered from here on. */
const OTHERS = 2 ** 25;
/** What a merge makes, before it was looked up: most of half a million are never joined. */
const UNSEEN = -3;

/** Merges as they were learned, each a pair. */
export class Merges {
  readonly #table: PairTable;
  /** [merges] what each makes */
  readonly #made: Int32Array;
  /** sides of merges that are no tokens */
  readonly #others = new Map<string, number>();
  readonly #idOf: ReadonlyMap<string, number>;
  readonly #joins: Joins = {
    symbolOf: (text) => this.#known(text),
    between: (left, right) => this.#table.get(left, right),
    rankOf: (merge) => merge,
    made: (merge, text) => {
      if (this.#made[merge] === UNSEEN) this.#made[merge] = this.#known(text);
      return this.#made[merge];
    },
  };

  /**
   * @param merges pairs in the order they were learned, fewer than 2^23; a pair named twice counts where it is named last
   * @param idOf numbers of the symbols that are tokens, below 2^25
   * @param count how many merges there will be, where that is known: room for them is made at once
   */
  constructor(merges: Iterable<readonly [string, string]>, idOf: ReadonlyMap<string, number>, count = 0) {
    this.#idOf = idOf;
    this.#table = new PairTable(count);
    let merge = 0;
    for (const [left, right] of merges) this.#table.set(this.#symbol(left), this.#symbol(right), merge++);
    this.#made = new Int32Array(merge).fill(UNSEEN);
  }

  #symbol(text: string): number {
    const known = this.#known(text);
    if (known !== NONE) return known;
    const symbol = OTHERS + this.#others.size;
    this.#others.set(text, symbol);
    return symbol;
  }

  /** What is no token and no side of any merge is joined with nothing. */
  #known(text: string): number {
    return this.#idOf.get(text) ?? this.#others.get(text) ?? NONE;
  }

  /** @returns strings that tile the piece */
  apply(piece: string): InTurns<string[]> {
    return joined(piece, this.#joins);
  }
}

/** Tokens with scores, any two neighbours that make one being joined (sentencepiece, as llama.cpp has it). */
export class ScoredPieces {
  readonly #joins: Joins;

  /**
   * @param idOf numbers of the tokens that text is made of
   * @param ranks of the tokens, by id, below 2^23: the highest score first; below 0 of what nothing is joined to
   */
  constructor(idOf: ReadonlyMap<string, number>, ranks: ArrayLike<number>) {
    this.#joins = {
      symbolOf: () => 0,
      between: (_left, _right, leftText, rightText) => {
        const token = idOf.get(leftText + rightText);
        return token === undefined || ranks[token] < 0 ? NONE : token;
      },
      rankOf: (token) => ranks[token],
      made: () => 0,
    };
  }

  /** @returns strings that tile the piece */
  apply(piece: string): InTurns<string[]> {
    return joined(piece, this.#joins);
  }
}

/** So that no file can be made whose pairs all fall together. */
const SALT = randomInt(2 ** 31);

/** Pairs of symbols to the merge of each: open addressing, at most half full. */
export class PairTable {
  #lefts: Int32Array;
  #rights: Int32Array;
  /** NONE where nothing stands */
  #merges: Int32Array;
  #size = 0;

  /** @param count of the merges to come, where that is known */
  constructor(count = 0) {
    const room = 2 ** Math.max(10, Math.ceil(Math.log2(2 * count + 1)));
    this.#lefts = new Int32Array(room);
    this.#rights = new Int32Array(room);
    this.#merges = new Int32Array(room).fill(NONE);
  }

  set(left: number, right: number, merge: number): void {
    const at = this.#placeOf(left, right);
    if (this.#merges[at] === NONE) this.#size++;
    this.#put(at, left, right, merge);
    if (2 * this.#size > this.#merges.length) this.#grow();
  }

  /** @returns NONE where the pair has no merge */
  get(left: number, right: number): number {
    return this.#merges[this.#placeOf(left, right)];
  }

  #placeOf(left: number, right: number): number {
    const [lefts, rights, merges] = [this.#lefts, this.#rights, this.#merges];
    const mask = merges.length - 1;
    let hash = Math.imul(left + SALT, 0x9e3779b1);
    hash = Math.imul((hash ^ (hash >>> 16)) + right, 0x85ebca6b);
    for (let at = (hash ^ (hash >>> 15)) & mask; ; at = (at + 1) & mask)
      if (merges[at] === NONE || (lefts[at] === left && rights[at] === right)) return at;
  }

  #put(at: number, left: number, right: number, merge: number): void {
    this.#lefts[at] = left;
    this.#rights[at] = right;
    this.#merges[at] = merge;
  }

  #grow(): void {
    const [lefts, rights, merges] = [this.#lefts, this.#rights, this.#merges];
    this.#lefts = new Int32Array(2 * merges.length);
    this.#rights = new Int32Array(2 * merges.length);
    this.#merges = new Int32Array(2 * merges.length).fill(NONE);
    for (const [from, merge] of merges.entries())
      if (merge !== NONE) this.#put(this.#placeOf(lefts[from], rights[from]), lefts[from], rights[from], merge);
  }
}

/** Smallest number first. */
class Heap {
  private readonly keys: number[] = [];

  push(key: number): void {
    const { keys } = this;
    let at = keys.push(key) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent] <= key) break;
      keys[at] = keys[parent];
      at = parent;
    }
    keys[at] = key;
  }

  pop(): number | undefined {
    const { keys } = this;
    const least = keys[0];
    const key = keys.pop();
    if (key === undefined || keys.length === 0) return least;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= keys.length) break;
      if (child + 1 < keys.length && keys[child + 1] < keys[child]) child++;
      if (keys[child] >= key) break;
      keys[at] = keys[child];
      at = child;
    }
    keys[at] = key;
    return least;
  }
}
