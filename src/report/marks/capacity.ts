/**
 * Memorised bits against the number of random strings, both axes logarithmic (METHODS §5 Capacity): a mark for every run,
 * a line through their means, the strings' own entropy as the most there could be, and published capacities as levels.
 * Pure.
 */
import { count, shorten, si } from "../format.ts";
import { axisX, axisY, logarithmic } from "./axis.ts";
import { drawing, element, label, pathData, tooltip } from "./svg.ts";

export interface CapacityPoint {
  readonly strings: number;
  readonly entropyBits: number;
  readonly meanBits: number;
  readonly runs: readonly { readonly seed: number; readonly bits: number }[];
  /** whether it is on the plateau */
  readonly plateau: boolean;
}

export interface Level {
  readonly name: string;
  readonly bits: number;
}

/**
 * @param points by number of strings
 * @param form `wide`: 720 units across; `narrow`: 344
 */
export function capacityCurve(
  name: string,
  points: readonly CapacityPoint[],
  levels: readonly Level[],
  form: "wide" | "narrow",
): string {
  const wide = form === "wide";
  const [width, height] = wide ? [720, 380] : [344, 320];
  const frame = wide ? { left: 62, right: 190, top: 34, bottom: 52 } : { left: 44, right: 14, top: 34, bottom: 50 };
  const [right, bottom] = [width - frame.right, height - frame.bottom];
  const sizes = points.map(({ strings }) => strings);
  const positive = points.flatMap(({ runs, entropyBits }) => [entropyBits, ...runs.map(({ bits }) => bits)]);
  const bits = [...positive, ...levels.map((level) => level.bits)].filter((value) => value > 0);
  const [low, high] = [Math.min(...bits) / 1.6, Math.max(...bits) * 1.3];
  const x = logarithmic([sizes[0] / 1.4, sizes.at(-1)! * 1.4], [frame.left, right]);
  const y = logarithmic([low, high], [bottom, frame.top]);
  const tight = !wide && sizes.length > 7;
  const atSizes = Object.assign((value: number) => x(value), {
    domain: x.domain,
    ticks: tight ? sizes.filter((_, index) => index % 2 === 0) : sizes,
  });
  // With less than a decade between, powers of ten are too few to read a figure off.
  const decades = y.ticks.flatMap((tick) => [tick, 2 * tick, 5 * tick]);
  const below = y.ticks.length > 0 ? [y.ticks[0] / 5, y.ticks[0] / 2] : [];
  const atBits = Object.assign((value: number) => y(value), {
    domain: y.domain,
    ticks: [...below, ...decades].filter((tick) => tick >= low && tick <= high),
  });
  const line = (of: (point: CapacityPoint) => number): string =>
    pathData(points.map((point) => (of(point) > 0 ? ([x(point.strings), y(of(point))] as const) : null)));

  // where levels nearly meet, their names stand apart
  const named = [...levels].sort((a, b) => b.bits - a.bits);
  const names = named.map((level, index) => {
    const crowded = index > 0 && y(level.bits) - y(named[index - 1].bits) < 15;
    const at = y(level.bits) + (crowded ? 14 : -6);
    return wide
      ? label(right + 8, y(level.bits) + 4 + (crowded ? 8 : 0), shorten(level.name, 30), { class: "tag" })
      : label(right, at, shorten(level.name, 30), { class: "tag", "text-anchor": "end" });
  });
  const flats = levels.map((level) =>
    element(
      "line",
      { x1: frame.left, x2: right, y1: y(level.bits), y2: y(level.bits), class: "reference limit" },
      tooltip(`${level.name}: ${count(level.bits)} bits for a model of this size`),
    ),
  );
  const marks = points.flatMap(({ strings, runs, entropyBits, plateau }) =>
    runs
      .filter((run) => run.bits > 0)
      .map((run) =>
        element(
          "g",
          {},
          tooltip(
            `${count(strings)} strings, seed ${run.seed}: ${count(run.bits)} of ${count(entropyBits)} bits${plateau ? ", on the plateau" : ""}`,
          ),
          element("circle", {
            cx: x(strings),
            cy: y(run.bits),
            r: 4.2,
            class: plateau ? "dot model" : "dot model hollow",
          }),
        ),
      ),
  );
  const numbers = {
    head: ["what", "strings", "seed", "bits"],
    rows: [
      ...points.flatMap(({ strings, entropyBits, meanBits, runs }) => [
        ["all that the strings hold", strings, null, entropyBits],
        ["memorised, mean", strings, null, meanBits],
        ...runs.map((run) => ["memorised", strings, run.seed, run.bits]),
      ]),
      ...levels.map((level) => [level.name, null, null, level.bits]),
    ],
  };
  return drawing(
    name,
    { width, height, className: `capacity ${form}`, numbers },
    axisY(atBits, frame.left, { grid: right, write: (value) => si(value, "") }),
    axisX(atSizes, bottom, { write: count }),
    label((frame.left + right) / 2, height - 6, "strings (logarithmic) →", { class: "title", "text-anchor": "middle" }),
    label(wide ? 4 : 0, 14, "↑ bits memorised (logarithmic)", { class: "title" }),
    element(
      "path",
      { d: line((point) => point.entropyBits), class: "reference diagonal" },
      tooltip("all that the strings hold"),
    ),
    ...flats,
    element("path", { d: line((point) => point.meanBits), class: "line model" }),
    ...marks,
    ...names,
  );
}
