/** Areas under the curve against chance: a dot and its interval on a scale from 0 to 1, a line at one half. Pure. */
import type { Interval } from "../../profile/figures.ts";
import { interval } from "../format.ts";
import { axisX, linear } from "./axis.ts";
import { drawing, element, label, tooltip, withEnds } from "./svg.ts";

export interface AreaRow extends Interval {
  readonly name: string;
  readonly tone: "model" | "faint";
}

const CHANCE = 0.5;
const PITCH = 40;
const TOP = 8;

/** @param form `wide`: 720 units, names before the scale; `narrow`: 344 units, names over it */
export function areas(name: string, rows: readonly AreaRow[], form: "wide" | "narrow"): string {
  const wide = form === "wide";
  const width = wide ? 720 : 344;
  const bottom = TOP + rows.length * PITCH;
  const x = linear([0, 1], [wide ? 260 : 8, width - (wide ? 150 : 8)], 5);
  const drawn = rows.map((row, index) => {
    const middle = TOP + index * PITCH + (wide ? PITCH / 2 : 28);
    if (row.value === null) return "";
    const bar =
      row.low === null || row.high === null
        ? ""
        : element("path", {
            d: `M${x(row.low).toFixed(2)} ${middle}H${x(row.high).toFixed(2)}`,
            class: `error ${row.tone}`,
          });
    const over = middle - 14;
    return element(
      "g",
      {},
      tooltip(`${row.name}: ${interval(row)}`),
      bar,
      element("circle", { cx: x(row.value), cy: middle, r: 4.5, class: `dot ${row.tone}` }),
      wide
        ? label(246, middle + 4.5, row.name, { "text-anchor": "end", class: row.tone })
        : label(8, over, row.name, { class: row.tone }),
      wide
        ? label(width - 138, middle + 4.5, interval(row), { class: "tag" })
        : label(width - 8, over, interval(row), { "text-anchor": "end", class: "tag" }),
    );
  });
  const numbers = {
    head: ["name", "area under the curve", "low", "high"],
    rows: rows.map((row) => [row.name, ...withEnds(row)]),
  };
  return drawing(
    name,
    { width, height: bottom + 26, className: `areas ${form}`, numbers },
    axisX(x, bottom, { grid: TOP }),
    element("line", { x1: x(CHANCE), x2: x(CHANCE), y1: TOP, y2: bottom, class: "zero" }),
    ...drawn,
  );
}
