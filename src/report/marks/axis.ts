/** Linear and logarithmic scales with ticks at round numbers, and the axes drawn from them. Pure. */
import type { Interval } from "../../profile/figures.ts";
import { figure, si } from "../format.ts";
import { element, label } from "./svg.ts";

export interface Scale {
  (value: number): number;
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
}

/** Multiples of 1, 2 or 5 · 10^k inside [low, high], about `target` of them. */
export function niceTicks(low: number, high: number, target: number): number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / Math.max(1, target);
  const power = 10 ** Math.floor(Math.log10(rough));
  // the round step nearest to the rough one, in ratio
  const excess = rough / power;
  const step = power * (excess >= Math.sqrt(50) ? 10 : excess >= Math.sqrt(10) ? 5 : excess >= Math.SQRT2 ? 2 : 1);
  const places = Math.min(100, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  const ticks: number[] = [];
  // No axis has more; and where k is beyond 2^53, k + 1 is k.
  const most = 2 * Math.max(1, target) + 2;
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9 && ticks.length < most; k++) {
    // k·step rather than a running sum, rounded to the step's own digits: 0.3, not 0.30000000000000004
    ticks.push(Number((k * step).toFixed(places)));
  }
  return ticks;
}

/** Widened to round numbers so that the data never touches the frame; `low` = `high` gets room of its own. */
export function linear(
  [low, high]: readonly [number, number],
  [start, end]: readonly [number, number],
  target = 5,
): Scale {
  const room = high > low ? 0 : Math.max(Math.abs(high), 1) / 2;
  const from = low - room;
  const to = high + room;
  const map = (value: number): number => start + ((value - from) / (to - from)) * (end - start);
  return Object.assign(map, { domain: [from, to] as const, ticks: niceTicks(from, to, target) });
}

/** Base-ten scale over [low, high], both positive, with a tick at powers of ten. */
export function logarithmic(
  [low, high]: readonly [number, number],
  [start, end]: readonly [number, number],
  target = 6,
): Scale {
  const from = Math.log10(low);
  const to = Math.log10(high);
  const map = (value: number): number => start + ((Math.log10(value) - from) / (to - from)) * (end - start);
  const ticks = niceTicks(from, to, target)
    .filter(Number.isInteger)
    .map((exponent) => 10 ** exponent);
  return Object.assign(map, { domain: [low, high] as const, ticks });
}

/** Room of the step before the first, which has no logarithm. */
const BEFORE = 26;

/**
 * Base-ten scale over the steps of a training run; step 0, if it is one of them, lies a little before the first.
 * @param steps in order, one at least
 */
export function overSteps(steps: readonly number[], [start, end]: readonly [number, number]): Scale {
  const later = steps.filter((step) => step > 0);
  const begins = steps[0] === 0;
  const [low, high] = later.length > 0 ? [later[0], later[later.length - 1]] : [1, 1];
  const from = begins && later.length > 0 ? start + BEFORE : start;
  const log = logarithmic([low, Math.max(high, low * (1 + 1e-9))], [from, end]);
  const powers = log.ticks.filter((tick) => low <= tick && tick <= high);
  const ticks = powers.length > 1 ? powers : [...new Set(later.length > 0 ? [low, high] : [])];
  const map = (step: number): number => (step <= 0 ? start : high > low ? log(step) : from);
  return Object.assign(map, { domain: [steps[0], high] as const, ticks: begins ? [0, ...ticks] : ticks });
}

interface ExtentOptions {
  /** keeps zero in */
  readonly zero?: boolean;
  /** of the span on either side */
  readonly margin?: number;
  /** shortest span that means something in this unit: an axis is never shorter, whatever the values differ by */
  readonly least?: number;
}

/** Values that differ by a smaller part of themselves look alike: rounding is never magnified. */
const LEAST_PART = 0.02;

/** [low, high] over all finite values, with a margin; never shorter than what means something. */
export function extent(
  values: Iterable<number | null | undefined>,
  { zero = false, margin = 0.06, least = 0 }: ExtentOptions = {},
): [number, number] {
  let low = zero ? 0 : Infinity;
  let high = zero ? 0 : -Infinity;
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, Math.max(1, least)];
  const shortest = zero ? least : Math.max(least, LEAST_PART * Math.max(Math.abs(low), Math.abs(high)));
  const missing = shortest - (high - low);
  if (missing > 0) {
    // away from zero where it is an end, else to both sides
    const below = zero ? (high > 0 ? (low < 0 ? 0.5 : 0) : low < 0 ? 1 : 0) : 0.5;
    low -= below * missing;
    high += (1 - below) * missing;
  }
  const room = (high - low) * margin;
  return [zero && low >= 0 ? 0 : low - room, zero && high <= 0 ? 0 : high + room];
}

/**
 * Why what a chart shows may be chance, in words for its reader; null where it is not. About zero: no interval is clear of it.
 * Elsewhere: all intervals have a point in common. Where there are no intervals, values that differ by less than half of what
 * means something.
 */
export function withinError(
  points: readonly (Interval | null | undefined)[],
  { zero = false, least = 0 }: Pick<ExtentOptions, "zero" | "least"> = {},
): string | null {
  const known = points.flatMap((one) => (one && one.value !== null ? [one] : []));
  const bounded = known.flatMap(({ low, high }) => (low === null || high === null ? [] : [{ low, high }]));
  if (bounded.length > 0) {
    if (zero)
      return bounded.every(({ low, high }) => low <= 0 && 0 <= high) ? "nothing here is told apart from zero" : null;
    const common = Math.max(...bounded.map(({ low }) => low)) <= Math.min(...bounded.map(({ high }) => high));
    return common && bounded.length > 1 ? "differences here are within the error" : null;
  }
  const values = known.map(({ value }) => value!);
  const [low, high] = [Math.min(...values, zero ? 0 : Infinity), Math.max(...values, zero ? 0 : -Infinity)];
  const shortest = zero ? least : Math.max(least, LEAST_PART * Math.max(Math.abs(low), Math.abs(high)));
  return values.length > 1 && high - low < shortest / 2
    ? `differences here are under ${figure(shortest / 2, 2)}`
    : null;
}

/** Spans of an axis on which intervals are small. */
const ERRORS_WIDE = 4;

/** The widest interval, so many times: beside it, differences within the error look like none. */
export const beyondError = (points: readonly (Interval | null | undefined)[]): number =>
  ERRORS_WIDE * Math.max(0, ...points.map((one) => (one?.low == null || one.high === null ? 0 : one.high - one.low)));

/** What `withinError` has to say, in the drawing. */
export const note = (x: number, y: number, said: string | null): string =>
  said === null ? "" : label(x, y, said, { class: "note" });

type Write = (value: number) => string;

/** Without the zeros at the end of the fraction: `0.5`, `1 MB`. */
const shortened = (written: string): string =>
  written.replace(/\.(\d*?)0+(?!\d)/, (_, kept) => (kept ? `.${kept}` : ""));
const plainly: Write = (value) => shortened(figure(value, 6));
export const inBytes: Write = (value) => shortened(si(value, "B"));
export const inSteps: Write = (value) => shortened(si(value, ""));

/** Ticks and numbers under (or, `above`, over) the line y. */
export function axisX(
  scale: Scale,
  y: number,
  { above = false, write = plainly, grid }: { above?: boolean; write?: Write; grid?: number } = {},
): string {
  return scale.ticks
    .map((tick) => {
      const x = scale(tick);
      const line = element("line", { x1: x, x2: x, y1: y, y2: grid ?? y + (above ? -4 : 4), class: "grid" });
      return line + label(x, above ? y - 8 : y + 16, write(tick), { class: "tick", "text-anchor": "middle" });
    })
    .join("");
}

/** Ticks and numbers left (or, `right`, right) of the line x. */
export function axisY(
  scale: Scale,
  x: number,
  { right = false, write = plainly, grid }: { right?: boolean; write?: Write; grid?: number } = {},
): string {
  return scale.ticks
    .map((tick) => {
      const y = scale(tick);
      const line = element("line", { x1: x, x2: grid ?? x + (right ? 4 : -4), y1: y, y2: y, class: "grid" });
      const anchor = right ? "start" : "end";
      return line + label(x + (right ? 7 : -7), y + 4, write(tick), { class: "tick", "text-anchor": anchor });
    })
    .join("");
}
