/**
 * Rate against distortion (METHODS §7), both axes logarithmic: a mark for every point with its interval, a shape and a tone for
 * each kind, the frontier as a staircase, a curve to compare with where there is one. What is not above zero stands on the floor, hollow.
 * Beside it the ladder: which figure is lost below which rate. Pure.
 */
import type { Interval } from "../../profile/figures.ts";
import { figure, interval, shorten } from "../format.ts";
import { axisX, axisY, logarithmic, type Scale } from "./axis.ts";
import { drawing, element, label, pathData, tooltip, withEnds } from "./svg.ts";

export interface RateMark {
  readonly name: string;
  readonly kind: "round" | "blocks" | "prune" | "rank" | "drop" | "trim" | "mixed" | "file";
  /** bits a parameter */
  readonly rate: number;
  readonly distortion: Interval;
  readonly isKept: boolean;
}

export interface RateOptions {
  /** what stands up */
  readonly up: string;
  /** by rate, rising */
  readonly curve?: { readonly name: string; readonly points: readonly (readonly [rate: number, value: number])[] };
}

const TONES: Readonly<Record<RateMark["kind"], string>> = {
  round: "model",
  blocks: "second",
  prune: "third",
  rank: "fourth",
  drop: "faint",
  trim: "faint",
  mixed: "model",
  file: "second",
};

/** A circle, or what is told from one without its colour. */
function shape(kind: RateMark["kind"], x: number, y: number, className: string): string {
  const path = (data: string): string => element("path", { d: data, class: className });
  switch (kind) {
    case "file":
      return element("rect", { x: x - 4.6, y: y - 4.6, width: 9.2, height: 9.2, class: className });
    case "prune":
      return path(`M${x} ${y - 5.4}L${x + 5.2} ${y + 4}H${x - 5.2}Z`);
    case "rank":
      return path(`M${x} ${y - 5.6}L${x + 5.6} ${y}L${x} ${y + 5.6}L${x - 5.6} ${y}Z`);
    case "drop":
      return path(`M${x} ${y + 5.4}L${x + 5.2} ${y - 4}H${x - 5.2}Z`);
    case "mixed":
      return path(`M${x - 5} ${y}H${x + 5}M${x} ${y - 5}V${y + 5}`);
    default:
      return element("circle", { cx: x, cy: y, r: 4.2, class: className });
  }
}

/** Ticks at 1, 2, 5 of every decade in between. */
function withDecades(scale: Scale): Scale {
  const [low, high] = scale.domain;
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
  const all = decades.flatMap((one) => [one, 2 * one, 5 * one]).filter((one) => one >= low && one <= high);
  const ticks = all.length > 9 ? decades.filter((one) => one >= low && one <= high) : all;
  return Object.assign((value: number) => scale(value), { domain: scale.domain, ticks });
}

/** Rates as ticks: halves of the range that models come in. */
const RATES = [0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 12, 16, 32];

function rateScale(rates: readonly number[], range: readonly [number, number]): Scale {
  const [low, high] = [Math.min(...rates) / 1.15, Math.max(...rates) * 1.15];
  const scale = logarithmic([low, high], range);
  return Object.assign((value: number) => scale(value), {
    domain: scale.domain,
    ticks: RATES.filter((rate) => rate >= low && rate <= high),
  });
}

/** @param form `wide`: 720 units across; `narrow`: 344 */
export function rateDistortion(
  name: string,
  marks: readonly RateMark[],
  { up, curve }: RateOptions,
  form: "wide" | "narrow",
): string {
  const wide = form === "wide";
  const [width, height] = wide ? [720, 400] : [344, 340];
  const frame = wide ? { left: 66, right: 24, top: 34, bottom: 52 } : { left: 52, right: 14, top: 34, bottom: 50 };
  const [right, bottom] = [width - frame.right, height - frame.bottom];
  const known = marks.filter(({ distortion }) => distortion.value !== null);
  const x = rateScale([...known.map(({ rate }) => rate), 4], [frame.left, right]);
  const ends = known.flatMap(({ distortion: { value, low, high } }) => [value!, low ?? value!, high ?? value!]);
  const inside = (curve?.points ?? []).filter(([rate]) => rate >= x.domain[0] && rate <= x.domain[1]);
  const positive = [...ends, ...inside.map(([, value]) => value)].filter((value) => value > 0);
  const top = positive.length > 0 ? Math.max(...positive) * 1.5 : 1;
  const least = positive.length > 0 ? Math.max(Math.min(...positive), top / 1e7) / 1.8 : 0.1;
  const y = withDecades(logarithmic([least, top], [bottom, frame.top]));
  const level = (value: number): number => y(Math.min(Math.max(value, least), top));

  const stairs = known
    .filter(({ isKept }) => isKept)
    .sort((a, b) => a.rate - b.rate)
    .flatMap(({ rate, distortion }, index, all): (readonly [number, number])[] => {
      const before = all[index - 1];
      const here = [x(rate), level(distortion.value!)] as const;
      return before ? [[x(rate), level(before.distortion.value!)], here] : [here];
    });
  const drawn = known.map(({ name: point, kind, rate, distortion, isKept }) => {
    const { value, low, high } = distortion;
    const [cx, cy] = [x(rate), level(value!)];
    const tone = TONES[kind];
    const onFloor = value! < least;
    const isNamed = isKept || kind === "file";
    const end = cx > (frame.left + right) / 2;
    return element(
      "g",
      {},
      tooltip(`${point}: ${figure(rate)} bits a parameter, ${up} ${interval(distortion)}`),
      low !== null && high !== null
        ? element("path", {
            d: `M${cx.toFixed(2)} ${level(low).toFixed(2)}V${level(high).toFixed(2)}`,
            class: `error ${tone}`,
          })
        : "",
      shape(kind, cx, cy, `dot ${tone}${onFloor || kind === "mixed" ? " hollow" : ""}`),
      isNamed
        ? label(cx + (end ? -8 : 8), cy + (isKept ? 13 : -8), shorten(point, wide ? 28 : 14), {
            class: "tag",
            "text-anchor": end ? "end" : "start",
          })
        : "",
    );
  });
  const numbers = {
    head: ["point", "kind", "bits a parameter", up, "low", "high", "frontier"],
    rows: known.map((one) => [one.name, one.kind, one.rate, ...withEnds(one.distortion), one.isKept ? "yes" : "no"]),
  };
  return drawing(
    `${name}: ${known.map((one) => `${one.name} ${figure(one.rate)} bits a parameter ${figure(one.distortion.value)}`).join("; ")}`,
    { width, height, className: `rate ${form}`, numbers },
    axisY(y, frame.left, { grid: right }),
    axisX(x, bottom, {}),
    label((frame.left + right) / 2, height - 6, "bits a parameter (logarithmic) →", {
      class: "title",
      "text-anchor": "middle",
    }),
    label(wide ? 4 : 0, 14, `↑ ${up} (logarithmic)`, { class: "title" }),
    curve
      ? element(
          "path",
          {
            d: pathData(inside.map(([rate, value]) => (value >= least ? [x(rate), level(value)] : null))),
            class: "reference frontier",
          },
          tooltip(curve.name),
        )
      : "",
    element("path", { d: pathData(stairs), class: "trail" }),
    ...drawn,
  );
}

export interface Rung {
  readonly name: string;
  /** rate from which on down it is lost; null: nowhere */
  readonly lost: number | null;
  /** rate at which it is still there; null: nowhere */
  readonly kept: number | null;
  readonly change: string;
}

const RUNG = 26;

/**
 * Figures one under the other, what goes first on top: where each is still there, and where it is lost.
 * @param rates that they were followed over
 */
export function ladder(
  name: string,
  rungs: readonly Rung[],
  rates: readonly number[],
  form: "wide" | "narrow",
): string {
  const wide = form === "wide";
  const width = wide ? 720 : 344;
  const frame = wide ? { left: 196, right: 24, top: 12, bottom: 46 } : { left: 118, right: 12, top: 12, bottom: 46 };
  const height = frame.top + rungs.length * RUNG + frame.bottom;
  const [right, bottom] = [width - frame.right, height - frame.bottom];
  const x = rateScale(rates, [frame.left, right]);
  const drawn = rungs.map(({ name: rung, lost, kept, change }, index) => {
    const y = frame.top + (index + 0.5) * RUNG;
    const at = (rate: number): string => x(rate).toFixed(2);
    return element(
      "g",
      {},
      tooltip(
        `${rung}: ${kept === null ? "nowhere as before" : `as before at ${figure(kept)} bits a parameter`}, ${lost === null ? "never lost" : `lost from ${figure(lost)} on: ${change}`}`,
      ),
      label(frame.left - 10, y + 4, shorten(rung, wide ? 28 : 17), { class: "tag", "text-anchor": "end" }),
      kept === null ? "" : element("path", { d: `M${at(kept)} ${y}H${right}`, class: "line model solid" }),
      lost === null ? "" : element("path", { d: `M${frame.left} ${y}H${at(lost)}`, class: "line second broken" }),
      kept === null ? "" : element("circle", { cx: x(kept), cy: y, r: 4, class: "dot model" }),
      lost === null ? "" : element("circle", { cx: x(lost), cy: y, r: 4, class: "dot second hollow" }),
    );
  });
  const numbers = {
    head: ["figure", "still there at, bits a parameter", "lost from, bits a parameter", "change there"],
    rows: rungs.map((one) => [one.name, one.kept, one.lost, one.change]),
  };
  return drawing(
    `${name}: ${rungs.map((one) => `${one.name} ${one.lost === null ? "never lost" : `lost from ${figure(one.lost)} bits a parameter`}`).join("; ")}`,
    { width, height, className: `ladder ${form}`, numbers },
    axisX(x, bottom, { grid: frame.top }),
    label((frame.left + right) / 2, height - 6, "bits a parameter (logarithmic) →", {
      class: "title",
      "text-anchor": "middle",
    }),
    ...drawn,
  );
}
