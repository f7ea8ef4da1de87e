/**
 * Information planes of several models laid over each other (METHODS §12): held-out complexity across, expressivity up,
 * in bits, each model's layers as a path of one tone from its first layer (ringed) to its last. Pure.
 */
import type { Interval } from "../../profile/figures.ts";
import { interval } from "../format.ts";
import { axisX, axisY, extent, linear, note } from "./axis.ts";
import type { Tone } from "./lines.ts";
import { isDeep, LEAST_BITS, PLACE_HEADS, placesWithinError, turningPoints } from "./plane.ts";
import { drawing, element, label, pathData, tooltip, withEnds } from "./svg.ts";

export interface PlanePath {
  readonly name: string;
  readonly tone: Tone;
  readonly layers: readonly {
    readonly layer: number;
    readonly complexity: Interval;
    readonly expressivity: Interval;
  }[];
}

/** @param form `wide`: 720 units across; `narrow`: 344 */
export function planes(name: string, paths: readonly PlanePath[], form: "wide" | "narrow"): string {
  const wide = form === "wide";
  const width = wide ? 720 : 344;
  const height = wide ? 440 : 340;
  const frame = wide ? { left: 58, right: 20, top: 30, bottom: 56 } : { left: 38, right: 12, top: 30, bottom: 50 };
  const [right, bottom] = [width - frame.right, height - frame.bottom];
  const ends = (pick: "complexity" | "expressivity") =>
    paths.flatMap(({ layers }) => layers.flatMap((one) => [one[pick].value, one[pick].low, one[pick].high]));
  const x = linear(extent(ends("complexity"), { zero: true, least: LEAST_BITS }), [frame.left, right], wide ? 7 : 4);
  const y = linear(
    extent(ends("expressivity"), { zero: true, margin: 0.08, least: LEAST_BITS }),
    [bottom, frame.top],
    wide ? 6 : 5,
  );
  const drawn = paths.map(({ name: model, tone, layers }) => {
    const points = layers.map(({ complexity, expressivity }) =>
      complexity.value === null || expressivity.value === null
        ? null
        : ([x(complexity.value), y(expressivity.value)] as const),
    );
    const placed = points.flatMap((at, index) => (at ? [{ index, x: at[0], y: at[1] }] : []));
    const full = isDeep(placed.length) ? turningPoints(placed) : new Set(placed.keys());
    const quiet = new Set(placed.flatMap(({ index }, place) => (full.has(place) ? [] : [index])));
    const marks = layers.map(({ layer, complexity, expressivity }, index) => {
      const at = points[index];
      if (at === null) return "";
      const [cx, cy] = at;
      const across =
        complexity.low !== null && complexity.high !== null
          ? `M${x(complexity.low).toFixed(2)} ${cy.toFixed(2)}H${x(complexity.high).toFixed(2)}`
          : "";
      const up =
        expressivity.low !== null && expressivity.high !== null
          ? `M${cx.toFixed(2)} ${y(expressivity.low).toFixed(2)}V${y(expressivity.high).toFixed(2)}`
          : "";
      return element(
        "g",
        { class: quiet.has(index) ? "quiet" : undefined },
        tooltip(
          `${model}, layer ${layer}: complexity ${interval(complexity)} bits, expressivity ${interval(expressivity)} bits`,
        ),
        across || up ? element("path", { d: across + up, class: `error more ${tone}` }) : "",
        element("circle", {
          cx,
          cy,
          r: index === 0 ? 5 : quiet.size > 0 ? 2.8 : 3.6,
          class: `dot ${tone}${index === 0 ? " hollow" : ""}`,
        }),
      );
    });
    const ends = placed.filter((_, place) => place === 0 || place === placed.length - 1);
    const numbered = ends.map(({ index, x: cx, y: cy }) =>
      label(cx + 8, cy - 8, String(layers[index].layer), { class: "layer" }),
    );
    return element("path", { d: pathData(points), class: `line ${tone}` }) + marks.join("") + numbered.join("");
  });
  const numbers = {
    head: ["model", "layer", ...PLACE_HEADS],
    rows: paths.flatMap(({ name: model, layers }) =>
      layers.map((one) => [model, one.layer, ...withEnds(one.complexity), ...withEnds(one.expressivity)]),
    ),
  };
  return drawing(
    name,
    {
      width,
      height,
      className: `plane ${paths.some(({ layers }) => isDeep(layers.length)) ? "deep " : ""}${form}`,
      numbers,
    },
    axisY(y, frame.left, { grid: right }),
    axisX(x, bottom, { grid: frame.top }),
    label((frame.left + right) / 2, height - 8, "complexity: bits kept of the input →", {
      class: "title",
      "text-anchor": "middle",
    }),
    label(frame.left - (wide ? 40 : 32), frame.top - 14, "↑ expressivity, bits", { class: "title" }),
    ...drawn,
    note(frame.left + 6, bottom - 8, placesWithinError(paths.flatMap(({ layers }) => layers))),
  );
}
