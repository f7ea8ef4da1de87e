/**
 * Shares over a few named steps (prompts of 8, 16, 32 tokens; passages met once, twice, four times), each step as far from the
 * next: lines with error bars on a scale from zero. Sized for a grid of panels. Pure.
 */
import type { Interval } from "../../profile/figures.ts";
import { percent } from "../format.ts";
import { axisY, extent, linear, note, withinError } from "./axis.ts";
import type { Tone } from "./lines.ts";
import { drawing, element, label, pathData, tooltip, withEnds } from "./svg.ts";

export interface StepLine {
  readonly name: string;
  readonly tone: Tone;
  readonly style: "solid" | "broken";
  /** [steps]; null: not defined there */
  readonly values: readonly (Interval | null)[];
}

const WIDTH = 340;
const HEIGHT = 208;
const FRAME = { left: 52, right: 12, top: 12, bottom: 46 };
/** Where nothing is above zero the scale ends here. */
const LEAST = 0.05;
/** Units that a character of a step's name takes, and between the marks of two lines. */
const CHARACTER = 7.5;
const ASIDE = 5;

/**
 * @param steps names under the axis
 * @param across what they are
 */
export function stepLines(name: string, steps: readonly string[], across: string, given: readonly StepLine[]): string {
  const [right, bottom] = [WIDTH - FRAME.right, HEIGHT - FRAME.bottom];
  const ends = given.flatMap(({ values }) => values.flatMap((one) => [one?.value, one?.high]));
  const y = linear([0, Math.max(LEAST, Math.min(1, extent(ends, { zero: true })[1]))], [bottom, FRAME.top], 4);
  const chance = withinError(
    given.flatMap(({ values }) => values),
    { zero: true, least: LEAST },
  );
  const step = (right - FRAME.left) / steps.length;
  const at = (index: number): number => FRAME.left + (index + 0.5) * step;
  /** names that would run into each other are left out, every second of them or more */
  const every = Math.ceil((Math.max(...steps.map((one) => one.length)) * CHARACTER) / step);
  const written = ({ value, low, high }: Interval): string =>
    low === null || high === null ? percent(value) : `${percent(value)} (${percent(low)} to ${percent(high)})`;
  const drawn = given.map(({ name: line, tone, style, values }, which) => {
    // lines that coincide stay apart
    const aside = (which - (given.length - 1) / 2) * ASIDE;
    const points = values.map((one, index) =>
      one === null || one.value === null ? null : ([at(index) + aside, y(one.value)] as const),
    );
    const marks = values.map((one, index) => {
      const point = points[index];
      if (point === null || one === null) return "";
      const bar =
        one.low === null || one.high === null
          ? ""
          : element("path", {
              d: `M${point[0].toFixed(2)} ${y(one.low).toFixed(2)}V${y(one.high).toFixed(2)}`,
              class: `error ${tone}`,
            });
      const mark = element("circle", { cx: point[0], cy: point[1], r: 3.4, class: `dot ${tone}` });
      return element("g", {}, tooltip(`${across} ${steps[index]}, ${line}: ${written(one)}`), bar, mark);
    });
    return element("path", { d: pathData(points), class: `line ${tone} ${style}` }) + marks.join("");
  });
  const said = given.map((one) => `${one.name} ${one.values.map((value) => percent(value?.value ?? null)).join(", ")}`);
  const numbers = {
    head: [across, "line", "share", "low", "high"],
    rows: given.flatMap(({ name: line, values }) =>
      values.flatMap((one, index) => (one === null ? [] : [[steps[index], line, ...withEnds(one)]])),
    ),
  };
  return drawing(
    `${name}, by ${across} ${steps.join(", ")}: ${said.join("; ")}`,
    { width: WIDTH, height: HEIGHT, className: "panel", numbers },
    axisY(y, FRAME.left, { grid: right, write: (value) => percent(value) }),
    element("line", { x1: FRAME.left, x2: right, y1: bottom, y2: bottom, class: "zero" }),
    ...steps.map((one, index) =>
      index % every === 0 ? label(at(index), bottom + 17, one, { class: "tick", "text-anchor": "middle" }) : "",
    ),
    label((FRAME.left + right) / 2, HEIGHT - 5, across, { class: "tick", "text-anchor": "middle" }),
    ...drawn,
    note(FRAME.left + 4, FRAME.top + 4, chance),
  );
}
