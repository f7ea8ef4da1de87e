/** A word-sized line: values in order, the last one marked. Pure. */
import { extent, linear } from "./axis.ts";
import { drawing, element, pathData } from "./svg.ts";

const WIDTH = 84;
const HEIGHT = 20;

/** @param name what the line shows, for those who do not see it */
export function sparkline(name: string, values: readonly (number | null)[]): string {
  const x = linear([0, Math.max(1, values.length - 1)], [3, WIDTH - 4]);
  const y = linear(extent(values, { margin: 0 }), [HEIGHT - 4, 4]);
  const points = values.map((value, index) => (value === null ? null : ([x(index), y(value)] as const)));
  const last = points.findLast((point) => point !== null);
  return drawing(
    name,
    { width: WIDTH, height: HEIGHT, className: "spark", numbers: null },
    element("path", { d: pathData(points), class: "line model" }),
    last ? element("circle", { cx: last[0], cy: last[1], r: 2.4, class: "dot model" }) : "",
  );
}
