/**
 * What a smaller text costs in weights: candidates by their weights (logarithmic, across) and bits per byte (up, fewer is
 * lower), with error bars; those that nothing dominates filled and joined by a line, the others hollow. Pure.
 */
import type { Interval } from "../../profile/figures.ts";
import { interval, shorten, si } from "../format.ts";
import { axisX, axisY, beyondError, extent, inBytes, linear, logarithmic, note, withinError } from "./axis.ts";
import { drawing, element, label, pathData, tooltip, withEnds } from "./svg.ts";

export interface TradeMark {
  readonly name: string;
  readonly weightBytes: number;
  readonly bitsPerByte: Interval & { readonly value: number };
  readonly standing: "recommended" | "frontier" | "other";
}

/** @param form `wide`: 720 units across; `narrow`: 344 */
export function trade(name: string, marks: readonly TradeMark[], form: "wide" | "narrow"): string {
  const wide = form === "wide";
  const width = wide ? 720 : 344;
  const height = wide ? 380 : 320;
  const frame = wide ? { left: 58, right: 24, top: 34, bottom: 52 } : { left: 40, right: 14, top: 34, bottom: 50 };
  const [right, bottom] = [width - frame.right, height - frame.bottom];
  const sizes = marks.map(({ weightBytes }) => weightBytes);
  const x = logarithmic([Math.min(...sizes) / 3, Math.max(...sizes) * 3], [frame.left, right], wide ? 8 : 4);
  const bits = marks.map(({ bitsPerByte }) => bitsPerByte);
  const chance = withinError(bits);
  const y = linear(
    extent(
      marks.flatMap(({ bitsPerByte: { value, low, high } }) => [value, low, high]),
      { margin: 0.15, least: chance === null ? 0 : beyondError(bits) },
    ),
    [bottom, frame.top],
    5,
  );
  const line = marks
    .filter(({ standing }) => standing !== "other")
    .sort((a, b) => a.weightBytes - b.weightBytes)
    .map((mark) => [x(mark.weightBytes), y(mark.bitsPerByte.value)] as const);
  const drawn = marks.map(({ name: model, weightBytes, bitsPerByte, standing }) => {
    const [cx, cy] = [x(weightBytes), y(bitsPerByte.value)];
    const { low, high } = bitsPerByte;
    const tone = standing === "other" ? "faint" : "model";
    const end = cx > (frame.left + right) / 2;
    return element(
      "g",
      {},
      tooltip(`${model}: ${interval(bitsPerByte)} bits per byte, ${si(weightBytes, "B")} of weights`),
      low !== null && high !== null
        ? element("path", { d: `M${cx.toFixed(2)} ${y(low).toFixed(2)}V${y(high).toFixed(2)}`, class: `error ${tone}` })
        : "",
      element("circle", {
        cx,
        cy,
        r: standing === "recommended" ? 7 : 4.5,
        class: `dot ${tone}${standing === "other" ? " hollow" : ""}`,
      }),
      label(cx + (end ? -11 : 11), cy - 7, shorten(model, wide ? 40 : 22), {
        class: "tag",
        "text-anchor": end ? "end" : "start",
      }),
    );
  });
  const numbers = {
    head: ["model", "bytes of weights", "bits per byte", "low", "high", "standing"],
    rows: marks.map((one) => [one.name, one.weightBytes, ...withEnds(one.bitsPerByte), one.standing]),
  };
  return drawing(
    name,
    { width, height, className: `trade ${form}`, numbers },
    axisY(y, frame.left, { grid: right }),
    axisX(x, bottom, { write: inBytes }),
    label((frame.left + right) / 2, height - 6, "weights (logarithmic) →", { class: "title", "text-anchor": "middle" }),
    label(wide ? 4 : 0, 14, "↑ bits per byte", { class: "title" }),
    element("path", { d: pathData(line), class: "trail" }),
    ...drawn,
    note(frame.left + 6, bottom - 8, chance),
  );
}
