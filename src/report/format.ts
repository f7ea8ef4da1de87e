/**
 * How figures and foreign text are written, the same in the terminal and in the report: three significant digits, SI
 * units, intervals as `1.234 (1.201–1.267)`; text that came from outside with everything invisible made visible. Knows
 * nothing of where it is printed; markup is escaped in `marks/svg.ts`.
 */
import type { Interval } from "../profile/figures.ts";

export { shorten, visible } from "../numeric/visible.ts";

/** Keeps a number and its unit on one line. */
const NBSP = "\u00a0";

/** Stands for a figure that is not defined. */
export const ABSENT = "–";

/** Groups thousands by commas and writes a true minus sign. */
function group(digits: string): string {
  const [whole, fraction] = digits.replace("-", "−").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** Digits after the point that leave `digits` significant ones; none for numbers of more digits than that. */
function decimals(value: number, digits: number): number {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  const places = Math.max(0, digits - 1 - exponent);
  // 0.9996 has three digits as 1.00, not as 1.000
  return Math.abs(Number(value.toFixed(Math.min(places, 100)))) >= 10 ** (exponent + 1)
    ? Math.max(0, places - 1)
    : places;
}

function fixed(value: number, places: number): string {
  const written = value.toFixed(Math.min(places, 100));
  return group(Number(written) === 0 ? written.replace("-", "") : written);
}

/** `2.18`, `0.0312`, `1,234`, `4.20e−7`, `1.80e+15`; null and what is not finite: `–`. */
export function figure(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return ABSENT;
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e12)) {
    return value.toExponential(digits - 1).replaceAll("-", "−");
  }
  return fixed(value, decimals(value, digits));
}

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

export const count = (value: number): string => group(String(Math.round(value)));

const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];

/** SI prefixes (1 kB = 1,000 B): `si(1_044_992, "B")` = `1.04 MB`; without a unit `135M`. */
export function si(value: number | null, unit: string): string {
  if (value === null || !Number.isFinite(value)) return ABSENT;
  let step = 0;
  let scaled = value;
  while (Math.abs(Number(scaled.toPrecision(3))) >= 1000 && step < PREFIXES.length - 1) {
    scaled /= 1000;
    step++;
  }
  const number = step === 0 && Number.isInteger(scaled) ? String(scaled).replace("-", "−") : figure(scaled);
  const symbol = PREFIXES[step] + unit;
  return symbol === "" ? number : `${number}${unit === "" ? "" : NBSP}${symbol}`;
}

/** A share as per cent: `27.3 %`, `0.4 %`, `1,370 %`. */
export const percent = (share: number | null): string =>
  share === null ? ABSENT : `${fixed(share * 100, decimals(share * 100, Math.abs(share) < 0.0095 ? 1 : 3))}${NBSP}%`;

/** A share with its interval as per cent: `61.2 % (57.0–65.4)`. */
export function shareOf({ value, low, high }: Interval): string {
  if (value === null || low === null || high === null) return percent(value);
  const hundred = interval({ value: 100 * value, low: 100 * low, high: 100 * high });
  return hundred.replace(" (", `${NBSP}% (`);
}

/** A share of a size in words: `93.4 % of its size`, and from twice on `5.74 times its size`. */
export const ofSize = (share: number, whose = "its"): string =>
  share < 2 ? `${percent(share)} of ${whose} size` : `${figure(share)} times ${whose} size`;

/** `1 document`, `1,428 documents` */
export const counted = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** A reason or a clause as a sentence: a capital and a full stop. */
export const sentence = (clause: string): string =>
  `${clause.charAt(0).toUpperCase()}${clause.slice(1)}${clause.endsWith(".") ? "" : "."}`;

/** `0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`, `3 d 04 h`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return ABSENT;
  if (seconds < 9.95) return `${seconds.toFixed(1)}${NBSP}s`;
  const whole = Math.round(seconds);
  const pair = (large: number, unit: string, small: number, rest: string): string =>
    [large, unit, String(small).padStart(2, "0"), rest].join(NBSP);
  if (whole < 60) return `${whole}${NBSP}s`;
  if (whole < 3600) return pair(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.round(whole / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
const NO_WIDTH = /\p{Mn}|\p{Me}|\u200c|\u200d/u;

const columnsOf = (character: string): number => (NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1);

/** Terminal columns that `text` takes. */
export function columns(text: string): number {
  let sum = 0;
  for (const character of text) sum += columnsOf(character);
  return sum;
}

/** Cuts to `width` columns, with an ellipsis where something is cut, and pads to it. */
export function fit(text: string, width: number, side: "left" | "right" = "left"): string {
  let taken = text;
  if (columns(text) > width) {
    taken = "";
    let used = 0;
    for (const character of text) {
      if (used + columnsOf(character) > width - 1) break;
      taken += character;
      used += columnsOf(character);
    }
    taken += width > 0 ? "…" : "";
  }
  const gap = " ".repeat(Math.max(0, width - columns(taken)));
  return side === "left" ? taken + gap : gap + taken;
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
