/**
 * A training run through the information plane (METHODS §2.8): the path of the mean over blocks from checkpoint to checkpoint,
 * the path of every layer faintly under it, and for each step a group of its own with that step's layers, of which the page
 * shows one (`class="at-step"`, `data-at` its place). Pure.
 *
 * Memory: about 250 bytes of markup a step and layer.
 */
import type { Interval } from "../../profile/figures.ts";
import {
  errorBars,
  isDeep,
  type LayerDot,
  layerDots,
  layerNumbers,
  PLACE_HEADS,
  type PlaneReferences,
  planeGround,
  someLayers,
} from "./plane.ts";
import { drawing, element, label, pathData, tooltip, withEnds } from "./svg.ts";

/** Complexity and expressivity in bits. */
export interface Place {
  readonly complexity: Interval;
  readonly expressivity: Interval;
}

export interface RunStep {
  /** as it is written where the path begins */
  readonly name: string;
  readonly mean: Place & { readonly detail: string };
  /** layer 0 first, as many at every step */
  readonly layers: readonly (Place & { readonly hollow: boolean; readonly detail: string })[];
}

/**
 * @param shown place of the step that is shown at first
 * @param form `wide`: 720 units across; `narrow`: 344
 */
export function runPlane(
  name: string,
  steps: readonly RunStep[],
  lnM: number,
  references: PlaneReferences | null,
  shown: number,
  form: "wide" | "narrow",
): string {
  const places = steps.flatMap(({ mean, layers }) => [mean, ...layers]);
  const ground = planeGround(
    places.flatMap(({ complexity: { value, low, high } }) => [value, low, high]),
    places.flatMap(({ expressivity: { value, low, high } }) => [value, low, high]),
    lnM,
    references,
    true,
    form,
  );
  const { width, height, wide, x, y } = ground;
  const centreOf = ({ complexity, expressivity }: Place) =>
    complexity.value === null || expressivity.value === null
      ? null
      : { x: x(complexity.value), y: y(expressivity.value) };
  const through = (path: readonly Place[], className: string, more = ""): string => {
    const points = path.map(centreOf).map((at) => (at ? ([at.x, at.y] as const) : null));
    return element("path", { d: pathData(points), class: className }, more);
  };

  const courses = someLayers(steps[0]?.layers.length ?? 0).map((layer) =>
    through(
      steps.map(({ layers }) => layers[layer]),
      "course",
      tooltip(`layer ${layer}, from the first step to the last`),
    ),
  );
  const means = steps.map(({ mean }) => {
    const at = centreOf(mean);
    return at
      ? element("circle", { cx: at.x, cy: at.y, r: wide ? 3 : 2.4, class: "dot fourth" }, tooltip(mean.detail))
      : "";
  });
  const begin = steps[0] && centreOf(steps[0].mean);
  const deep = isDeep(steps[0]?.layers.length ?? 0);
  const moments = steps.map(({ mean, layers }, place) => {
    const centres = layers.map(centreOf);
    const dots = layers.flatMap((layer, index): LayerDot[] => {
      const at = centres[index];
      if (at === null) return [];
      const bars = errorBars(layer, at, ground);
      const more = bars === "" ? "" : element("path", { d: bars, class: "error depth" });
      return [{ ...at, layer: index, hollow: layer.hollow, detail: layer.detail, more }];
    });
    const at = centreOf(mean);
    return element(
      "g",
      { class: place === shown ? "at-step now" : "at-step", "data-at": place },
      through(layers, "trail"),
      layerDots(dots, layers.length, wide ? 5 : 4),
      layerNumbers(centres.flatMap((centre, layer) => (centre ? [{ layer, ...centre }] : []))),
      at ? element("circle", { cx: at.x, cy: at.y, r: wide ? 7 : 6, class: "ring fourth" }, tooltip(mean.detail)) : "",
    );
  });
  const row = (step: string, layer: string | number, { complexity, expressivity }: Place) => [
    step,
    layer,
    ...withEnds(complexity),
    ...withEnds(expressivity),
  ];
  const numbers = {
    head: ["step", "layer", ...PLACE_HEADS],
    rows: steps.flatMap((step) => [
      row(step.name, "mean over the blocks", step.mean),
      ...step.layers.map((layer, index) => row(step.name, index, layer)),
    ]),
  };
  return drawing(
    name,
    { width, height, className: `plane ${deep ? "deep " : ""}${form}`, numbers },
    ground.drawn,
    ...courses,
    through(
      steps.map(({ mean }) => mean),
      "line fourth",
    ),
    ...means,
    begin ? label(begin.x + 9, begin.y + 15, steps[0].name, { class: "tag" }) : "",
    ...moments,
  );
}
