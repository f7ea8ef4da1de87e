/**
 * The likeliest way to write a piece as tokens (sentencepiece's unigram model, Kudo 2018): of all ways to tile it the one with
 * the largest sum of scores, a character that is no token by itself at a score of its own. Of two ways with one sum the one
 * whose last token begins first is kept, which is llama.cpp's order. Sums are in float64: of float32 scores they are exact.
 * Memory: 24 bytes a character of all tokens, in a trie over UTF-16; 16 bytes a character of the piece at hand.
 */
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { NONE, PairTable } from "./merges.ts";
import { type InTurns, LOT } from "./running.ts";

/** Characters of all tokens: vocabularies of a quarter of a million have two millions. */
const MOST_CHARACTERS = 2 ** 23;

/** Tokens that text is made of, each with its score. */
export class LikeliestPieces {
  readonly #next = new PairTable();
  /** [nodes] score of the token that ends there; NaN where none does */
  readonly #scores: Float64Array;
  readonly #unknown: number;

  /**
   * @param pieces not empty, each once
   * @param unknown score of a character that is none of them
   * @throws LossyscopeError `model` where they are longer in all than those of any tokenizer
   */
  constructor(pieces: Iterable<readonly [content: string, score: number]>, unknown: number) {
    const list = [...pieces];
    const characters = list.reduce((sum, [{ length }]) => sum + length, 0);
    if (characters > MOST_CHARACTERS)
      throw new LossyscopeError(
        "model",
        `the tokenizer's tokens have ${count(characters)} characters in all, ${count(MOST_CHARACTERS)} are read at most`,
        "fetch or convert the file again",
      );
    let nodes = 1;
    const ends: (readonly [node: number, score: number])[] = [];
    for (const [content, score] of list) {
      let node = 0;
      for (let at = 0; at < content.length; at++) {
        const unit = content.charCodeAt(at);
        let next = this.#next.get(node, unit);
        if (next === NONE) this.#next.set(node, unit, (next = nodes++));
        node = next;
      }
      ends.push([node, score]);
    }
    this.#scores = new Float64Array(nodes).fill(Number.NaN);
    for (const [node, score] of ends) this.#scores[node] = score;
    this.#unknown = unknown;
  }

  /** @returns strings that tile the piece: tokens, and characters that are none */
  *apply(piece: string): InTurns<string[]> {
    const { length } = piece;
    const best = new Float64Array(length + 1).fill(Number.NEGATIVE_INFINITY);
    const from = new Int32Array(length + 1);
    best[0] = 0;
    let turns = 0;
    const reach = (start: number, end: number, score: number): void => {
      if (!(best[start] + score > best[end])) return;
      best[end] = best[start] + score;
      from[end] = start;
    };
    for (let start = 0; start < length; ) {
      const step = piece.codePointAt(start)! > 0xffff ? 2 : 1;
      let alone = false;
      let node = 0;
      for (let at = start; at < length; ) {
        node = this.#next.get(node, piece.charCodeAt(at++));
        if (node === NONE) break;
        if (++turns % LOT === 0) yield;
        const score = this.#scores[node];
        if (Number.isNaN(score)) continue;
        if (at - start === step) alone = true;
        reach(start, at, score);
      }
      if (!alone) reach(start, start + step, this.#unknown);
      start += step;
      if (++turns % LOT === 0) yield;
    }
    const pieces: string[] = [];
    for (let end = length; end > 0; end = from[end]) if (pieces.push(piece.slice(from[end], end)) % LOT === 0) yield;
    return pieces.reverse();
  }
}
