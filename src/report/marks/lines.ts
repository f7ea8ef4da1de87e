/**
 * Small multiples: lines over layers, with an error band or error bars, gaps where a figure is missing and hollow marks
 * where the caller says so. Sized for a grid of panels. Pure.
 */
import type { Interval } from "../../profile/figures.ts";
import { figure, interval } from "../format.ts";
import { axisX, axisY, extent, linear } from "./axis.ts";
import { drawing, element, label, pathData, tooltip } from "./svg.ts";

export type Tone = "model" | "second" | "third" | "fourth" | "faint";

export interface Series {
  readonly name: string;
  readonly tone: Tone;
  /** one a layer, in order; null: not defined there */
  readonly values: readonly (Interval | null)[];
  /** a solid line with marks, or a thin broken one without */
  readonly style: "solid" | "broken";
  /** [layers] marks drawn as rings */
  readonly hollow?: readonly boolean[];
}

const WIDTH = 340;
const HEIGHT = 196;
const FRAME = { left: 46, right: 12, top: 12, bottom: 34 };

/**
 * @param name what the panel shows
 * @param layers [layers] abscissae
 * @param zero whether the ordinate keeps zero in
 */
export function lines(
  name: string,
  layers: readonly number[],
  series: readonly Series[],
  { zero = true }: { zero?: boolean } = {},
): string {
  const values = series.flatMap((one) => one.values.flatMap((point) => [point?.value, point?.low, point?.high]));
  const inset = Math.min(14, (WIDTH - FRAME.left - FRAME.right) / (2 * Math.max(1, layers.length)));
  const x = linear(
    [layers[0], Math.max(layers.at(-1)!, layers[0] + 1)],
    [FRAME.left + inset, WIDTH - FRAME.right - inset],
    Math.min(6, layers.length),
  );
  const y = linear(extent(values, { zero }), [HEIGHT - FRAME.bottom, FRAME.top], 4);
  const whole = Object.assign((value: number) => x(value), {
    domain: x.domain,
    ticks: x.ticks.filter(Number.isInteger),
  });

  const drawn = series.map((one) => {
    const points = one.values.map((point, index) =>
      point?.value === null || point === null ? null : ([x(layers[index]), y(point.value)] as const),
    );
    const line = element("path", { d: pathData(points), class: `line ${one.tone} ${one.style}` });
    if (one.style === "broken") return element("g", {}, tooltip(one.name), line);
    const radius = layers.length > 16 ? 2.4 : 3.4;
    const marks = one.values.map((point, index) => {
      const at = points[index];
      if (at === null || point === null) return "";
      const bar =
        point.low !== null && point.high !== null
          ? element("path", {
              d: `M${at[0].toFixed(2)} ${y(point.low).toFixed(2)}V${y(point.high).toFixed(2)}`,
              class: `error ${one.tone}`,
            })
          : "";
      const ring = one.hollow?.[index] ? " hollow" : "";
      return element(
        "g",
        {},
        tooltip(`layer ${layers[index]}, ${one.name}: ${interval(point)}${ring ? ` (uncertain, drawn hollow)` : ""}`),
        bar,
        element("circle", { cx: at[0], cy: at[1], r: radius, class: `dot ${one.tone}${ring}` }),
      );
    });
    return line + marks.join("");
  });

  const level =
    y.domain[0] < 0 && y.domain[1] > 0
      ? element("line", { x1: FRAME.left, x2: WIDTH - FRAME.right, y1: y(0), y2: y(0), class: "zero" })
      : "";
  return drawing(
    `${name}, by layer: ${series.map((one) => `${one.name} ${one.values.map((point) => figure(point?.value)).join(", ")}`).join("; ")}`,
    { width: WIDTH, height: HEIGHT, className: "panel" },
    axisY(y, FRAME.left, { grid: WIDTH - FRAME.right }),
    axisX(whole, HEIGHT - FRAME.bottom),
    level,
    values.some((value) => typeof value === "number")
      ? ""
      : label((FRAME.left + WIDTH - FRAME.right) / 2, HEIGHT / 2 - 12, "not defined at any layer", {
          class: "tag",
          "text-anchor": "middle",
        }),
    label((FRAME.left + WIDTH - FRAME.right) / 2, HEIGHT - 3, "layer", { class: "tick", "text-anchor": "middle" }),
    ...drawn,
  );
}
