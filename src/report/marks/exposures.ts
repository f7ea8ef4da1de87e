/**
 * A share by exposure: from once to a thousand times, each a step of its own, with error bars, on a scale that holds zero
 * and one. Pure.
 */
import type { Interval } from "../../profile/figures.ts";
import { count, interval } from "../format.ts";
import { axisY, linear } from "./axis.ts";
import { drawing, element, label, pathData, tooltip, withEnds } from "./svg.ts";

export interface ExposureLine {
  readonly name: string;
  readonly tone: "model" | "second" | "third" | "fourth" | "faint";
  /** [exposures] */
  readonly values: readonly Interval[];
}

/** Room of a number under its step. */
const LEAST_STEP = 32;

const asShare = ({ value, low, high }: Interval): string =>
  interval({
    value: value === null ? null : value * 100,
    low: low === null ? null : low * 100,
    high: high === null ? null : high * 100,
  });

/** @param form `wide`: 720 units across; `narrow`: 344 */
export function exposureLines(
  name: string,
  exposures: readonly number[],
  given: readonly ExposureLine[],
  form: "wide" | "narrow",
): string {
  const wide = form === "wide";
  const width = wide ? 720 : 344;
  const height = wide ? 280 : 240;
  const frame = wide ? { left: 52, right: 20, top: 14, bottom: 46 } : { left: 44, right: 10, top: 14, bottom: 44 };
  const [right, bottom] = [width - frame.right, height - frame.bottom];
  const ends = given.flatMap(({ values }) => values.flatMap(({ value, low, high }) => [value, low, high]));
  const known = ends.filter((end) => end !== null);
  const y = linear([Math.min(0, ...known), Math.max(1, ...known)], [bottom, frame.top], 5);
  const step = (right - frame.left) / exposures.length;
  const every = step < LEAST_STEP ? 2 : 1;
  const at = (index: number): number => frame.left + (index + 0.5) * step;
  const level = (value: number): string =>
    element("line", { x1: frame.left, x2: right, y1: y(value), y2: y(value), class: "zero" });
  const numbers = {
    head: ["exposures", "line", "share", "low", "high"],
    rows: given.flatMap(({ name: line, values }) =>
      values.map((one, index) => [exposures[index], line, ...withEnds(one)]),
    ),
  };
  return drawing(
    name,
    { width, height, className: `exposures ${form}`, numbers },
    axisY(y, frame.left, { grid: right, write: (value) => `${count(100 * value)}\u00a0%` }),
    level(0),
    level(1),
    ...exposures.map((one, index) =>
      index % every > 0 ? "" : label(at(index), bottom + 17, count(one), { class: "tick", "text-anchor": "middle" }),
    ),
    label((frame.left + right) / 2, height - 4, "times that training told the facts →", {
      class: "title",
      "text-anchor": "middle",
    }),
    ...given.map(({ name: line, tone, values }) => {
      const points = values.map(({ value }, index) => (value === null ? null : ([at(index), y(value)] as const)));
      const marks = values.map((one, index) => {
        const point = points[index];
        if (point === null) return "";
        const bar =
          one.low === null || one.high === null
            ? ""
            : element("path", {
                d: `M${point[0].toFixed(2)} ${y(one.low).toFixed(2)}V${y(one.high).toFixed(2)}`,
                class: `error ${tone}`,
              });
        return element(
          "g",
          {},
          tooltip(`exposure ${count(exposures[index])}, ${line}: ${asShare(one)} %`),
          bar,
          element("circle", { cx: point[0], cy: point[1], r: 4, class: `dot ${tone}` }),
        );
      });
      return element("path", { d: pathData(points), class: `line ${tone}` }) + marks.join("");
    }),
  );
}
