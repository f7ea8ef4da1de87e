/**
 * Small multiples: lines over layers or over the steps of a training run (on a logarithmic axis), with error bars, gaps
 * where a figure is missing, hollow marks where the caller says so, levels to compare with and a stretch set off. Sized for a
 * grid of panels. Pure.
 */
import type { Interval } from "../../profile/figures.ts";
import { figure, interval } from "../format.ts";
import { axisX, axisY, extent, inSteps, linear, note, overSteps, type Scale, withinError } from "./axis.ts";
import { drawing, element, label, pathData, tooltip, withEnds } from "./svg.ts";

export type Tone = "model" | "second" | "third" | "fourth" | "faint";

export interface Series {
  readonly name: string;
  readonly tone: Tone;
  /** one an abscissa, in order; null: not defined there */
  readonly values: readonly (Interval | null)[];
  /** a solid line with marks, or a thin one, broken or not, without */
  readonly style: "solid" | "broken" | "thin";
  /** [abscissae] marks drawn as rings */
  readonly hollow?: readonly boolean[];
}

const WIDTH = 340;
const HEIGHT = 196;
const FRAME = { left: 46, right: 12, top: 12, bottom: 34 };

export interface PanelOptions {
  /** what lies across */
  readonly across?: "block" | "layer" | "step" | "per cent taken away";
  /** span that means something in the panel's unit: the ordinate is never shorter */
  readonly least: number;
  /** horizontal lines with their names */
  readonly levels?: readonly { readonly name: string; readonly value: number }[];
  /** what chance gives: a middle and a band around it, one an abscissa */
  readonly chance?: { readonly name: string; readonly values: readonly Interval[] };
  /** a stretch of abscissae that is set off, with an abscissa in it that stands out */
  readonly marked?: { readonly low: number; readonly high: number; readonly at: number } | null;
}

function layerScale(layers: readonly number[], range: readonly [number, number]): Scale {
  const x = linear([layers[0], Math.max(layers.at(-1)!, layers[0] + 1)], range, Math.min(6, layers.length));
  return Object.assign((value: number) => x(value), { domain: x.domain, ticks: x.ticks.filter(Number.isInteger) });
}

/**
 * @param name what the panel shows
 * @param at abscissae, in order
 */
export function lines(
  name: string,
  at: readonly number[],
  series: readonly Series[],
  { across = "layer", least, levels = [], marked = null, chance: band }: PanelOptions,
): string {
  const values = series.flatMap((one) => one.values.flatMap((point) => [point?.value, point?.low, point?.high]));
  const inset = Math.min(14, (WIDTH - FRAME.left - FRAME.right) / (2 * Math.max(1, at.length)));
  const range = [FRAME.left + inset, WIDTH - FRAME.right - inset] as const;
  const x = across === "layer" || across === "block" ? layerScale(at, range) : overSteps(at, range);
  const solid = series.flatMap((one) => (one.style === "solid" ? one.values : []));
  const chance = withinError(solid, { zero: true, least });
  const ends = band?.values.flatMap(({ low, high }) => [low, high]) ?? [];
  const within = [...values, ...ends, ...levels.map(({ value }) => value)];
  const y = linear(extent(within, { zero: true, least }), [HEIGHT - FRAME.bottom, FRAME.top], 4);

  const drawn = series.map((one) => {
    const points = one.values.map((point, index) =>
      point?.value === null || point === null ? null : ([x(at[index]), y(point.value)] as const),
    );
    const line = element("path", { d: pathData(points), class: `line ${one.tone} ${one.style}` });
    if (one.style !== "solid") return element("g", {}, tooltip(one.name), line);
    const radius = at.length > 16 ? 2.4 : 3.4;
    const marks = one.values.map((point, index) => {
      const centre = points[index];
      if (centre === null || point === null) return "";
      const bar =
        point.low !== null && point.high !== null
          ? element("path", {
              d: `M${centre[0].toFixed(2)} ${y(point.low).toFixed(2)}V${y(point.high).toFixed(2)}`,
              class: `error ${one.tone}`,
            })
          : "";
      const ring = one.hollow?.[index] ? " hollow" : "";
      return element(
        "g",
        {},
        tooltip(`${across} ${at[index]}, ${one.name}: ${interval(point)}${ring ? ` (uncertain, drawn hollow)` : ""}`),
        bar,
        element("circle", { cx: centre[0], cy: centre[1], r: radius, class: `dot ${one.tone}${ring}` }),
      );
    });
    return line + marks.join("");
  });

  const flat = (value: number, className: string): string =>
    element("line", { x1: FRAME.left, x2: WIDTH - FRAME.right, y1: y(value), y2: y(value), class: className });
  const numbers = {
    head: [across, "line", name, "low", "high"],
    rows: [...series, ...(band ? [band] : [])].flatMap((one) =>
      one.values.flatMap((point, index) => (point === null ? [] : [[at[index], one.name, ...withEnds(point)]])),
    ),
  };
  return drawing(
    `${name}, by ${across}: ${series.map((one) => `${one.name} ${one.values.map((point) => figure(point?.value)).join(", ")}`).join("; ")}${chance === null ? "" : `; ${chance}`}`,
    { width: WIDTH, height: HEIGHT, className: "panel", numbers },
    marked ? stretch(marked, x) : "",
    band ? around(band, at, x, y) : "",
    axisY(y, FRAME.left, { grid: WIDTH - FRAME.right }),
    axisX(x, HEIGHT - FRAME.bottom, across === "step" ? { write: inSteps } : {}),
    y.domain[0] < 0 && y.domain[1] > 0 ? flat(0, "zero") : "",
    values.some((value) => typeof value === "number")
      ? ""
      : label((FRAME.left + WIDTH - FRAME.right) / 2, HEIGHT / 2 - 12, `not defined at any ${across}`, {
          class: "tag",
          "text-anchor": "middle",
        }),
    label((FRAME.left + WIDTH - FRAME.right) / 2, HEIGHT - 3, across, { class: "tick", "text-anchor": "middle" }),
    ...levels.map(({ name: called, value }, index) => {
      // in turn at either end, so that the names of levels close by do not cover each other
      const [end, anchor] = index % 2 === 0 ? [WIDTH - FRAME.right - 2, "end"] : [FRAME.left + 2, "start"];
      return flat(value, "reference limit") + label(end, y(value) - 4, called, { class: "tag", "text-anchor": anchor });
    }),
    ...drawn,
    note(FRAME.left + 4, FRAME.top + 2, chance),
  );
}

/** What chance gives, as an area with its middle. */
function around(
  { name, values }: NonNullable<PanelOptions["chance"]>,
  at: readonly number[],
  x: Scale,
  y: Scale,
): string {
  const along = (end: "value" | "low" | "high"): (readonly [number, number])[] =>
    values.flatMap((one, index) => {
      const height = one[end];
      return height === null ? [] : [[x(at[index]), y(height)] as const];
    });
  return element(
    "g",
    {},
    tooltip(name),
    element("path", { d: `${pathData([...along("low"), ...along("high").reverse()])}Z`, class: "by-chance" }),
    element("path", { d: pathData(along("value")), class: "line faint thin" }),
  );
}

/** A stretch of one abscissa still shows. */
const LEAST_STRETCH = 3;

function stretch({ low, high, at }: NonNullable<PanelOptions["marked"]>, x: Scale): string {
  const [from, to] = [x(low) - LEAST_STRETCH, x(high) + LEAST_STRETCH];
  const [top, bottom] = [FRAME.top, HEIGHT - FRAME.bottom];
  return (
    element("rect", { x: from, y: top, width: to - from, height: bottom - top, class: "stretch" }) +
    element("line", { x1: x(at), x2: x(at), y1: top, y2: bottom, class: "here" })
  );
}
