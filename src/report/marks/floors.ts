/**
 * The stretch between the almanac's two floors on a line of bits per byte (METHODS §9): filled as far as the model knows
 * the world, pale where it does not, and under it the way from the model's bits per byte to the point where they would be
 * without its clumsiness. Pure.
 */
import type { Interval } from "../../profile/figures.ts";
import { figure, interval, percent } from "../format.ts";
import { axisX, extent, linear } from "./axis.ts";
import { drawing, element, label, tooltip } from "./svg.ts";

export interface FloorsMark {
  readonly bitsPerByte: Interval;
  readonly floorKnown: number;
  readonly floorUnknown: number;
  /** bits per byte lost to clumsiness with the language; null where it is not known */
  readonly gap: number | null;
  /** of knowledge, as it is filled in */
  readonly share: number;
}

const BAND = { top: 44, height: 28 };
const WAY = 104;
/** Width of a letter at most, on average. */
const CHARACTER = 7.2;

/** @param form `wide`: 720 units across; `narrow`: 344 */
export function floors(name: string, given: FloorsMark, form: "wide" | "narrow"): string {
  const width = form === "wide" ? 720 : 344;
  const height = 190;
  const { bitsPerByte, floorKnown, floorUnknown, gap, share } = given;
  const model = bitsPerByte.value!;
  const clean = model - (gap ?? 0);
  const x = linear(
    extent([floorKnown, floorUnknown, model, clean, bitsPerByte.low, bitsPerByte.high], { margin: 0.04 }),
    [6, width - 6],
    form === "wide" ? 8 : 4,
  );
  // a share under 0 fills nothing, one over 1 everything
  const reached = Math.min(Math.max(clean, floorKnown), floorUnknown);
  const stretch = (from: number, to: number, className: string): string =>
    element("rect", {
      x: x(from),
      y: BAND.top,
      width: Math.max(0, x(to) - x(from)),
      height: BAND.height,
      class: `bar ${className}`,
    });
  /** Beginning at its place, or, in the right half, ending there; inside the drawing in any case. */
  const tag = (value: number, y: number, text: string, className: string): string => {
    const length = text.length * CHARACTER;
    return x(value) > width / 2
      ? label(Math.max(x(value), length), y, text, { class: className, "text-anchor": "end" })
      : label(Math.min(x(value), width - length), y, text, { class: className });
  };
  const leader = (value: number, from: number, to: number): string =>
    element("line", { x1: x(value), x2: x(value), y1: from, y2: to, class: "here" });
  const whisker =
    bitsPerByte.low !== null && bitsPerByte.high !== null
      ? element("path", {
          d: `M${x(bitsPerByte.low).toFixed(2)} ${WAY - 7}v14M${x(bitsPerByte.low).toFixed(2)} ${WAY}H${x(bitsPerByte.high).toFixed(2)}m0 -7v14`,
          class: "error second",
        })
      : "";
  const clumsiness =
    gap === null
      ? ""
      : element(
          "g",
          {},
          tooltip(`clumsiness with the language: ${figure(gap)} bits per byte`),
          element("line", { x1: x(clean), x2: x(model), y1: WAY, y2: WAY, class: "way" }),
          leader(clean, BAND.top + BAND.height, WAY + 6),
        );
  return drawing(
    name,
    { width, height, className: `floors ${form}` },
    axisX(x, height - 36),
    label(width / 2, height - 4, "bits per byte", { class: "tick", "text-anchor": "middle" }),
    element("g", {}, tooltip(`not known: ${percent(1 - share)}`), stretch(floorKnown, reached, "raw")),
    element("g", {}, tooltip(`known: ${percent(share)}`), stretch(reached, floorUnknown, "model")),
    leader(floorUnknown, 18, BAND.top),
    leader(floorKnown, 34, BAND.top),
    tag(floorUnknown, 13, `${figure(floorUnknown)} without the world`, "tag"),
    tag(floorKnown, 32, `${figure(floorKnown)} knowing all of it`, "tag"),
    clumsiness,
    element(
      "g",
      {},
      tooltip(`the model: ${interval(bitsPerByte)} bits per byte`),
      whisker,
      element("circle", { cx: x(model), cy: WAY, r: 5, class: "dot second" }),
    ),
    tag(
      model,
      WAY + 26,
      `${figure(model)} the model${gap === null ? "" : `, ${figure(gap)} of it clumsiness`}`,
      "second tag",
    ),
  );
}
