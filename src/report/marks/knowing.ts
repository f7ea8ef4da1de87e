/**
 * From made up to known: for each number of exposures how answers part into known, made up and beside the point, stacked to
 * one, with the model's own confidence as a line over them. What was never seen stands apart at the left. Pure.
 */
import type { FactRates } from "../../profile/facts.ts";
import { count, percent } from "../format.ts";
import { axisY, linear, type Scale } from "./axis.ts";
import { drawing, element, label, pathData, tooltip, withEnds } from "./svg.ts";

export interface Knowing extends Pick<FactRates, "exact" | "confusion" | "offType" | "confidence" | "guess"> {
  /** null: not known */
  readonly exposures: number | null;
}

const BANDS = [
  { key: "exact", name: "known", className: "known" },
  { key: "confusion", name: "made up", className: "made-up" },
  { key: "offType", name: "beside the point", className: "beside-point" },
] as const;

/** Exposures in words under the axis. */
const named = (exposures: number | null): string =>
  exposures === null ? "all" : exposures === 0 ? "never" : count(exposures);

/** Sums of the bands up to each one: [0, exact, exact + confusion, 1]. */
function stacked(one: Knowing): number[] {
  const sums = [0];
  for (const { key } of BANDS) sums.push(sums[sums.length - 1] + (one[key].value ?? 0));
  return sums;
}

/**
 * @param levels by exposures, rising; those without a rate left out
 * @param form `wide`: 720 units across; `narrow` and `panel`: 344, the first for small screens alone
 */
export function knowing(name: string, levels: readonly Knowing[], form: "wide" | "narrow" | "panel"): string {
  const wide = form === "wide";
  const width = wide ? 720 : 344;
  const height = wide ? 360 : 250;
  const frame = wide ? { left: 50, right: 116, top: 16, bottom: 50 } : { left: 40, right: 10, top: 12, bottom: 44 };
  const [right, bottom] = [width - frame.right, height - frame.bottom];
  const y = linear([0, 1], [bottom, frame.top], 5);
  // A step for each, and half of one between what was never seen and what was.
  const apart = levels.length > 1 && levels[0].exposures === 0 ? 0.5 : 0;
  const step = (right - frame.left) / (levels.length + apart);
  const at = (index: number): number => frame.left + (index + 0.5 + (index > 0 ? apart : 0)) * step;
  const groups = apart > 0 ? [levels.slice(0, 1), levels.slice(1)] : [levels];
  const placed = groups.map((group, g) =>
    group.map((one, index) => ({ one, x: at(index + (g > 0 ? groups[0].length : 0)) })),
  );

  const areas = BANDS.flatMap(({ name: band, className }, b) =>
    placed.map((group) => {
      const sides = group.flatMap(({ one, x }, index) => {
        const [low, high] = [stacked(one)[b], stacked(one)[b + 1]];
        // The ends of a group reach to the edges of their steps.
        const from = index === 0 ? [{ x: x - step / 2, low, high }] : [];
        const to = index === group.length - 1 ? [{ x: x + step / 2, low, high }] : [];
        return [...from, { x, low, high }, ...to];
      });
      const outline = [
        ...sides.map(({ x, high }) => [x, y(high)] as const),
        ...sides.reverse().map(({ x, low }) => [x, y(low)] as const),
      ];
      return element("path", { d: `${pathData(outline)}Z`, class: `band ${className}` }, tooltip(band));
    }),
  );
  const whiskers = placed.flat().map(({ one, x }) =>
    one.exact.low === null || one.exact.high === null
      ? ""
      : element("path", {
          d: `M${x.toFixed(2)} ${y(one.exact.low).toFixed(2)}V${y(one.exact.high).toFixed(2)}`,
          class: "whisker",
        }),
  );
  const guesses = placed.map((group) =>
    element("path", {
      d: pathData(
        group.flatMap(({ one, x }, index) => [
          ...(index === 0 ? [[x - step / 2, y(one.guess)] as const] : []),
          [x, y(one.guess)] as const,
          ...(index === group.length - 1 ? [[x + step / 2, y(one.guess)] as const] : []),
        ]),
      ),
      class: "guessing",
    }),
  );
  const numbers = {
    head: ["exposures", "known", "known low", "known high", "made up", "beside the point", "confidence", "guessing"],
    rows: levels.map((one) => [
      named(one.exposures),
      ...withEnds(one.exact),
      one.confusion.value,
      one.offType.value,
      one.confidence.value,
      one.guess,
    ]),
  };
  return drawing(
    `${name}: ${levels.map((one) => `exposures ${named(one.exposures)}: ${told(one)}`).join("; ")}`,
    { width, height, className: `knowing ${form}`, numbers },
    ...areas,
    axisY(y, frame.left, { write: (value) => `${count(100 * value)}\u00a0%` }),
    ...guesses,
    ...whiskers,
    confidenceLine(placed, y),
    ...placed
      .flat()
      .map(({ one, x }) =>
        element(
          "rect",
          { x: x - step / 2, y: frame.top, width: step, height: bottom - frame.top, class: "sensor" },
          tooltip(`exposures ${named(one.exposures)}: ${told(one)}`),
        ),
      ),
    ...placed.flatMap((group) =>
      group.flatMap(({ one, x }, index) =>
        step < TICK && (group.length - 1 - index) % 2 === 1
          ? []
          : [label(x, bottom + 17, named(one.exposures), { class: "tick", "text-anchor": "middle" })],
      ),
    ),
    label((frame.left + right) / 2, height - 6, "training documents that stated the fact →", {
      class: "title",
      "text-anchor": "middle",
    }),
    ...inside(placed[placed.length - 1], y, right),
    ...(wide ? beside(levels[levels.length - 1], y, right + 10) : []),
  );
}

const told = ({ confidence, guess, ...rates }: Knowing): string =>
  [
    ...BANDS.map(({ key, name }) => `${percent(rates[key].value)} ${name}`),
    `confidence ${percent(confidence.value)}`,
    `guessing ${percent(guess)}`,
  ].join(", ");

function confidenceLine(placed: readonly (readonly { one: Knowing; x: number }[])[], y: Scale): string {
  const points = placed.map((group) =>
    group.map(({ one, x }) => (one.confidence.value === null ? null : ([x, y(one.confidence.value)] as const))),
  );
  const lines = (className: string): string =>
    points.map((group) => element("path", { d: pathData(group), class: className })).join("");
  const dots = points
    .flat()
    .flatMap((point) =>
      point === null ? [] : [element("circle", { cx: point[0], cy: point[1], r: 3.6, class: "sure" })],
    );
  return lines("sure halo") + lines("sure") + dots.join("");
}

/** Least width of a step whose number stands beside those of its neighbours; of narrower ones every second is written. */
const TICK = 28;
/** Width of a letter of a band's name. */
const LETTER = 10;
/** Least share of a level that a band's name takes. */
const NAMED_FROM = 0.12;

/** Each band's name where it is highest. */
function inside(placed: readonly { one: Knowing; x: number }[], y: Scale, right: number): string[] {
  return BANDS.flatMap(({ name, key, className }, b) => {
    const most = placed.reduce((best, next) => ((next.one[key].value ?? 0) > (best.one[key].value ?? 0) ? next : best));
    const sums = stacked(most.one);
    // Where several are as high, in their middle.
    const alike = placed.filter(({ one }) => (one[key].value ?? 0) > (most.one[key].value ?? 0) - 0.05);
    const x = Math.min(alike[Math.floor(alike.length / 2)].x, right - (LETTER * name.length) / 2);
    return sums[b + 1] - sums[b] < NAMED_FROM
      ? []
      : [label(x, y((sums[b] + sums[b + 1]) / 2), name, { class: `inside ${className}`, "text-anchor": "middle" })];
  });
}

/** Least distance between two names at the right. */
const LINE = 15;

/** Names of the lines at the right edge, where the last level leaves them. */
function beside({ confidence, guess }: Knowing, y: Scale, x: number): string[] {
  const sure = y(confidence.value ?? 0) + 4;
  const guessing = y(guess) + 4;
  const apart = Math.max(0, LINE - Math.abs(sure - guessing)) * (sure <= guessing ? -1 : 1);
  return [
    label(x, sure + apart, "its confidence", { class: "tag sure" }),
    label(x, guessing, "guessing", { class: "tag" }),
  ];
}
