/**
 * Finds added tokens in a text: leftmost, then longest, as the reference implementation matches them. A token may ask to
 * stand alone as a word, and may swallow the white space beside it; what it swallows belongs to its bytes.
 */
import type { AddedToken } from "./definition.ts";
import { LOT } from "./running.ts";

export interface AddedSpan {
  /** with the white space swallowed on either side */
  readonly start: number;
  readonly end: number;
  /** of the token's own content */
  readonly contentStart: number;
  readonly contentEnd: number;
  readonly token: AddedToken;
}

/** Gives the tokens found in a text, in order, and null where a stretch had none. */
export type AddedFinder = (text: string) => Iterable<AddedSpan | null>;

const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]/u;
const SPACE = /^\p{White_Space}$/u;
const SPACES_AFTER = /\p{White_Space}*/uy;

/**
 * @param tokens each with the spelling it has in the text to be searched
 * @param hidden ids of tokens that are not given, though what they overlap is not found either
 * @returns undefined where there are none to find
 */
export function addedTokenFinder(
  tokens: readonly (readonly [spelling: string, token: AddedToken])[],
  hidden: ReadonlySet<number>,
): AddedFinder | undefined {
  if (tokens.every(([, { id }]) => hidden.has(id))) return undefined;
  const bySpelling = new Map(tokens);
  const alternatives = [...bySpelling.keys()]
    .sort((a, b) => b.length - a.length)
    .map((spelling) => spelling.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&"));
  const search = new RegExp(alternatives.join("|"), "g");
  return function* (text) {
    let last = 0;
    for (const match of matches(text, search, alternatives[0].length)) {
      if (match === null) {
        yield null;
        continue;
      }
      const token = bySpelling.get(match[0])!;
      const contentStart = match.index;
      const contentEnd = contentStart + match[0].length;
      if (contentStart < last || hidden.has(token.id)) continue;
      if (token.single_word && (isWordBefore(text, contentStart) || isWordAt(text, contentEnd))) continue;
      let start = contentStart;
      let end = contentEnd;
      while (token.lstrip && start > last && SPACE.test(text[start - 1])) start--;
      if (token.rstrip) {
        SPACES_AFTER.lastIndex = contentEnd;
        end += SPACES_AFTER.exec(text)![0].length;
      }
      yield { start, end, contentStart, contentEnd, token };
      last = end;
    }
  };
}

/**
 * Matches of a list of words, and null behind every `LOT` characters: a word that begins there may end behind it.
 * @param longest at least the characters of a match
 */
function* matches(text: string, search: RegExp, longest: number): Generator<RegExpExecArray | null> {
  let at = 0;
  for (let stop = LOT; ; stop += LOT) {
    const offset = at;
    const part = text.slice(offset, stop + longest);
    // Whoever reads another text meanwhile searches with the same expression.
    for (let place = 0; ; ) {
      search.lastIndex = place;
      const match = search.exec(part);
      if (!match || offset + match.index >= stop) break;
      place = match.index + Math.max(1, match[0].length);
      at = offset + match.index + match[0].length;
      match.index += offset;
      yield match;
    }
    if (stop >= text.length) return;
    at = Math.max(at, stop);
    yield null;
  }
}

const isWordAt = (text: string, at: number): boolean =>
  at < text.length && WORD.test(String.fromCodePoint(text.codePointAt(at)!));

function isWordBefore(text: string, at: number): boolean {
  const pair = at >= 2 && /[\udc00-\udfff]/.test(text[at - 1]);
  return at > 0 && isWordAt(text, at - (pair ? 2 : 1));
}
