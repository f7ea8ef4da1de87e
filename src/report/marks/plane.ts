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

/** Layers up to which every one has its number, interval and plug-in; of more, those that carry the path have. */
const MOST_NUMBERS = 12;
const QUARTERS = 4;

/** Layers whose lines are drawn over the steps of a run: all of a few, else the first, the last and three between. */
export function someLayers(layers: number): number[] {
  const all = Array.from({ length: layers }, (_, layer) => layer);
  if (!isDeep(layers)) return all;
  return Array.from({ length: QUARTERS + 1 }, (_, at) => Math.round((at * (layers - 1)) / QUARTERS));
}

export const isDeep = (layers: number): boolean => layers > MOST_NUMBERS;

interface Spot {
  readonly x: number;
  readonly y: number;
}

/** How far `point` lies from the line through both others, or from them where they are one. */
function distance(point: Spot, from: Spot, to: Spot): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  if (length === 0) return Math.hypot(point.x - from.x, point.y - from.y);
  const along = Math.min(1, Math.max(0, ((point.x - from.x) * dx + (point.y - from.y) * dy) / length ** 2));
  return Math.hypot(point.x - from.x - along * dx, point.y - from.y - along * dy);
}

/**
 * The first point, the last, and those at which the path turns: a path through them alone leaves the others no farther than a
 * tolerance aside (Ramer 1972, Douglas & Peucker 1973), which grows until they are few.
 * @returns places among the points
 */
export function turningPoints(points: readonly Spot[]): Set<number> {
  for (let tolerance = 14; ; tolerance *= 1.5) {
    const kept = new Set(points.length > 0 ? [0, points.length - 1] : []);
    const stretches: [number, number][] = [[0, points.length - 1]];
    for (let stretch = stretches.pop(); stretch; stretch = stretches.pop()) {
      const [first, last] = stretch;
      let farthest = 0;
      let at = 0;
      for (let index = first + 1; index < last; index++) {
        const aside = distance(points[index], points[first], points[last]);
        if (aside > farthest) [farthest, at] = [aside, index];
      }
      if (farthest <= tolerance) continue;
      kept.add(at);
      stretches.push([first, at], [at, last]);
    }
    if (kept.size <= MOST_NUMBERS) return kept;
  }
}

/**
 * Which layers are shown with number, interval and plug-in: all of a few, of many the first, the last and those at which the
 * path turns. The others show them where a pointer rests on them, or the page's reader asks for them.
 */
function shownInFull(points: readonly Spot[]): Set<number> {
  if (!isDeep(points.length)) return new Set(points.keys());
  const turns = turningPoints(points);
  // a path that hardly turns has its quarters, to tell how fast it goes
  return turns.size < QUARTERS ? new Set([...turns, ...someLayers(points.length)]) : turns;
}

/** Numbers beside the marks where there is room, ends first; a number that would cover another mark is left out. */
export function layerNumbers(points: readonly (Spot & { readonly layer: number })[]): string {
  const half = (layer: number): number => String(layer).length * 3.6 + 1;
  const deep = isDeep(points.length);
  const around = deep ? 3 : 5;
  const taken: Box[] = points.map(({ x, y }) => [x - around, y - around, x + around, y + around]);
  const order = new Set([0, points.length - 1, ...shownInFull(points)].filter((index) => index in points));
  return [...order]
    .map((index) => {
      const point = points[index];
      // of many layers some lie so close that no place beside them is free: then a little farther off
      for (const reach of deep ? [1, 1.8, 2.6] : [1]) {
        for (const [dx, dy] of COMPASS) {
          const x = point.x + dx * (half(point.layer) + 6) * reach;
          const y = point.y + dy * 13 * reach;
          const box: Box = [x - half(point.layer), y - 6, x + half(point.layer), y + 6];
          if (taken.some((other) => overlaps(box, other))) continue;
          taken.push(box);
          return label(x, y + 4, String(point.layer), { class: "layer", "text-anchor": "middle" });
        }
      }
      return "";
    })
    .join("");
}

export interface LayerDot extends Spot {
  readonly layer: number;
  readonly hollow: boolean;
  readonly detail: string;
  /** markup of what belongs to the layer beside its dot */
  readonly more: string;
}

/**
 * The dots of a path through layers. Of many, those that do not carry the path are quiet: what belongs to them, and their
 * number, shows under a pointer, or where the page chooses them (`data-layer`).
 */
export function layerDots(dots: readonly LayerDot[], layers: number, radius: number): string {
  const full = shownInFull(dots);
  return dots
    .map(({ x, y, layer, hollow, detail, more }, index) => {
      const quiet = !full.has(index);
      return element(
        "g",
        {
          class: quiet ? "quiet" : undefined,
          "data-layer": layer,
          style: `--depth:${Math.round((100 * layer) / Math.max(1, layers - 1))}%`,
        },
        tooltip(detail),
        more === "" ? "" : element("g", { class: "more" }, more),
        element("circle", {
          cx: x,
          cy: y,
          r: isDeep(dots.length) ? radius * 0.7 : radius,
          class: hollow ? "dot depth hollow" : "dot depth",
        }),
        quiet ? label(x, y - 10, String(layer), { class: "layer pointed", "text-anchor": "middle" }) : "",
      );
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
  const deep = isDeep(marks.length);
  const ghostOf = ({ layer, plugin }: PlaneMark): string =>
    element(
      "circle",
      { cx: x(plugin[0]), cy: y(plugin[1]), r: 2.6, class: "ghost" },
      tooltip(`layer ${layer}, plug-in (upper end)`),
    );
  const rayOf = (mark: PlaneMark, at: Spot): string =>
    element("line", { x1: at.x, y1: at.y, x2: x(mark.plugin[0]), y2: y(mark.plugin[1]), class: "ray" });
  // where nothing is held out the plug-in is all there is: it has the numbers then
  const bare = centre.every((at) => at === null);
  const ghosts = marks.map((mark, index) => {
    const at = centre[index];
    if (at === null) return ghostOf(mark);
    return deep ? "" : rayOf(mark, at) + ghostOf(mark);
  });
  const dots = marks.flatMap((mark, index): LayerDot[] => {
    const at = centre[index];
    if (at === null) return [];
    const bars = errorBars(mark, at, { x, y });
    const more = [
      deep ? rayOf(mark, at) + ghostOf(mark) : "",
      bars === "" ? "" : element("path", { d: bars, class: "error depth" }),
    ];
    return [{ ...at, hollow: mark.hollow, detail: mark.detail, more: more.join("") }];
  });
  const path = bare ? marks.map(({ layer, plugin }) => ({ layer, x: x(plugin[0]), y: y(plugin[1]) })) : centre;

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
    { width, height, className: `plane ${deep ? "deep " : ""}${form}`, numbers },
    drawn,
    ...ghosts,
    element("path", { d: pathData(path.map((at) => (at ? [at.x, at.y] : null))), class: "trail" }),
    layerDots(dots, marks.length, wide ? 5.5 : 4.5),
    layerNumbers(path.filter((at) => at !== null)),
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
