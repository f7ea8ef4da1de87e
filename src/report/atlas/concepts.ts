/** How two models lay out the same concepts (METHODS §12 Concepts), as blocks and as a section of the comparison's page. */
import type { Comparison } from "../../atlas/compare.ts";
import type { ConceptComparison } from "../../atlas/concepts.ts";
import type { Concepts } from "../../profile/concepts.ts";
import type { Interval } from "../../profile/figures.ts";
import type { Profile } from "../../profile/profile.ts";
import { besideChance, isAboveChance } from "../concepts.ts";
import { type Block, blocksMarkup, rows, text } from "../findings.ts";
import { counted, figure, interval, percent } from "../format.ts";
import { lines } from "../marks/lines.ts";
import { placesMap } from "../marks/map.ts";
import { element } from "../marks/svg.ts";
import { drawn, legend, numbers, paragraph, responsive, type Section } from "../sections/parts.ts";

const METHODS = "§12, §3.1";

/** What is said of two models' concepts, in sentences. Plain text. */
export function conceptTexts(model: string, baseline: string, found: ConceptComparison): string[] {
  const { concepts, others, layers, disparity, cka, moved } = found;
  const apart = others.some((count) => count > 0)
    ? ` (${counted(others[0], "other")} of ${baseline} and ${others[1]} of ${model} have no counterpart of the same texts)`
    : "";
  const where = `layer ${layers[0]} of ${baseline} and layer ${layers[1]} of ${model}`;
  if (disparity === null)
    return [
      `${counted(concepts.length, "concept")} that both have${apart} are one point at ${where}: no shapes to compare.`,
    ];
  const alike = isAboveChance(disparity)
    ? "have a shape in common"
    : "have no more of a shape in common than concepts matched by chance";
  const kept = moved.filter(({ left }) => isAboveChance(left)).length;
  const [first] = moved;
  return [
    `${counted(concepts.length, "concept")} that both have${apart}, at ${where}, ${alike}: Procrustes disparity ${besideChance(disparity)}${cka === null ? "" : `, linear CKA ${besideChance(cka)}`}.`,
    `${kept} of ${concepts.length} lie nearer to their counterpart than concepts matched by chance do. ${first.concept} moved most: ${percent(first.share)} of all that is left.`,
  ];
}

/** The same, and what moved in numbers. */
export function conceptBlocks(model: string, baseline: string, found: ConceptComparison): Block[] {
  const { moved, relations, byDepth } = found;
  const movedRow = (name: string, { left, share }: (typeof moved)[number] | (typeof relations)[number]): string[] => [
    name,
    percent(share),
    figure(left.value),
    figure(left.chance),
    figure(left.p, 2),
  ];
  const every = Math.max(1, Math.ceil(byDepth.length / 8));
  return [
    ...conceptTexts(model, baseline, found).map(text),
    ...(moved.length > 0
      ? [
          rows(
            `What is left of each concept once ${model} is laid over ${baseline}, the most first`,
            ["concept", "share of it", "left", "by chance", "p"],
            moved.map((one) => movedRow(one.concept, one)),
          ),
          rows(
            "What is left of the step between two, the most first",
            ["relation", "of a disparity", "left", "by chance", "p"],
            relations.map((one) => movedRow(`${one.from} – ${one.to}`, one)),
          ),
        ]
      : []),
    rows(
      "Shapes at equal depth",
      [`layer of ${baseline}`, `layer of ${model}`, "disparity", "linear CKA"],
      byDepth
        .filter((_, place) => place % every === 0 || place === byDepth.length - 1)
        .map((one) => [String(one.baseline), String(one.model), figure(one.disparity), figure(one.cka)]),
    ),
  ];
}

type Layer = Concepts["layers"][number];
type Side = { readonly name: string; readonly concepts: Concepts };

/** A figure of both models over the baseline's layers, the model's taken at equal depth. */
function panel(
  title: string,
  found: ConceptComparison,
  [baseline, model]: readonly [Side, Side],
  of: (layer: Layer) => { readonly shown: Interval; readonly told: boolean },
): string {
  const own = found.byDepth.map((one) => of(baseline.concepts.layers[one.baseline]));
  const other = found.byDepth.map((one) => of(model.concepts.layers[one.model]));
  return drawn(
    title,
    lines(
      title,
      found.byDepth.map((one) => one.baseline),
      [
        { side: baseline, values: own, tone: "second" as const },
        { side: model, values: other, tone: "model" as const },
      ].map(({ side, values, tone }) => ({
        name: side.name,
        tone,
        style: "solid" as const,
        values: values.map(({ shown }) => shown),
        hollow: values.map(({ told }) => !told),
      })),
      { least: 0.1 },
    ),
  );
}

const alone = (value: number | null): Interval => ({ value, low: null, high: null });

function beside(found: ConceptComparison, sides: readonly [Side, Side]): string {
  const [baseline, model] = sides;
  const shapes = "Shapes at equal depth";
  const maps = sides.map(({ name, concepts: { map } }) => {
    const title = `Concepts of ${name} at layer ${map.layer}`;
    return drawn(
      title,
      responsive((form) => placesMap(title, map.places, map.shares, form)),
    );
  });
  return (
    element(
      "div",
      { class: "panels" },
      panel("Silhouette, by cosine distance", found, sides, ({ silhouette, silhouetteInterval }) => ({
        shown: silhouetteInterval,
        told: isAboveChance(silhouette),
      })),
      panel("Purity of the five nearest", found, sides, ({ purity, purityInterval }) => ({
        shown: purityInterval,
        told: isAboveChance(purity),
      })),
      panel("Told by a linear classifier", found, sides, ({ separability }) => ({ shown: separability, told: true })),
      drawn(
        shapes,
        lines(
          shapes,
          found.byDepth.map((one) => one.baseline),
          [
            {
              name: "linear CKA",
              tone: "third",
              style: "solid",
              values: found.byDepth.map(({ cka }) => alone(cka)),
            },
            {
              name: "Procrustes disparity",
              tone: "fourth",
              style: "solid",
              values: found.byDepth.map(({ disparity }) => alone(disparity)),
            },
          ],
          { least: 0.1 },
        ),
      ),
    ) +
    legend([
      { name: baseline.name, mark: "dot second" },
      { name: model.name, mark: "dot" },
      { name: "linear CKA of the two", mark: "dot third" },
      { name: "Procrustes disparity", mark: "dot fourth" },
      { name: "within chance (p > 0.05)", mark: "hollow" },
    ]) +
    maps.join("")
  );
}

/** @returns null where no two profiles have concepts in common */
export function conceptsBesideSection({ models, pairs }: Comparison, profiles: readonly Profile[]): Section | null {
  const baseline = models[0].model;
  const parts = pairs.flatMap(({ model, concepts: found }, index) => {
    const [own, other] = [profiles[0].concepts, profiles[index + 1].concepts];
    if (found === null || !own || !other) return [];
    const sides = [
      { name: baseline, concepts: own },
      { name: model, concepts: other },
    ] as const;
    const blocks = conceptBlocks(model, baseline, found);
    return [
      conceptTexts(model, baseline, found).map((sentence, place) =>
        paragraph(sentence, place === 0 ? "lede" : undefined),
      ),
      beside(found, sides),
      bestLayers(sides),
      numbers(blocksMarkup(blocks.filter(({ kind }) => kind === "table"))),
    ].flat();
  });
  if (parts.length === 0) return null;
  return {
    id: "concepts",
    title: "Whether they lay out concepts alike",
    methods: METHODS,
    body: parts.join(""),
    means: [
      "Both models placed the same words and passages. Their concepts' means are laid over each other, turned, mirrored and scaled so that as little as can be is left: a disparity of 0 is one shape, 1 nothing in common. Beside it stands what is left where concepts are matched by chance.",
      "Figures of the second model are drawn at the layer that lies as deep in it.",
    ],
    misread: [
      "A shape in common is not the same knowledge: a few families of concepts that lie apart make most of it.",
      "What moved most moved against the others: where one concept goes astray, all are laid a little off.",
    ],
  };
}

function bestLayers(sides: readonly [Side, Side]): string {
  return paragraph(
    `${sides
      .map(({ name, concepts: { layers, map } }) => {
        const { silhouetteInterval, separability } = layers[map.layer];
        return `${name} at layer ${map.layer}: silhouette ${interval(silhouetteInterval)}, told linearly ${percent(separability.value)}`;
      })
      .join("; ")}.`,
    "small",
  );
}
