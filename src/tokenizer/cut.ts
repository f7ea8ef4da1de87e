/**
 * Pre-tokenizers that cut and nothing else: a text falls into pieces that tile it, and the model's merges never cross a
 * cut. Patterns are compiled by @huggingface/tokenizers, which rewrites Oniguruma for JavaScript; what is done with the
 * matches (`behavior`, `invert`) follows the reference implementation in Rust, which published files are written for.
 * Memory: none that grows with the text.
 */

import { count } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { SplitPreTokenizer } from "./library.ts";
import { LOT, runs } from "./running.ts";

/**
 * Gives the ends of the pieces of a text, in order and some at a time; pieces are not empty and tile the text. Between two lots
 * no more of the text was looked at than `LOT` characters and a piece, but for what a pattern looks at by itself.
 */
export type Cutter = (text: string) => Generator<readonly number[], void>;

/** Whether a span joins the piece of the span before it; `match` is after inversion. */
const JOINS: ReadonlyMap<string, (before: boolean, match: boolean) => boolean> = new Map([
  ["isolated", () => false],
  ["contiguous", (before: boolean, match: boolean) => before === match],
  ["mergedwithprevious", (before: boolean, match: boolean) => match && !before],
  ["mergedwithnext", (before: boolean, match: boolean) => before && !match],
]);

/**
 * @param pattern as tokenizer.json writes it: `{ Regex }` or `{ String }`
 * @param behaviour what becomes of a match; `Removed` is refused, since text that no token stands for cannot be scored
 * @throws LossyscopeError `unsupported` naming a pattern or a behaviour that cannot be followed
 */
export function splitCutter(
  pattern: { readonly Regex?: string; readonly String?: string },
  behaviour: unknown,
  invert = false,
): Cutter {
  const joins = JOINS.get(String(behaviour).toLowerCase());
  if (!joins) {
    throw new LossyscopeError(
      "unsupported",
      `the tokenizer splits with behaviour ${shown(behaviour)}, which drops text`,
    );
  }
  const search = compile(pattern);
  const expression: Expression = {
    written: pattern.Regex ?? pattern.String!,
    search,
    sticky: new RegExp(search.source, "yu"),
  };
  const isolated = joins === JOINS.get("isolated");
  return function* (text) {
    let ends: number[] = [];
    let rested = 0;
    let start = 0;
    let before = false;
    const span = new Spans(text, expression);
    while (span.next()) {
      const match = span.match !== invert;
      const end = isolated ? span.end : span.start;
      if (end > start && (isolated || !joins(before, match))) {
        ends.push(end);
        start = end;
      }
      before = match;
      if (span.end - rested < LOT) continue;
      yield ends;
      ends = [];
      rested = span.end;
    }
    if (start < text.length) ends.push(text.length);
    yield ends;
  };
}

/** Characters of the longest pattern that is compiled: published ones have hundreds, and a million take seconds. */
const LONGEST_PATTERN = 2 ** 16;

function compile(pattern: { readonly Regex?: string; readonly String?: string }): RegExp {
  const written = pattern.Regex ?? pattern.String;
  if (written === undefined)
    throw new LossyscopeError("unsupported", `the tokenizer's pattern ${shown(pattern)} has no known form`);
  const { length } = written;
  if (length > LONGEST_PATTERN) {
    throw new LossyscopeError(
      "unsupported",
      `the tokenizer has a pattern of ${count(length)} characters, ${count(LONGEST_PATTERN)} are read at most`,
    );
  }
  try {
    return new SplitPreTokenizer({ type: "Split", pattern, behavior: "Isolated", invert: true }).pattern!;
  } catch (error) {
    // `Invalid regular expression: /PATTERN/flags: why`
    const why = /[^:]*$/.exec((error as Error).message)![0].trim();
    throw new LossyscopeError("unsupported", `the tokenizer's pattern ${shown(written)} cannot be run here (${why})`);
  }
}

interface Expression {
  /** in tokenizer.json */
  readonly written: string;
  readonly search: RegExp;
  readonly sticky: RegExp;
}

/**
 * Matches and the gaps between them, in order, tiling the text; a sticky match is tried first: it costs no array. A match
 * of nothing is a span of its own, and so a cut, except right behind another.
 */
class Spans {
  start = 0;
  end = 0;
  match = false;
  readonly #text: string;
  readonly #expression: Expression;
  /** where the next match may begin */
  #from = 0;
  #matched = -1;
  /** end of the match behind the gap that was given last */
  #behind = -1;

  constructor(text: string, expression: Expression) {
    this.#text = text;
    this.#expression = expression;
  }

  #found(end: number): true {
    this.start = this.end;
    this.end = this.#from = this.#matched = end;
    this.match = true;
    return true;
  }

  /** @returns false where the text ends */
  next(): boolean {
    const [text, { written, search, sticky }] = [this.#text, this.#expression];
    const at = this.end;
    if (this.#behind >= 0) {
      this.#found(this.#behind);
      this.#behind = -1;
      if (this.end === at) this.#from += characterAt(text, at);
      return true;
    }
    if (at >= text.length) return false;
    runs(written);
    sticky.lastIndex = at;
    if (this.#from === at && sticky.test(text) && sticky.lastIndex > at) {
      const end = sticky.lastIndex;
      runs(null);
      return this.#found(end);
    }
    search.lastIndex = this.#from;
    let found = search.exec(text);
    if (found && found[0].length === 0 && found.index === this.#matched) {
      search.lastIndex = this.#matched + characterAt(text, this.#matched);
      found = search.exec(text);
    }
    runs(null);
    const next = found ? found.index : text.length;
    if (found) this.#behind = next + found[0].length;
    if (next === at) return this.next();
    this.start = at;
    this.end = this.#from = next;
    this.match = false;
    return true;
  }
}

/** Code units of the character there. */
const characterAt = (text: string, at: number): number => (text.codePointAt(at)! > 0xffff ? 2 : 1);

/**
 * Cuts before every run of `mark` that no merge can join to the character before it. With no pre-tokenizer the merges
 * run over the whole text; where no merge has its seam between two characters, the text falls apart there without any
 * change to the tokens, and the pieces are words that a cache knows.
 *
 * @param joined characters after which a merge may continue with `mark`
 */
export function seamCutter(mark: string, joined: ReadonlySet<string>): Cutter {
  return function* (text) {
    let ends: number[] = [];
    let rested = 0;
    let start = 0;
    let at = text.indexOf(mark);
    while (at >= 0) {
      if (at > start && !joined.has(characterBefore(text, at))) {
        ends.push(at);
        start = at;
      }
      do at += mark.length;
      while (text.startsWith(mark, at));
      if (at - rested >= LOT) {
        yield ends;
        ends = [];
        rested = at;
      }
      at = text.indexOf(mark, at);
    }
    if (start < text.length) ends.push(text.length);
    yield ends;
  };
}

function characterBefore(text: string, at: number): string {
  const unit = text.charCodeAt(at - 1);
  return unit >= 0xdc00 && unit <= 0xdfff ? text.slice(at - 2, at) : text[at - 1];
}
