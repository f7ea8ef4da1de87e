/**
 * How figures and foreign text are written, the same in the terminal and in the report: three significant digits, SI
 * units, intervals as `1.234 (1.201–1.267)`; text that came from outside with everything invisible made visible. Knows
 * nothing of where it is printed; markup is escaped in `marks/svg.ts`.
 */
import { decimals, figure, fixed, NBSP, percent } from "../numeric/amounts.ts";
import type { Interval } from "../profile/figures.ts";

export { ABSENT, count, counted, duration, figure, percent, roughly, si } from "../numeric/amounts.ts";
export { shorten, visible } from "../numeric/visible.ts";

/**
 * Value and 95 % interval at one precision: two significant digits of the interval's width, `2.183 (2.151–2.214)`.
 * Without an interval the value alone.
 */
export function interval({ value, low, high }: Interval): string {
  if (value === null || low === null || high === null) return figure(value);
  const places = high > low ? Math.min(Math.max(decimals(high - low, 2), 0), 4) : decimals(value, 3);
  const to = low < 0 || high < 0 ? " to " : "–";
  return `${fixed(value, places)} (${fixed(low, places)}${to}${fixed(high, places)})`;
}

/** A share with its interval as per cent: `61.2 % (57.0–65.4)`. */
export function shareOf({ value, low, high }: Interval): string {
  if (value === null || low === null || high === null) return percent(value);
  const hundred = interval({ value: 100 * value, low: 100 * low, high: 100 * high });
  return hundred.replace(" (", `${NBSP}% (`);
}

/** A share of a size in words: `93.4 % of its size`, and from twice on `5.74 times its size`. */
export const ofSize = (share: number, whose = "its"): string =>
  share < 2 ? `${percent(share)} of ${whose} size` : `${figure(share)} times ${whose} size`;

/** A reason or a clause as a sentence: a capital and a full stop. */
export const sentence = (clause: string): string =>
  `${clause.charAt(0).toUpperCase()}${clause.slice(1)}${clause.endsWith(".") ? "" : "."}`;

/** Wide and Fullwidth of Unicode's EastAsianWidth.txt; a flag's two letters are narrow, and wide together. */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|(?![\u{1f1e6}-\u{1f1ff}])\p{Emoji_Presentation}/u;
const NO_WIDTH = /[\p{Mn}\p{Me}\u1160-\u11ff\u200c\u200d]/u;

const columnsOf = (character: string): number => (NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1);

/** Terminal columns that `text` takes. */
export function columns(text: string): number {
  let sum = 0;
  for (const character of text) sum += columnsOf(character);
  return sum;
}

/** Cuts to `width` columns, with an ellipsis where something is cut, and pads to it. */
export function fit(text: string, width: number, side: "left" | "right" = "left"): string {
  const taken = columns(text) <= width ? text : `${within([...text], width - 1)}${width > 0 ? "…" : ""}`;
  const gap = " ".repeat(Math.max(0, width - columns(taken)));
  return side === "left" ? taken + gap : gap + taken;
}

/**
 * Cuts the middle out of what is longer than `width` columns, for names, whose beginning and end tell them apart.
 * @param front columns that are kept of the beginning
 */
export function shortenMiddle(text: string, width: number, front = Math.ceil((width - 1) / 2)): string {
  if (columns(text) <= width) return text;
  if (width <= 0) return "";
  const characters = [...text];
  const start = within(characters, front);
  const back = within(characters.reverse(), width - 1 - columns(start));
  // marks whose letter is gone would sit on the ellipsis
  const end = [...back].reverse().join("").replace(LEADING_MARKS, "");
  return `${start}…${end}`;
}

const LEADING_MARKS = new RegExp(`^(?:${NO_WIDTH.source})+`, "u");

/** As many of the characters as `width` columns hold. */
function within(characters: readonly string[], width: number): string {
  let taken = "";
  let used = 0;
  for (const character of characters) {
    used += columnsOf(character);
    if (used > width) break;
    taken += character;
  }
  return taken;
}

/** Pieces of at most `width` columns, at least one character each. */
function* pieces(word: string, width: number): Generator<string> {
  let piece = "";
  let used = 0;
  for (const character of word) {
    const across = columnsOf(character);
    if (piece !== "" && used + across > width) {
      yield piece;
      piece = "";
      used = 0;
    }
    piece += character;
    used += across;
  }
  yield piece;
}

/** Lines of at most `width` columns, broken at spaces, and within a word (a path) that is longer than a line. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  const next = (piece: string): void => {
    lines.push(line);
    line = piece;
  };
  for (const word of text.split(" ")) {
    const [first, ...rest] = pieces(word, width);
    if (line === "") line = first;
    else if (columns(line) + 1 + columns(first) <= width) line += ` ${first}`;
    else next(first);
    rest.forEach(next);
  }
  return line === "" ? lines : [...lines, line];
}
