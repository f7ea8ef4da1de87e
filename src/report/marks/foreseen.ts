/**
 * True scores (up) against foreseen ones (across), one mark a model, both axes of one scale with the line on which they
 * agree. The four largest families have a tone each, the rest are faint. Pure.
 */
import { groupBy } from "../../numeric/groups.ts";
import { figure } from "../format.ts";
import { axisX, axisY, extent, linear, note, withinError } from "./axis.ts";
import { drawing, element, label, tooltip } from "./svg.ts";

export interface ForeseenMark {
  readonly model: string;
  readonly family: string;
  readonly score: number;
  readonly foreseen: number;
}

const TONES = ["model", "second", "third", "fourth"] as const;

/** @param form `wide`: 720 units across; `narrow`: 344 */
export function foreseen(name: string, marks: readonly ForeseenMark[], form: "wide" | "narrow"): string {
  const wide = form === "wide";
  const width = wide ? 720 : 344;
  const height = wide ? 440 : 330;
  const frame = wide ? { left: 58, right: 150, top: 30, bottom: 52 } : { left: 40, right: 12, top: 30, bottom: 50 };
  const [right, bottom] = [width - frame.right, height - frame.bottom];
  const range = extent(marks.flatMap(({ score, foreseen: value }) => [score, value]));
  const x = linear(range, [frame.left, right], wide ? 6 : 4);
  const alone = (value: number) => ({ value, low: null, high: null });
  const chance = withinError(marks.map(({ score }) => alone(score)));
  const y = linear(range, [bottom, frame.top], 5);
  const [low, high] = x.domain;
  const families = [...groupBy(marks, ({ family }) => family)]
    .sort(([, a], [, b]) => b.length - a.length)
    .slice(0, TONES.length)
    .map(([family]) => family);
  const toneOf = (family: string): string => TONES[families.indexOf(family)] ?? "faint";
  const key = wide
    ? [...families, ...(marks.some(({ family }) => !families.includes(family)) ? ["other families"] : [])].map(
        (family, index) =>
          element("circle", {
            cx: right + 18,
            cy: frame.top + 10 + 22 * index,
            r: 4.5,
            class: `dot ${toneOf(family)}`,
          }) + label(right + 30, frame.top + 14 + 22 * index, family, { class: "tag" }),
      )
    : [];
  const numbers = {
    head: ["model", "family", "score", "foreseen"],
    rows: marks.map(({ model, family, score, foreseen: value }) => [model, family, score, value]),
  };
  return drawing(
    name,
    { width, height, className: `foreseen ${form}`, numbers },
    axisY(y, frame.left, { grid: right }),
    axisX(x, bottom, { grid: frame.top }),
    label((frame.left + right) / 2, height - 6, "foreseen without its family →", {
      class: "title",
      "text-anchor": "middle",
    }),
    label(wide ? 4 : 0, 14, "↑ true score", { class: "title" }),
    element("line", { x1: x(low), y1: y(low), x2: x(high), y2: y(high), class: "reference diagonal" }),
    ...marks.map(({ model, family, score, foreseen: value }) =>
      element(
        "g",
        {},
        tooltip(`${model} (${family}): ${figure(score)}, foreseen ${figure(value)}`),
        element("circle", { cx: x(value), cy: y(score), r: 4.5, class: `dot ${toneOf(family)}` }),
      ),
    ),
    ...key,
    note(frame.left + 6, frame.top + 12, chance),
  );
}
