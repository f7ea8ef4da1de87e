/**
 * What a byte of text costs with the model's own weights counted in, as the corpus grows (METHODS §1.1): the curve
 * bpb + 8·weights/n over a logarithmic corpus size n, the flat lines of the ordinary compressors, and where they cross.
 * Pure.
 */
import { figure, shorten, si } from "../format.ts";
import { axisX, axisY, inBytes, linear, logarithmic } from "./axis.ts";
import { drawing, element, label, pathData, tooltip } from "./svg.ts";

export interface Growth {
  readonly weightBytes: number;
  readonly bitsPerByte: number;
  /** bytes of the measured corpus */
  readonly corpusBytes: number;
  readonly baselines: readonly {
    readonly name: string;
    readonly bitsPerByte: number;
    readonly breakEven: number | null;
  }[];
}

const STEPS = 160;

/** @param form `wide`: 720 units across; `narrow`: 344 */
export function growth(name: string, given: Growth, form: "wide" | "narrow"): string {
  const wide = form === "wide";
  const width = wide ? 720 : 344;
  const height = wide ? 300 : 260;
  const frame = wide ? { left: 46, right: 120, top: 34, bottom: 50 } : { left: 30, right: 12, top: 34, bottom: 48 };
  const right = width - frame.right;
  const bottom = height - frame.bottom;
  const costAt = (bytes: number): number => given.bitsPerByte + (8 * given.weightBytes) / bytes;
  const crossings = given.baselines.flatMap((one) => (one.breakEven === null ? [] : [one.breakEven]));
  const least = Math.min(given.corpusBytes, given.weightBytes) / 3;
  const most = Math.max(given.corpusBytes, 100 * given.weightBytes, ...crossings) * 3;
  const top = Math.max(10, ...given.baselines.map((one) => one.bitsPerByte), given.bitsPerByte) * 1.2;
  const x = logarithmic([least, most], [frame.left, right], wide ? 8 : 4);
  const y = linear([0, top], [bottom, frame.top], 5);

  // the part of the curve above the frame is cut off where it enters it
  const entry = Math.max(least, (8 * given.weightBytes) / (top - given.bitsPerByte));
  const curve = Array.from({ length: STEPS + 1 }, (_, step) => {
    const bytes = entry * (most / entry) ** (step / STEPS);
    return [x(bytes), y(costAt(bytes))] as const;
  });
  const best = given.baselines.reduce<Growth["baselines"][number] | null>(
    (lowest, one) => (lowest === null || one.bitsPerByte < lowest.bitsPerByte ? one : lowest),
    null,
  );
  const flats = given.baselines.map((one) =>
    element(
      "line",
      {
        x1: frame.left,
        x2: right,
        y1: y(one.bitsPerByte),
        y2: y(one.bitsPerByte),
        class: one === best ? "reference best" : "reference",
      },
      tooltip(`${one.name}: ${figure(one.bitsPerByte)} bits per byte at any size`),
    ),
  );
  const crosses = given.baselines.map((one) =>
    one.breakEven === null
      ? ""
      : element(
          "circle",
          { cx: x(one.breakEven), cy: y(one.bitsPerByte), r: 4, class: "dot model hollow" },
          tooltip(`as small as ${one.name} from ${si(one.breakEven, "B")} of text`),
        ),
  );
  const here = costAt(given.corpusBytes);
  const off = here > top;
  const hereX = x(given.corpusBytes);
  // the two names at the right stand apart even where their lines nearly meet
  const modelY = y(given.bitsPerByte);
  const bestY = best ? y(best.bitsPerByte) : bottom;
  const push = wide ? Math.max(0, 15 - Math.abs(modelY - bestY)) / 2 : 0;
  const named = (text: string, at: number, upper: boolean, className: string): string =>
    wide
      ? label(right + 8, at + 4 + (upper ? -push : push), text, { class: className })
      : label(right, at + (upper ? -7 : 16), text, { class: className, "text-anchor": "end" });
  const numbers = {
    head: ["what", "bytes of text", "bits per byte"],
    rows: [
      ["this model and this text", given.corpusBytes, here],
      ...given.baselines.flatMap((one) => [
        [one.name, null, one.bitsPerByte],
        [`as small as ${one.name}`, one.breakEven, one.breakEven === null ? null : one.bitsPerByte],
      ]),
      ...Array.from({ length: STEPS + 1 }, (_, step) => {
        const bytes = entry * (most / entry) ** (step / STEPS);
        return ["this model", bytes, costAt(bytes)];
      }),
    ],
  };
  return drawing(
    name,
    { width, height, className: `growth ${form}`, numbers },
    axisY(y, frame.left, { grid: right }),
    axisX(x, bottom, { write: inBytes }),
    label((frame.left + right) / 2, height - 6, "size of the text (logarithmic) →", {
      class: "title",
      "text-anchor": "middle",
    }),
    label(wide ? 4 : 0, 14, "↑ bits per byte, weights counted in", { class: "title" }),
    ...flats,
    best ? named(shorten(best.name, 15), bestY, bestY < modelY, "tag") : "",
    element(
      "path",
      { d: pathData(curve), class: "line model" },
      tooltip(`this model and the text: ${figure(given.bitsPerByte)} + 8·weights/size`),
    ),
    named("this model", modelY, modelY <= bestY, "model tag"),
    element("line", { x1: hereX, x2: hereX, y1: frame.top, y2: bottom, class: "here" }),
    off
      ? element("path", { d: `M${hereX.toFixed(2)} ${frame.top - 6}l5 9h-10z`, class: "dot model" })
      : element("circle", { cx: hereX, cy: y(here), r: 4.5, class: "dot model" }),
    label(hereX + 9, off ? frame.top + 6 : frame.top + 10, `this text: ${figure(here)}`, { class: "tag" }),
    ...crosses,
  );
}
