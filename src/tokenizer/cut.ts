/**
 * Pre-tokenizers that cut and nothing else: a text falls into pieces that tile it, and the model's merges never cross a
 * cut. Patterns are compiled by @huggingface/tokenizers, which rewrites Oniguruma for JavaScript; what is done with the
 * matches (`behavior`, `invert`) follows the reference implementation in Rust, which published files are written for.
 * Memory: none that grows with the text.
 */

import { count } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { SplitPreTokenizer } from "./library.ts";
import { runs } from "./running.ts";

/** Calls `piece` with [start, end) of every piece in order; pieces are not empty and tile the text. */
export type Cutter = (text: string, piece: (start: number, end: number) => void) => void;

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
  if (joins === JOINS.get("isolated")) {
    return (text, piece) =>
      spans(text, expression, (start, end) => {
        if (end > start) piece(start, end);
      });
  }
  return (text, piece) => {
    let start = 0;
    let before = false;
    spans(text, expression, (from, _, found) => {
      const match = found !== invert;
      if (from > start && !joins(before, match)) {
        piece(start, from);
        start = from;
      }
      before = match;
    });
    if (start < text.length) piece(start, text.length);
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
function spans(
  text: string,
  { written, search, sticky }: Expression,
  span: (start: number, end: number, match: boolean) => void,
) {
  let at = 0;
  /** where the next match may begin */
  let from = 0;
  let matched = -1;
  while (at < text.length) {
    runs(written);
    sticky.lastIndex = at;
    if (from === at && sticky.test(text) && sticky.lastIndex > at) {
      const end = sticky.lastIndex;
      runs(null);
      span(at, end, true);
      at = from = matched = end;
      continue;
    }
    search.lastIndex = from;
    let found = search.exec(text);
    if (found && found[0].length === 0 && found.index === matched) {
      search.lastIndex = matched + characterAt(text, matched);
      found = search.exec(text);
    }
    const next = found ? found.index : text.length;
    runs(null);
    if (next > at) span(at, next, false);
    at = from = next;
    if (!found) continue;
    at = from = matched = next + found[0].length;
    span(next, at, true);
    if (at === next) from += characterAt(text, at);
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
  return (text, piece) => {
    let start = 0;
    let at = text.indexOf(mark);
    while (at >= 0) {
      if (at > start && !joined.has(characterBefore(text, at))) {
        piece(start, at);
        start = at;
      }
      do at += mark.length;
      while (text.startsWith(mark, at));
      at = text.indexOf(mark, at);
    }
    if (start < text.length) piece(start, text.length);
  };
}

function characterBefore(text: string, at: number): string {
  const unit = text.charCodeAt(at - 1);
  return unit >= 0xdc00 && unit <= 0xdfff ? text.slice(at - 2, at) : text[at - 1];
}
