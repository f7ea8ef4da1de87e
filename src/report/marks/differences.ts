/**
 * Differences with their error bars on one axis about zero, one row a thing, hollow where nothing is told apart. The
 * narrow form puts the name over the row. Pure.
 */
import type { Interval } from "../../profile/figures.ts";
import { interval, shorten } from "../format.ts";
import { axisX, extent, linear, note, withinError } from "./axis.ts";
import { drawing, element, label, tooltip, withEnds } from "./svg.ts";

export interface DifferenceRow extends Interval {
  readonly name: string;
  readonly tone: "model" | "second" | "third" | "fourth" | "faint";
  /** false: the interval holds zero, or there is none */
  readonly told: boolean;
}

const CHARACTER = 7;
/** Differences in bits per byte: an axis of less would magnify what does not matter. */
const LEAST_BITS = 0.02;

/** @param form `wide`: 720 units, name beside the row; `narrow`: 344 units, name above it */
export function differences(name: string, rows: readonly DifferenceRow[], form: "wide" | "narrow"): string {
  const wide = form === "wide";
  const width = wide ? 720 : 344;
  const pitch = wide ? 30 : 44;
  const left = wide ? Math.min(260, Math.max(...rows.map((row) => row.name.length)) * CHARACTER + 16) : 8;
  const bottom = rows.length * pitch + 6;
  const values = rows.flatMap(({ value, low, high }) => [value, low, high]);
  const chance = withinError(rows, { zero: true, least: LEAST_BITS });
  const x = linear(extent(values, { zero: true, margin: 0.08, least: LEAST_BITS }), [left, width - 14], wide ? 6 : 4);
  const drawn = rows.map((row, index) => {
    const y = index * pitch + (wide ? pitch / 2 : 30);
    const named = wide
      ? label(left - 14, y + 4.5, shorten(row.name, Math.floor((left - 14) / CHARACTER)), { "text-anchor": "end" })
      : label(0, y - 12, shorten(row.name, Math.floor(width / CHARACTER)), { class: "tag" });
    if (row.value === null) return named;
    const bar =
      row.low !== null && row.high !== null
        ? element("path", { d: `M${x(row.low).toFixed(2)} ${y}H${x(row.high).toFixed(2)}`, class: `error ${row.tone}` })
        : "";
    return element(
      "g",
      {},
      tooltip(`${row.name}: ${interval(row)}${row.told ? "" : " (not told apart, drawn hollow)"}`),
      named,
      bar,
      element("circle", { cx: x(row.value), cy: y, r: 4.5, class: `dot ${row.tone}${row.told ? "" : " hollow"}` }),
    );
  });
  const numbers = {
    head: ["name", "difference", "low", "high", "told apart"],
    rows: rows.map((row) => [row.name, ...withEnds(row), row.told]),
  };
  return drawing(
    `${name}: ${rows.map((row) => `${row.name} ${interval(row)}`).join("; ")}`,
    { width, height: bottom + (chance === null ? 26 : 44), className: `differences ${form}`, numbers },
    axisX(x, bottom),
    element("line", { x1: x(0), x2: x(0), y1: 0, y2: bottom, class: "zero" }),
    ...drawn,
    note(left, bottom + 40, chance),
  );
}
