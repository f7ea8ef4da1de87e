/**
 * One score (up) against several predictors (across), a panel each on a common scale of the score, one mark a model. The
 * four largest families have a tone and a shape each, the rest are faint. Pure.
 */
import { groupBy } from "../../numeric/groups.ts";
import { figure } from "../format.ts";
import { axisX, axisY, extent, inSteps, linear, logarithmic, type Scale, withinError } from "./axis.ts";
import { drawing, element, label, pathData, tooltip } from "./svg.ts";

export interface MultiplesModel {
  readonly model: string;
  readonly family: string;
  readonly score: number;
  /** values of the predictors, in the order of the panels */
  readonly values: readonly number[];
}

export interface Panel {
  readonly title: string;
  /** under the title */
  readonly note: string;
  readonly scale: "linear" | "ln";
}

const TONES = ["model", "second", "third", "fourth"] as const;
/** Shapes of about one area: where the pen goes down from the middle, and its way. */
const SHAPES = [
  { from: [-4.4, 0], way: "a4.4 4.4 0 1 0 8.8 0a4.4 4.4 0 1 0 -8.8 0Z" },
  { from: [-3.9, -3.9], way: "h7.8v7.8h-7.8Z" },
  { from: [0, -5.6], way: "l5.4 9.2h-10.8Z" },
  { from: [0, -5.6], way: "l5.6 5.6l-5.6 5.6l-5.6 -5.6Z" },
] as const;

/** About four ticks; on a logarithmic scale of less than a hundredfold some between powers of ten. */
function acrossScale(values: readonly number[], range: readonly [number, number], scale: Panel["scale"]): Scale {
  if (scale === "linear") return linear(extent(values), range, 4);
  const [low, high] = extent(values.map(Math.log10)).map((exponent) => 10 ** exponent);
  const map = logarithmic([low, high], range);
  if (high > 100 * low) {
    const apart = Math.ceil(map.ticks.length / 5);
    return Object.assign(map, { ticks: map.ticks.filter((_, index) => index % apart === 0) });
  }
  const first = Math.floor(Math.log10(low));
  const ticks = [first, first + 1, first + 2].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
  return Object.assign(map, { ticks: ticks.filter((tick) => tick >= low && tick <= high) });
}

/** @param form `wide`: three panels across in 720 units; `narrow`: one in 344 */
export function multiples(
  name: string,
  score: string,
  panels: readonly Panel[],
  models: readonly MultiplesModel[],
  form: "wide" | "narrow",
): string {
  const [columns, across] = form === "wide" ? [3, 236] : [1, 340];
  const up = 232;
  const frame = { left: 34, right: 10, top: 48, bottom: 34 };
  const families = [...groupBy(models, ({ family }) => family)]
    .sort(([, a], [, b]) => b.length - a.length)
    .map(([family]) => family);
  const shown = Math.min(families.length, TONES.length);
  const toneOf = (family: string): string => TONES[families.indexOf(family)] ?? "faint";
  const mark = (x: number, y: number, family: string): string => {
    const { from, way } = SHAPES[families.indexOf(family)] ?? SHAPES[0];
    return element("path", { d: pathData([[x + from[0], y + from[1]]]) + way, class: `dot ${toneOf(family)}` });
  };
  const heights = extent(models.map((one) => one.score));
  const chance = withinError(models.map(({ score: value }) => ({ value, low: null, high: null })));
  const top = 30;
  const drawn = panels.map(({ title, note, scale }, panel) => {
    const [left, start] = [(panel % columns) * (across + 4), top + Math.floor(panel / columns) * up];
    const values = models.map((one) => one.values[panel]);
    const x = acrossScale(values, [left + frame.left, left + across - frame.right], scale);
    const y = linear(heights, [start + up - frame.bottom, start + frame.top], 4);
    return element(
      "g",
      {},
      label(left + frame.left, start + 18, title, { class: "layer" }),
      label(left + frame.left, start + 35, note, { class: "tick" }),
      axisY(y, left + frame.left, { grid: left + across - frame.right }),
      axisX(x, start + up - frame.bottom, scale === "ln" ? { write: inSteps } : {}),
      ...models.map((one, index) =>
        element(
          "g",
          {},
          tooltip(`${one.model} (${one.family}): ${figure(one.score)} at ${figure(values[index])}`),
          mark(x(values[index]), y(one.score), one.family),
        ),
      ),
    );
  });
  const key = families.slice(0, shown).map((family, index) => {
    const x = (form === "wide" ? 150 : 84) * index + frame.left + 6;
    return mark(x, 12, family) + label(x + 11, 16, family, { class: "tag" });
  });
  const rows = Math.ceil(panels.length / columns);
  const numbers = {
    head: ["model", "family", score, ...panels.map(({ title }) => title)],
    rows: models.map((one) => [one.model, one.family, one.score, ...one.values.slice(0, panels.length)]),
  };
  return drawing(
    name,
    { width: columns * (across + 4) - 4, height: top + rows * up + 12, className: `multiples ${form}`, numbers },
    ...key,
    ...drawn,
    label(0, top + rows * up + 8, chance === null ? `↑ ${score}` : `↑ ${score}; ${chance}`, { class: "title" }),
  );
}
