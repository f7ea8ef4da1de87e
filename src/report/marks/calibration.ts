/**
 * What a model believes against how often it is right: a mark for each stretch of confidence, as large as its share of the
 * questions, beside the diagonal of a model that knows what it knows. Pure.
 */
import type { Facts } from "../../profile/facts.ts";
import { count, percent } from "../format.ts";
import { axisX, axisY, linear } from "./axis.ts";
import { drawing, element, label, tooltip, withEnds } from "./svg.ts";

const SIZE = 340;
const FRAME = { left: 50, right: 14, top: 12, bottom: 46 };
/** Radii of a mark that stands for no question and for all. */
const RADII = [2.5, 16] as const;

/** What a right answer and what is asked are called. */
interface Words {
  readonly right: string;
  readonly asked: string;
}

export function calibrationMark(
  name: string,
  bins: readonly Pick<Facts["calibration"]["bins"][number], "share" | "confidence" | "exact">[],
  { right: word, asked }: Words = { right: "exact", asked: "questions" },
): string {
  const [right, bottom] = [SIZE - FRAME.right, SIZE - FRAME.bottom];
  const x = linear([0, 1], [FRAME.left, right], 5);
  const y = linear([0, 1], [bottom, FRAME.top], 5);
  const write = (value: number): string => `${count(100 * value)}\u00a0%`;
  const marks = bins.map(({ share, confidence, exact }) => {
    if (confidence === null || exact.value === null) return "";
    const bar =
      exact.low === null || exact.high === null
        ? ""
        : element("path", {
            d: `M${x(confidence).toFixed(2)} ${y(exact.low).toFixed(2)}V${y(exact.high).toFixed(2)}`,
            class: "error model",
          });
    return element(
      "g",
      {},
      tooltip(`confidence ${percent(confidence)}: ${percent(exact.value)} ${word}, ${percent(share)} of the ${asked}`),
      bar,
      element("circle", {
        cx: x(confidence),
        cy: y(exact.value),
        r: RADII[0] + (RADII[1] - RADII[0]) * Math.sqrt(share),
        class: "dot model",
      }),
    );
  });
  const numbers = {
    head: ["confidence", `share of the ${asked}`, word, "low", "high"],
    rows: bins.map((one) => [one.confidence, one.share, ...withEnds(one.exact)]),
  };
  return drawing(
    `${name}: ${bins.flatMap(({ confidence, exact }) => (confidence === null ? [] : [`confidence ${percent(confidence)}, ${percent(exact.value)} ${word}`])).join("; ")}`,
    { width: SIZE, height: SIZE, className: "panel", numbers },
    axisY(y, FRAME.left, { write, grid: right }),
    axisX(x, bottom, { write }),
    element("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: "reference diagonal" }),
    label((FRAME.left + right) / 2, SIZE - 6, "its confidence →", { class: "title", "text-anchor": "middle" }),
    ...marks,
  );
}
