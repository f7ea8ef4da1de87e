/** Report section on concepts: how they lie in every layer, beside shuffled labels, and which units they share (METHODS §3.1, §4). */
import type { Concepts, Sharing } from "../../profile/concepts.ts";
import type { Interval } from "../../profile/figures.ts";
import type { Profile } from "../../profile/profile.ts";
import { besideChance, conceptFindings, conceptsClaim, isAboveChance } from "../concepts.ts";
import { ABSENT, count, counted, figure, percent, sentence } from "../format.ts";
import { lines, type Tone } from "../marks/lines.ts";
import { placesMap } from "../marks/map.ts";
import { matrix } from "../marks/matrix.ts";
import { type SquareCell, square } from "../marks/square.ts";
import { element, markup } from "../marks/svg.ts";
import {
  datum,
  drawn,
  estimate,
  legend,
  missing,
  numbers,
  paragraph,
  refusalsUnder,
  responsive,
  type Section,
  table,
} from "./parts.ts";

type Layer = Concepts["layers"][number];
type AgainstChance = Layer["silhouette"];

const alone = (value: number | null): Interval => ({ value, low: null, high: null });
const asInterval = ({ chance, low, high }: AgainstChance): Interval => ({ value: chance, low, high });

function panel(
  title: string,
  layers: readonly Layer[],
  tone: Tone,
  least: number,
  of: (layer: Layer) => { readonly shown: Interval; readonly null: AgainstChance },
): string {
  return drawn(
    title,
    lines(
      title,
      layers.map(({ layer }) => layer),
      [
        {
          name: "these concepts",
          tone,
          style: "solid",
          values: layers.map((layer) => of(layer).shown),
          hollow: layers.map((layer) => !isAboveChance(of(layer).null)),
        },
      ],
      { least, chance: { name: "shuffled", values: layers.map((layer) => asInterval(of(layer).null)) } },
    ),
  );
}

function panels({ layers, relations, majority }: Concepts): string {
  return element(
    "div",
    { class: "panels" },
    panel("Silhouette, by cosine distance", layers, "model", 0.1, ({ silhouette, silhouetteInterval }) => ({
      shown: silhouetteInterval,
      null: silhouette,
    })),
    panel("Purity of the five nearest", layers, "second", 0.1, ({ purity, purityInterval }) => ({
      shown: purityInterval,
      null: purity,
    })),
    drawn(
      "Told by a linear classifier, documents left out",
      lines(
        "Accuracy",
        layers.map(({ layer }) => layer),
        [
          {
            name: "accuracy",
            tone: "third",
            style: "solid",
            values: layers.map(({ separability }) => separability),
          },
        ],
        { least: 0.1, levels: [{ name: "the largest concept", value: majority }] },
      ),
    ),
    panel(
      "Alignment: mean |cos| of directions (lower: nearer to right angles)",
      layers,
      "fourth",
      0.1,
      ({ alignment }) => ({
        shown: alone(alignment.value),
        null: alignment,
      }),
    ),
    ...relations.map(({ from, to }, place) =>
      panel(`Analogies: ${from} to ${to}`, layers, "model", 0.1, ({ analogies }) => ({
        shown: alone(analogies[place].value),
        null: analogies[place],
      })),
    ),
    ...relations.flatMap(({ from, to }, place) =>
      layers.every(({ parallel }) => parallel?.[place])
        ? [
            panel(`${from} as ${to}: linear CKA of the two sides`, layers, "third", 0.1, ({ parallel }) => ({
              shown: alone(parallel![place]!.value),
              null: parallel![place]!,
            })),
          ]
        : [],
    ),
    layers[0].hierarchy === null
      ? ""
      : panel("Nearest to their own parent", layers, "second", 0.1, ({ hierarchy }) => ({
          shown: alone(hierarchy!.value),
          null: hierarchy!,
        })),
  );
}

const NOTHING: SquareCell = { depth: null, written: "", tooltip: "itself", numbers: [null, null, null] };

/** Overlap of top units of every two, over what texts dealt anew give. */
export function sharedUnits(names: readonly string[], pairs: Sharing["pairs"]): string {
  const cell = (a: string, b: string): SquareCell => {
    const found = pairs.find((one) => (one.a === a && one.b === b) || (one.a === b && one.b === a));
    if (!found) return NOTHING;
    const { overlap, cosine } = found;
    const share = overlap.chance > 0 ? overlap.value / overlap.chance : 0;
    return {
      depth: share,
      written: percent(share),
      tooltip: `${figure(overlap.value)} times chance; texts dealt anew ${figure(overlap.chance)}, p = ${figure(overlap.p, 2)}; cosine ${besideChance(cosine)}`,
      numbers: [overlap.value, overlap.chance, overlap.p],
    };
  };
  const name = "Top units that two share, as a part of what the same texts dealt anew share";
  return drawn(
    name,
    square(
      name,
      { rows: names, columns: names, head: ["overlap over chance", "dealt anew", "p"] },
      names.map((a) => names.map((b) => (a === b ? NOTHING : cell(a, b)))),
    ),
  );
}

/** Every two layers over the same texts. */
function layersAlike({ cka, layers }: Concepts): string {
  if (cka === undefined) return "";
  const size = layers.length;
  const between = (i: number, j: number): number | null => (i === j ? 1 : (cka.layers[(i * (i - 1)) / 2 + j] ?? null));
  const name = `Linear CKA of every two layers over the texts; with texts shuffled 0 ± ${figure(cka.byChance, 2)}`;
  return drawn(
    name,
    matrix(
      name,
      { rows: "layer", columns: "layer" },
      Array.from({ length: size }, (_, i) =>
        Array.from({ length: size }, (__, j) => between(Math.max(i, j), Math.min(i, j))),
      ),
      new Array<null>(size).fill(null),
    ),
  );
}

function tables({ layers, relations, concepts, sharing }: Concepts): string {
  const against = (path: readonly (string | number)[], given: AgainstChance | null): string =>
    given === null
      ? ABSENT
      : `${datum([...path, "value"], given.value)} / ${datum([...path, "chance"], given.chance)} / ${datum([...path, "p"], given.p, (p) => figure(p, 2))}`;
  return numbers(
    table(
      "By layer: figure / by chance / p",
      [
        "layer",
        "silhouette",
        "purity",
        "told linearly",
        "alignment",
        "own parent",
        ...relations.map(({ from, to }) => `${from} to ${to}`),
        ...(layers[0].parallel ?? []).map((_, place) => `CKA of ${relations[place].from} and ${relations[place].to}`),
      ],
      layers.map((layer, i) => {
        const path = ["concepts", "layers", i];
        return [
          String(layer.layer),
          against([...path, "silhouette"], layer.silhouette),
          against([...path, "purity"], layer.purity),
          estimate([...path, "separability"], layer.separability),
          against([...path, "alignment"], layer.alignment),
          against([...path, "hierarchy"], layer.hierarchy),
          ...layer.analogies.map((one, place) => against([...path, "analogies", place], one)),
          ...(layer.parallel ?? []).map((one, place) => against([...path, "parallel", place], one)),
        ];
      }),
    ),
    ...(sharing
      ? [
          table(
            `Spread over ${counted(sharing.units, "unit")}`,
            ["concept", "texts", "participation", "units that carry half"],
            sharing.spread.map(({ name, participation, half }, i) => [
              element("bdi", {}, markup(name)),
              datum(["concepts", "concepts", i, "texts"], concepts[i].texts, count),
              datum(["concepts", "sharing", "spread", i, "participation"], participation),
              datum(["concepts", "sharing", "spread", i, "half"], half, percent),
            ]),
          ),
        ]
      : []),
  );
}

/** @returns null where concepts were not asked for */
export function conceptsSection(profile: Profile): Section | null {
  const { concepts } = profile;
  if (concepts === undefined) return null;
  const shared = {
    id: "concepts",
    title: "Concepts",
    methods: "§3.1, §4",
    means: [
      "Words and passages of named concepts, as vectors in every layer: whether those of one concept lie together, whether a line parts them, whether a step from one to its counterpart is the same step for all. Grey is what the same figures are where labels are shuffled; a hollow mark lies within it.",
      "A concept is spread where many units carry it, and shared where the units that carry it most carry another too.",
    ],
    misread: [
      "Words of a concept may lie together because they are spelt, or used, alike; that is what the model knows of them, not what they mean to us.",
      "The map shows two directions of many: what lies together on it may be far apart in the rest.",
      "That units contribute to a concept does not say that it needs them: lossyscope ablate takes them away and looks.",
    ],
  };
  if (concepts === null) return { ...shared, body: missing(profile, "concepts") };
  const { map, interval, notes, source, sharing } = concepts;
  const name = `Where the concepts lie at layer ${map.layer}`;
  const [first, ...rest] = [conceptsClaim(concepts), ...conceptFindings(concepts)];
  const body = [
    paragraph(first, "lede"),
    ...rest.map((text) => paragraph(text)),
    panels(concepts),
    legend([
      { name: "these concepts", mark: "dot" },
      { name: "shuffled labels: mean and middle 95 %", mark: "by-chance" },
      { name: "within chance (p > 0.05)", mark: "hollow" },
    ]),
    drawn(
      name,
      responsive((form) => placesMap(name, map.places, map.shares, form)),
    ),
    layersAlike(concepts),
    sharing && sharing.pairs.length > 0
      ? sharedUnits(
          sharing.spread.map(({ name: of }) => of),
          sharing.pairs,
        )
      : "",
    ...[
      ...notes,
      ...source.sets.map((set) => `words of ${set}`),
      ...(interval.absent === null ? [] : [interval.absent]),
    ].map((text) => paragraph(sentence(text), "aside")),
    ...refusalsUnder(profile, "concepts").map((reason) => paragraph(`Missing: ${reason}.`, "aside")),
    tables(concepts),
  ];
  return { ...shared, body: body.join("") };
}
