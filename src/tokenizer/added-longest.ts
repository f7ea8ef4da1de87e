/**
 * Finds added tokens in a text as llama.cpp does: the longest token first, wherever it stands, then the next in what is
 * left, each from the left. (`added.ts` goes through the text once, from the left.) A token may swallow the white space
 * beside it, of ASCII alone.
 * Memory: a byte a character of a text in which one is found, and 8 bytes for every place where one could stand.
 */
import type { AddedFinder, AddedSpan } from "./added.ts";
import type { AddedToken } from "./definition.ts";
import { LOT } from "./running.ts";

const isSpace = (text: string, at: number): boolean => {
  const unit = text.charCodeAt(at);
  return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
};

/**
 * @param tokens each once
 * @returns undefined where there are none to find
 */
export function longestFirstFinder(tokens: readonly AddedToken[]): AddedFinder | undefined {
  if (tokens.length === 0) return undefined;
  const byContent = new Map(tokens.map((token) => [token.content, token]));
  /** first code unit → lengths of the tokens that begin with it */
  const lengths = new Map<number, Set<number>>();
  for (const { content } of tokens) {
    const unit = content.charCodeAt(0);
    lengths.set(unit, (lengths.get(unit) ?? new Set()).add(content.length));
  }
  const bytes = new Map(tokens.map((token) => [token, Buffer.byteLength(token.content)]));
  return function* (text) {
    const places = new Map<AddedToken, number[]>();
    for (let at = 0; at < text.length; at++) {
      if (at % LOT === LOT - 1) yield null;
      for (const length of lengths.get(text.charCodeAt(at)) ?? []) {
        const token = byContent.get(text.slice(at, at + length));
        if (!token) continue;
        const starts = places.get(token);
        if (starts) starts.push(at);
        else places.set(token, [at]);
      }
    }
    yield* claimed(text, places, bytes);
  };
}

function claimed(
  text: string,
  places: ReadonlyMap<AddedToken, readonly number[]>,
  bytes: ReadonlyMap<AddedToken, number>,
): AddedSpan[] {
  if (places.size === 0) return [];
  const taken = new Uint8Array(text.length);
  const spans: AddedSpan[] = [];
  const inTurn = [...places].sort(([a], [b]) => bytes.get(b)! - bytes.get(a)! || a.id - b.id);
  for (const [token, starts] of inTurn) {
    for (const contentStart of starts) {
      const contentEnd = contentStart + token.content.length;
      // What was taken before is no shorter: it shows at either end.
      if (taken[contentStart] || taken[contentEnd - 1]) continue;
      let start = contentStart;
      let end = contentEnd;
      while (token.lstrip && start > 0 && !taken[start - 1] && isSpace(text, start - 1)) start--;
      while (token.rstrip && end < text.length && !taken[end] && isSpace(text, end)) end++;
      taken.fill(1, start, end);
      spans.push({ start, end, contentStart, contentEnd, token });
    }
  }
  return spans.sort((a, b) => a.start - b.start);
}
