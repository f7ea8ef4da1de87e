/**
 * Trains a byte-level BPE tokenizer (Sennrich et al. 2016; GPT-2's cutting into words): the most frequent pair of
 * neighbours becomes a token, the one with the lower ids among equals, until the vocabulary is full or no pair occurs
 * twice. Ids: the end-of-text token, the 256 bytes in the order of their characters, the merges as they came. The same
 * text gives the same tokenizer as the reference implementation in Rust.
 *
 * Memory: about 100 bytes for each distinct word and 60 for each distinct pair in one, and one text at a time.
 */
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { BYTE_CHARACTERS, bpeTokenizerJson, byteLevelTokenizerConfig, END_OF_TEXT, writeBytes } from "./bytes.ts";
import { splitCutter } from "./cut.ts";
import { BYTE_LEVEL_PATTERN } from "./definition.ts";

/** A pair that occurs once is chance, not structure. */
const LEAST_COUNT = 2;

export interface TrainedTokenizer {
  /** what tokenizer.json and tokenizer_config.json say */
  readonly tokenizer: Readonly<Record<string, unknown>>;
  readonly tokenizerConfig: object;
  /** tokens in all; fewer than asked for where the text has no more pairs */
  readonly size: number;
}

/**
 * @param texts each by itself: no token spans two
 * @param vocabulary tokens in all
 * @throws LossyscopeError `usage` where the vocabulary does not hold the bytes
 */
export function trainTokenizer(texts: Iterable<string>, vocabulary: number): TrainedTokenizer {
  const tokens = [END_OF_TEXT, ...[...BYTE_CHARACTERS].sort()];
  if (vocabulary < tokens.length) {
    throw new LossyscopeError(
      "usage",
      `a vocabulary of ${count(vocabulary)} is too small: 256 bytes and the end of text are ${count(tokens.length)} tokens`,
      `take at least ${tokens.length}`,
    );
  }
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges: string[] = [];
  const pairs = new Pairs(wordsOf(texts), ids);
  while (tokens.length < vocabulary) {
    const best = pairs.mostFrequent();
    if (!best || best.count < LEAST_COUNT) break;
    const [left, right] = [tokens[best.left], tokens[best.right]];
    // Two ways may lead to one token: it has the id of the first.
    const merged = ids.get(left + right) ?? tokens.push(left + right) - 1;
    ids.set(left + right, merged);
    merges.push(`${left} ${right}`);
    pairs.merge(best.left, best.right, merged);
  }
  return {
    tokenizer: bpeTokenizerJson(ids, merges),
    tokenizerConfig: byteLevelTokenizerConfig(),
    size: tokens.length,
  };
}

/** Words with how often they occur, in the order in which they first do. */
function wordsOf(texts: Iterable<string>): Map<string, number> {
  const cut = splitCutter({ Regex: BYTE_LEVEL_PATTERN }, "Isolated");
  const words = new Map<string, number>();
  for (const text of texts) {
    let start = 0;
    for (const ends of cut(text))
      for (const end of ends) {
        const word = text.slice(start, end);
        words.set(word, (words.get(word) ?? 0) + 1);
        start = end;
      }
  }
  return words;
}

interface Pair {
  readonly left: number;
  readonly right: number;
  count: number;
  /** words that had it at some time */
  readonly words: Set<number>;
}

/** Neighbours in words, with counts that follow every merge. */
class Pairs {
  readonly #words: { symbols: number[]; readonly count: number }[];
  readonly #pairs = new Map<string, Pair>();
  /** binary heap, best first; an entry whose count is no longer the pair's is void */
  readonly #heap: { readonly pair: Pair; readonly count: number }[] = [];

  constructor(words: ReadonlyMap<string, number>, ids: ReadonlyMap<string, number>) {
    this.#words = [...words].map(([word, count]) => ({
      symbols: Array.from(writeBytes(word), (character) => ids.get(character)!),
      count,
    }));
    const changed = new Set<Pair>();
    for (const index of this.#words.keys()) this.#count(index, 1, changed);
    for (const pair of changed) this.#push(pair);
  }

  mostFrequent(): Pair | undefined {
    for (;;) {
      const best = this.#heap[0];
      if (!best) return undefined;
      if (best.count === best.pair.count) return best.pair;
      this.#pop();
    }
  }

  /** Replaces every occurrence of the pair, from the left. */
  merge(left: number, right: number, merged: number): void {
    const changed = new Set<Pair>();
    for (const index of this.#pairs.get(`${left} ${right}`)!.words) {
      const word = this.#words[index];
      this.#count(index, -1, changed);
      const symbols: number[] = [];
      for (let at = 0; at < word.symbols.length; at++) {
        const found = word.symbols[at] === left && word.symbols[at + 1] === right;
        symbols.push(found ? merged : word.symbols[at]);
        if (found) at++;
      }
      word.symbols = symbols;
      this.#count(index, 1, changed);
    }
    for (const pair of changed) if (pair.count > 0) this.#push(pair);
  }

  /** Adds a word's pairs, or takes them away. */
  #count(index: number, sign: 1 | -1, changed: Set<Pair>): void {
    const { symbols, count } = this.#words[index];
    for (let at = 0; at + 1 < symbols.length; at++) {
      const [left, right] = [symbols[at], symbols[at + 1]];
      const key = `${left} ${right}`;
      const pair: Pair = this.#pairs.get(key) ?? { left, right, count: 0, words: new Set() };
      this.#pairs.set(key, pair);
      pair.count += sign * count;
      if (sign > 0) pair.words.add(index);
      changed.add(pair);
    }
  }

  #before(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x.count !== y.count) return x.count > y.count;
    return x.pair.left !== y.pair.left ? x.pair.left < y.pair.left : x.pair.right < y.pair.right;
  }

  #exchange(a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#heap[b], this.#heap[a]];
  }

  #push(pair: Pair): void {
    let at = this.#heap.push({ pair, count: pair.count }) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && this.#before(at, parent); parent = (at - 1) >> 1) {
      this.#exchange(at, parent);
      at = parent;
    }
  }

  #pop(): void {
    this.#exchange(0, this.#heap.length - 1);
    this.#heap.pop();
    for (let at = 0; ; ) {
      let best = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && this.#before(child, best)) best = child;
      }
      if (best === at) return;
      this.#exchange(at, best);
      at = best;
    }
  }
}
