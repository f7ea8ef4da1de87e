/**
 * A word-sized line: values in order, the last one marked. Where all intervals have a point in common the line is drawn on a
 * scale beside which the differences are as small as they mean. Pure.
 */
import type { Interval } from "../../profile/figures.ts";
import { beyondError, extent, linear, withinError } from "./axis.ts";
import { drawing, element, pathData } from "./svg.ts";

const WIDTH = 84;
const HEIGHT = 20;

/** @param name what the line shows, for those who do not see it */
export function sparkline(name: string, values: readonly (Interval | null)[]): string {
  const chance = withinError(values);
  const range = extent(
    values.map((one) => one?.value),
    { margin: 0, least: chance === null ? 0 : beyondError(values) },
  );
  const x = linear([0, Math.max(1, values.length - 1)], [3, WIDTH - 4]);
  const y = linear(range, [HEIGHT - 4, 4]);
  const points = values.map((one, index) => (one?.value == null ? null : ([x(index), y(one.value)] as const)));
  const last = points.findLast((point) => point !== null);
  return drawing(
    chance === null ? name : `${name}; ${chance}`,
    { width: WIDTH, height: HEIGHT, className: "spark", numbers: null },
    element("path", { d: pathData(points), class: "line model" }),
    last ? element("circle", { cx: last[0], cy: last[1], r: 2.4, class: "dot model" }) : "",
  );
}
