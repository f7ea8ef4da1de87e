/** What lines of progress say: plain letters, and never wider than they may be. */
import { columns, count, duration, fit, roughly, si } from "./format.ts";
import type { Pace } from "./pace.ts";
import type { Placed } from "./stages.ts";

/** Where the work stands among the stages of its run. */
export interface Standing {
  /** `checkpoint 3 of 12` */
  readonly part: string | null;
  /** from 1; null where there is one stage */
  readonly place: { readonly place: number; readonly of: number } | null;
}

/** All stages together. */
export interface Whole {
  readonly seconds: number;
  /** null where it cannot be said */
  readonly left: number | null;
}

/** Room for a bar: fewer columns say nothing, more say no more. */
const LEAST_BAR = 6;
const WISHED_BAR = 12;
const MOST_BAR = 30;
/** Of the line, that a label takes at most. */
const LABEL_SHARE = 0.75;
/** A stage that has told nothing for so many seconds tells how long it has been at work. */
const PATIENCE = 2;

const plain = (text: string): string => text.replaceAll("\u00a0", " ");
const size = (value: number, unit: string): string => (unit === "bytes" ? si(value, "B") : count(Math.floor(value)));
const amount = (value: number, unit: string): string =>
  unit === "bytes" ? size(value, unit) : `${size(value, unit)} ${unit}`;

/** `1,000 of 2,000 tokens`, `2.00 MB`; nothing where nothing is counted */
function share({ done, total, unit }: Pace): string[] {
  if (unit === "") return [];
  return [total === null ? amount(done, unit) : `${size(done, unit)} of ${amount(total, unit)}`];
}

/** What may be left out stands with how little it is missed: the highest goes first. */
function tail(pace: Pace, now: number): readonly (readonly [text: string, missed: number])[] {
  const { total, done, unit, note } = pace;
  const rate = pace.rate(now);
  const left = pace.left(now);
  const silent = rate === null && pace.seconds(now) >= PATIENCE;
  return [
    ...share(pace).map((text) => [text, 1] as const),
    ...(rate === null || unit === ""
      ? []
      : [[unit === "bytes" ? `${si(rate, "B")}/s` : `${si(rate, "")} ${unit}/s`, 3] as const]),
    ...(left === null || total === null || done >= total
      ? []
      : [[`${left < 1 ? "a moment" : duration(left)} left`, 0] as const]),
    ...(silent ? [[`${duration(pace.seconds(now))} so far`, 0] as const] : []),
    ...(note === "" ? [] : [[note, 2] as const]),
  ];
}

const standing = ({ part, place }: Standing): string =>
  [...(part === null ? [] : [part]), ...(place === null ? [] : [`${place.place} of ${place.of}`])].join(", ");

/** `2 of 5  model pass` */
const heading = (where: Standing, label: string): string =>
  [standing(where), label].filter((text) => text !== "").join("  ");

/** One line of at most `width` columns. */
export function liveLine(pace: Pace, where: Standing, now: number, width: number): string {
  const title = heading(where, pace.label);
  const label = fit(title, Math.min(columns(title), Math.max(8, Math.floor(LABEL_SHARE * width))));
  const counted = pace.total !== null && pace.total > 0;
  const parts = tail(pace, now);
  const said = (missed: number): string =>
    plain(parts.flatMap(([text, own]) => (own <= missed ? [text] : [])).join(", "));
  const room = (end: string): number => width - columns(label) - columns(end) - (counted ? 10 : 2);
  const end = [3, 2, 1].map(said).find((text) => room(text) >= (counted ? WISHED_BAR : 0)) ?? said(0);
  const bar = Math.min(MOST_BAR, room(end));
  if (!counted || bar < LEAST_BAR) {
    const percent = counted ? `${percentOf(pace)} % ` : "";
    return fit(`${label}  ${percent}${end}`, width).trimEnd();
  }
  const full = Math.floor(Math.min(1, pace.done / pace.total!) * bar);
  return `${label} [${"=".repeat(full)}${" ".repeat(bar - full)}] ${String(percentOf(pace)).padStart(3)} % ${end}`.trimEnd();
}

const percentOf = ({ done, total }: Pace): number => Math.floor(Math.min(1, done / total!) * 100);

/** The same where lines stay: everything, whatever the width. */
export function plainLine(pace: Pace, where: Standing, whole: Whole | null, now: number): string {
  const parts = tail(pace, now).map(([text]) => text);
  const all = whole === null ? [] : [wholeLine(whole)];
  return plain([`${heading(where, pace.label)}: ${parts.join(", ")}`, ...all].join("; "));
}

export const openingLine = (label: string, where: Standing): string => heading(where, label);

/** `2 of 5  model pass: 28,000 tokens in 8.8 s` */
export function closingLine(pace: Pace, where: Standing, seconds: number): string {
  const { done, total, before, unit } = pace;
  const what = unit === "" ? "" : total === null || done >= total ? amount(done, unit) : share(pace)[0];
  const earlier = before > 0 && unit !== "" ? `, ${amount(before, unit)} of them before` : "";
  return plain(`${heading(where, pace.label)}: ${what}${what && " in "}${spent(seconds)}${earlier}`);
}

/** `3 of 5  geometry: left out` */
export const leftOutLine = ({ label, ...place }: Placed): string =>
  `${heading({ part: null, place }, label)}: left out`;

/** `checkpoint 3 of 12: 40 s` */
export const closingPart = (part: string, seconds: number): string => plain(`${part}: ${spent(seconds)}`);

const spent = (seconds: number): string => (seconds < 0.05 ? "less than 0.1 s" : duration(seconds));

/** `in all 1 min 20 s so far, about 3 min left` */
export const wholeLine = ({ seconds, left }: Whole): string =>
  plain(
    `in all ${seconds < 10 ? roughly(seconds) : duration(seconds)} so far${left === null ? "" : `, about ${roughly(left)} left`}`,
  );
