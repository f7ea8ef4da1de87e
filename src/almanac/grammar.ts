/**
 * The smallest grammar that writes prose and can be read back: laws over numbered alternatives, and patterns, which are
 * text with slots (`"At market: {goods} at {price}."`), every slot filled from a numbered list. Writing draws a number for
 * each slot, reading finds all numberings that give the text, and the bits of a numbering are −log2 of its probability
 * (METHODS §9). What the slots mean and how sentences make a page is for `page.ts`.
 */
import type { Random } from "../numeric/random.ts";

/** A distribution over 0 … size − 1 whose draws are exact: whole weights, no rounding. */
export interface Law {
  readonly size: number;
  draw(random: Random): number;
  /** −log2 of the probability of an alternative */
  bits(index: number): number;
}

export function uniform(size: number): Law {
  const bits = Math.log2(size);
  return { size, draw: (random) => random.below(size), bits: () => bits };
}

/** @param weights whole numbers above 0 */
export function weighted(weights: readonly number[]): Law {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return {
    size: weights.length,
    draw(random) {
      let left = random.below(total);
      let index = 0;
      while (left >= weights[index]) left -= weights[index++];
      return index;
    },
    bits: (index) => Math.log2(total / weights[index]),
  };
}

/** A list written as one line of words. */
export const words = (line: string): readonly string[] => line.split(" ");

/** So many numbers, from the first one in equal steps, as they are written. */
export const numbers = (first: number, count: number, step = 1): readonly string[] =>
  Array.from({ length: count }, (_, i) => String(first + i * step));

/** Literals around slots: `literals[0] slots[0] literals[1] … literals[slots.length]`. */
export interface Pattern {
  readonly literals: readonly string[];
  readonly slots: readonly string[];
}

export function pattern(source: string): Pattern {
  const parts = source.split(/\{([^}]+)\}/);
  return { literals: parts.filter((_, i) => i % 2 === 0), slots: parts.filter((_, i) => i % 2 === 1) };
}

/** @param words what stands in each slot, in order */
export function spell({ literals }: Pattern, words: readonly string[]): string {
  let text = literals[0];
  for (let i = 0; i < words.length; i++) text += words[i] + literals[i + 1];
  return text;
}

/** One way to read a pattern: the number of the word in each slot, and where the text goes on. */
export interface Reading {
  readonly picks: readonly number[];
  readonly end: number;
}

/**
 * Every way in which the pattern can stand at a place of the text.
 * @param lists the alternatives of each slot, in order
 */
export function* read(
  { literals }: Pattern,
  lists: readonly (readonly string[])[],
  text: string,
  at: number,
): Generator<Reading> {
  if (!text.startsWith(literals[0], at)) return;
  yield* readFrom(0, at + literals[0].length, []);

  function* readFrom(slot: number, from: number, picks: readonly number[]): Generator<Reading> {
    if (slot === lists.length) {
      yield { picks, end: from };
      return;
    }
    const after = literals[slot + 1];
    for (const [pick, word] of lists[slot].entries()) {
      if (!text.startsWith(word, from) || !text.startsWith(after, from + word.length)) continue;
      yield* readFrom(slot + 1, from + word.length + after.length, [...picks, pick]);
    }
  }
}
