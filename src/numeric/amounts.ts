/**
 * Amounts as people read them, the same in messages, in the terminal and in the report: three significant digits, thousands
 * grouped, SI units (1 kB = 1,000 B), seconds as minutes and hours. Exact sizes are `counted(bytes, "byte")`, where what
 * matters is that they differ.
 */

/** Keeps a number and its unit on one line. */
export const NBSP = "\u00a0";

/** Stands for a figure that is not defined. */
export const ABSENT = "–";

/** Whole digits with their thousands apart: `1,234` */
const grouped = (digits: string): string => digits.replace(/\B(?=(\d{3})+$)/g, ",");

/** Groups thousands by commas and writes a true minus sign. */
function group(digits: string): string {
  const [whole, fraction] = digits.replace("-", "−").split(".");
  return fraction === undefined ? grouped(whole) : `${grouped(whole)}.${fraction}`;
}

/** Digits after the point that leave `digits` significant ones; none for numbers of more digits than that. */
export function decimals(value: number, digits: number): number {
  if (value === 0) return 0;
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  const places = Math.max(0, digits - 1 - exponent);
  // 0.9996 has three digits as 1.00, not as 1.000
  return Math.abs(Number(value.toFixed(Math.min(places, 100)))) >= 10 ** (exponent + 1)
    ? Math.max(0, places - 1)
    : places;
}

export function fixed(value: number, places: number): string {
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

/** A number of a file or of an option, as exactly as it stands there: `1,234`, `-3`, `0.5`, `1e+21`. */
export const numeral = (value: number | bigint): string =>
  typeof value === "bigint" || Number.isSafeInteger(value) ? grouped(String(value)) : String(value);

/** `1,234` */
export const count = (value: number | bigint): string =>
  group(String(typeof value === "bigint" ? value : Math.round(value)));

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

/** `1 document`, `1,428 documents` */
export const counted = (value: number | bigint, noun: string): string =>
  `${count(value)} ${noun}${Number(value) === 1 ? "" : "s"}`;

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

/** Below so many seconds a time is rounded to so many. */
const ROUGH = [
  [10, 1],
  [60, 5],
  [300, 30],
  [3600, 60],
  [21_600, 600],
  [Infinity, 3600],
] as const;

/** A time that is not known any better: `a moment`, `4 s`, `25 s`, `3 min 30 s`, `12 min`, `1 h 20 min`. */
export function roughly(seconds: number): string {
  if (!Number.isFinite(seconds)) return ABSENT;
  if (seconds < 1) return "a moment";
  const [, step] = ROUGH.find(([below]) => seconds < below)!;
  const whole = Math.round(seconds / step) * step;
  return whole < 60 ? `${whole}${NBSP}s` : duration(whole).replace(/\u00a000\u00a0[a-z]+$/, "");
}

/** As messages have it, which nothing breaks into lines and people search: with plain spaces. */
const plain = (text: string): string => text.replaceAll(NBSP, " ");

/** A size in a message: `134 MB`. What has to be exact is `counted(bytes, "byte")`. */
export const sizeText = (bytes: number): string => plain(si(bytes, "B"));

/** A time in a message: `3 min 20 s`, `0.4 s`; a limit of whole seconds `4 s`. */
export const timeText = (seconds: number): string => plain(duration(seconds)).replace(/\.0 s$/, " s");
