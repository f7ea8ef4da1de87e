/**
 * Horizontal bars from zero with an error bar where there is an interval: one row a thing, its name before and its
 * figure after the bar. The narrow form puts the name over the bar. Pure.
 */
import type { Interval } from "../../profile/figures.ts";
import { shorten } from "../format.ts";
import { drawing, element, label, tooltip, withEnds } from "./svg.ts";

export interface BarRow extends Interval {
  readonly name: string;
  /** figure as written at the bar's end */
  readonly written: string;
  /** what a pointer resting on the bar shows */
  readonly detail: string;
  readonly tone: "model" | "plain" | "raw";
}

/** Longest name and figure that the wide form leaves room for, in units of the drawing (7 a character). */
const CHARACTER = 7;
/** The same in the model's own row, which is bold. */
const BOLD = 8.4;

const characterOf = ({ tone }: BarRow): number => (tone === "model" ? BOLD : CHARACTER);

/** @param form `wide`: 720 units, name beside the bar; `narrow`: 344 units, name above it */
export function bars(name: string, rows: readonly BarRow[], form: "wide" | "narrow"): string {
  const wide = form === "wide";
  const width = wide ? 720 : 344;
  const pitch = wide ? 30 : 46;
  const thick = 14;
  const room = (text: (row: BarRow) => string, most: number): number =>
    wide ? Math.min(most, Math.max(...rows.map((row) => text(row).length * characterOf(row))) + 14) : 0;
  const left = room((row) => row.name, 220);
  const right = width - room((row) => row.written, 230);
  const most = Math.max(...rows.map((row) => Math.max(row.value ?? 0, row.high ?? 0)), Number.MIN_VALUE);
  const at = (value: number): number => left + (Math.max(0, value) / most) * (right - left);
  const called = (row: BarRow): string =>
    shorten(row.name, Math.floor((wide ? left - 14 : width - 20) / characterOf(row)) - (wide ? 0 : row.written.length));

  const drawn = rows.map((row, index) => {
    const top = index * pitch + (wide ? (pitch - thick) / 2 : 22);
    const middle = top + thick / 2;
    const end = at(row.value ?? 0);
    const whisker =
      row.low !== null && row.high !== null
        ? element("path", {
            d: `M${at(row.low).toFixed(2)} ${middle}H${at(row.high).toFixed(2)}M${at(row.low).toFixed(2)} ${middle - 4}v8M${at(row.high).toFixed(2)} ${middle - 4}v8`,
            class: "whisker",
          })
        : "";
    const nameAt = wide
      ? label(left - 14, middle + 4.5, called(row), { "text-anchor": "end", class: row.tone })
      : label(0, top - 7, called(row), { class: row.tone });
    const writtenAt = wide
      ? label(at(Math.max(row.value ?? 0, row.high ?? 0)) + 8, middle + 4.5, row.written, {
          class: `${row.tone} written`,
        })
      : label(width, top - 7, row.written, { "text-anchor": "end", class: `${row.tone} written` });
    return element(
      "g",
      {},
      tooltip(`${row.name}: ${row.detail}`),
      element("rect", { x: left, y: top, width: Math.max(0, end - left), height: thick, class: `bar ${row.tone}` }),
      whisker,
      nameAt,
      writtenAt,
    );
  });
  const numbers = {
    head: ["name", "value", "low", "high", "in words"],
    rows: rows.map((row) => [row.name, ...withEnds(row), row.detail]),
  };
  return drawing(name, { width, height: rows.length * pitch, className: `bars ${form}`, numbers }, ...drawn);
}
