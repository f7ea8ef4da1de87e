/**
 * The information plane of one order (METHODS §2.7): complexity across, expressivity up, both in bits with the share of
 * ln m on the far axes; the layers as a path in order, faint rings for the plug-in (the upper end of the bracket,
 * METHODS §2.4), and the reference lines where the caller gives them. Pure.
 */
import type { Interval } from "../../profile/figures.ts";
import { axisX, axisY, extent, linear, note, type Scale, withinError } from "./axis.ts";
import { drawing, element, label, pathData, tooltip, withEnds } from "./svg.ts";

export interface PlaneMark {
  readonly layer: number;
  /** bits */
  readonly complexity: Interval;
  /** bits */
  readonly expressivity: Interval;
  /** plug-in (complexity, expressivity) in bits */
  readonly plugin: readonly [number, number];
  readonly hollow: boolean;
  readonly detail: string;
}

export interface PlaneReferences {
  /** best code found at each complexity, both in bits, by complexity */
  readonly frontier: readonly { readonly complexity: number; readonly expressivity: number }[];
  /** I(X;Y) in bits */
  readonly limit: number;
}

type Box = readonly [x0: number, y0: number, x1: number, y1: number];
const overlaps = (a: Box, b: Box): boolean => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

const COMPASS = [
  [0, -1],
  [1, -1],
  [-1, -1],
  [0, 1],
  [1, 1],
  [-1, 1],
  [1, 0],
  [-1, 0],
] as const;

/** Bits: an axis of less would magnify what does not matter. */
export const LEAST_BITS = 0.1;
/** Columns of a place in the plane. */
export const PLACE_HEADS = [
  "complexity, bits",
  "complexity low",
  "complexity high",
  "expressivity, bits",
  "expressivity low",
  "expressivity high",
] as const;

const MOST_NUMBERS = 12;

/** Numbers beside the marks where there is room, ends first; a number that would cover another mark is left out. */
export function layerNumbers(points: readonly { layer: number; x: number; y: number }[]): string {
  const taken: Box[] = points.map(({ x, y }) => [x - 5, y - 5, x + 5, y + 5]);
  const every = Math.ceil(points.length / MOST_NUMBERS);
  const order = new Set(
    [0, points.length - 1, ...points.keys()].filter(
      (index) => index in points && (index % every === 0 || index === points.length - 1),
    ),
  );
  return [...order]
    .map((index) => {
      const point = points[index];
      const half = String(point.layer).length * 3.6 + 1;
      for (const [dx, dy] of COMPASS) {
        const x = point.x + dx * (half + 6);
        const y = point.y + dy * 13;
        const box: Box = [x - half, y - 6, x + half, y + 6];
        if (taken.some((other) => overlaps(box, other))) continue;
        taken.push(box);
        return label(x, y + 4, String(point.layer), { class: "layer", "text-anchor": "middle" });
      }
      return "";
    })
    .join("");
}

/** The plane without marks: its scales, axes and reference lines. */
export interface PlaneGround {
  readonly width: number;
  readonly height: number;
  readonly wide: boolean;
  /** bits → units */
  readonly x: Scale;
  readonly y: Scale;
  /** markup under the marks */
  readonly drawn: string;
}

/**
 * @param xs complexities that must lie inside, bits
 * @param ys expressivities that must lie inside, bits
 * @param lnM nats that a share of 1 stands for
 * @param references absent for orders that have none (METHODS §2.7 gives them for order 1 only)
 * @param diagonal whether to draw expressivity = complexity
 * @param form `wide`: 720 units across; `narrow`: 344
 */
export function planeGround(
  xs: Iterable<number | null>,
  ys: Iterable<number | null>,
  lnM: number,
  references: PlaneReferences | null,
  diagonal: boolean,
  form: "wide" | "narrow",
): PlaneGround {
  const wide = form === "wide";
  const width = wide ? 720 : 344;
  const height = wide ? 480 : 372;
  const frame = wide ? { left: 58, right: 58, top: 58, bottom: 56 } : { left: 38, right: 36, top: 50, bottom: 50 };
  const right = width - frame.right;
  const bottom = height - frame.bottom;
  const x = linear(extent(xs, { zero: true, least: LEAST_BITS }), [frame.left, right], wide ? 7 : 4);
  const y = linear(
    extent([...ys, references?.limit], { zero: true, margin: 0.08, least: LEAST_BITS }),
    [bottom, frame.top],
    wide ? 6 : 5,
  );
  const shareOf = (scale: Scale, start: number, end: number): Scale => {
    const toShare = Math.LN2 / lnM;
    return linear([scale.domain[0] * toShare, scale.domain[1] * toShare], [start, end], wide ? 6 : 4);
  };
  const inside = (bits: readonly [number, number]): boolean =>
    bits[0] <= x.domain[1] && bits[1] <= y.domain[1] && bits[0] >= x.domain[0] && bits[1] >= y.domain[0];

  const drawnReferences: string[] = [];
  if (diagonal) {
    const start = Math.max(x.domain[0], y.domain[0]);
    const end = Math.min(x.domain[1], y.domain[1]);
    drawnReferences.push(
      element(
        "line",
        { x1: x(start), y1: y(start), x2: x(end), y2: y(end), class: "reference diagonal" },
        tooltip("expressivity = complexity: a guide"),
      ),
    );
    const slope = (Math.atan2(y(end) - y(start), x(end) - x(start)) * 180) / Math.PI;
    const [cx, cy] = [x(start + (end - start) * 0.62), y(start + (end - start) * 0.62)];
    drawnReferences.push(
      label(cx, cy - 6, "diagonal", {
        class: "tag",
        "text-anchor": "middle",
        transform: `rotate(${slope.toFixed(1)} ${cx.toFixed(1)} ${cy.toFixed(1)})`,
      }),
    );
  }
  if (references) {
    const shown = references.frontier.filter((point) => inside([point.complexity, point.expressivity]));
    const ends = shown.at(-1);
    drawnReferences.push(
      element(
        "path",
        {
          d: pathData(shown.map((point) => [x(point.complexity), y(point.expressivity)])),
          class: "reference frontier",
        },
        tooltip("best code of this corpus found at each complexity"),
      ),
      element(
        "line",
        { x1: x(0), x2: right, y1: y(references.limit), y2: y(references.limit), class: "reference limit" },
        tooltip("I(X;Y) of this corpus, held out"),
      ),
      label(right - 4, y(references.limit) - 6, wide ? "I(X;Y): all that one token says of the next" : "I(X;Y)", {
        class: "tag",
        "text-anchor": "end",
      }),
    );
    if (ends) {
      drawnReferences.push(
        label(x(ends.complexity) - 4, y(ends.expressivity) + 32, "frontier", { class: "tag", "text-anchor": "end" }),
      );
    }
  }

  const axes = [
    axisY(y, frame.left, { grid: right }),
    axisX(x, bottom, { grid: frame.top }),
    axisX(shareOf(x, frame.left, right), frame.top, { above: true }),
    axisY(shareOf(y, bottom, frame.top), right, { right: true }),
    label((frame.left + right) / 2, height - 8, "complexity: bits kept of the input →", {
      class: "title",
      "text-anchor": "middle",
    }),
    label(frame.left - (wide ? 40 : 32), frame.top - (wide ? 38 : 36), "↑ expressivity, bits", { class: "title" }),
    label(
      right + (wide ? 40 : 32),
      frame.top - (wide ? 38 : 36),
      wide ? "far axes: share of ln m" : "far: share of ln m",
      { class: "tick", "text-anchor": "end" },
    ),
  ];
  return { width, height, wide, x, y, drawn: [...axes, ...drawnReferences].join("") };
}

/** What is not told apart from zero, in words; null where both figures are. */
export function placesWithinError(
  places: readonly { readonly complexity: Interval; readonly expressivity: Interval }[],
): string | null {
  const said = (["complexity", "expressivity"] as const).flatMap((name) => {
    const found = withinError(
      places.map((one) => one[name]),
      { zero: true, least: LEAST_BITS },
    );
    return found === null ? [] : [`${name}: ${found}`];
  });
  return said.length === 0 ? null : said.join("; ");
}

/** As `planeGround`; a path through the layers on it. */
export function plane(
  name: string,
  marks: readonly PlaneMark[],
  lnM: number,
  references: PlaneReferences | null,
  diagonal: boolean,
  form: "wide" | "narrow",
): string {
  const { width, height, wide, x, y, drawn } = planeGround(
    marks.flatMap(({ complexity: { value, low, high }, plugin }) => [value, low, high, plugin[0]]),
    marks.flatMap(({ expressivity: { value, low, high }, plugin }) => [value, low, high, plugin[1]]),
    lnM,
    references,
    diagonal,
    form,
  );
  const centre = marks.map((mark) =>
    mark.complexity.value === null || mark.expressivity.value === null
      ? null
      : { layer: mark.layer, x: x(mark.complexity.value), y: y(mark.expressivity.value) },
  );
  const depth = (index: number): string => `${Math.round((100 * index) / Math.max(1, marks.length - 1))}%`;
  const ghosts = marks.map((mark, index) => {
    const at = centre[index];
    const [px, py] = [x(mark.plugin[0]), y(mark.plugin[1])];
    const ray = at ? element("line", { x1: at.x, y1: at.y, x2: px, y2: py, class: "ray" }) : "";
    return (
      ray +
      element("circle", { cx: px, cy: py, r: 2.6, class: "ghost" }, tooltip(`layer ${mark.layer}, plug-in (upper end)`))
    );
  });
  const dots = marks.map((mark, index) => {
    const at = centre[index];
    if (at === null) return "";
    const bars = errorBars(mark, at, { x, y });
    return element(
      "g",
      { style: `--depth:${depth(index)}` },
      tooltip(mark.detail),
      bars === "" ? "" : element("path", { d: bars, class: "error depth" }),
      element("circle", {
        cx: at.x,
        cy: at.y,
        r: wide ? 5.5 : 4.5,
        class: mark.hollow ? "dot depth hollow" : "dot depth",
      }),
    );
  });

  const numbers = {
    head: ["what", "layer", ...PLACE_HEADS, "complexity plug-in", "expressivity plug-in", "hollow"],
    rows: [
      ...marks.map((one) => [
        "layer",
        one.layer,
        ...withEnds(one.complexity),
        ...withEnds(one.expressivity),
        ...one.plugin,
        one.hollow,
      ]),
      ...(references?.frontier ?? []).map((one) => ["frontier", null, one.complexity, null, null, one.expressivity]),
      ...(references ? [["I(X;Y)", null, null, null, null, references.limit]] : []),
    ],
  };
  return drawing(
    name,
    { width, height, className: `plane ${form}`, numbers },
    drawn,
    ...ghosts,
    element("path", { d: pathData(centre.map((at) => (at ? [at.x, at.y] : null))), class: "trail" }),
    ...dots,
    layerNumbers(centre.filter((at) => at !== null)),
    note(x(x.domain[0]) + 6, y(y.domain[0]) - 8, placesWithinError(marks)),
  );
}

/** Path data of the intervals of both figures, through their mark's centre; those there are. */
export function errorBars(
  { complexity: c, expressivity: e }: Pick<PlaneMark, "complexity" | "expressivity">,
  at: { readonly x: number; readonly y: number },
  { x, y }: Pick<PlaneGround, "x" | "y">,
): string {
  const across =
    c.low !== null && c.high !== null ? `M${x(c.low).toFixed(2)} ${at.y.toFixed(2)}H${x(c.high).toFixed(2)}` : "";
  const up =
    e.low !== null && e.high !== null ? `M${at.x.toFixed(2)} ${y(e.low).toFixed(2)}V${y(e.high).toFixed(2)}` : "";
  return across + up;
}
