/**
 * Comparison, choice and the fits of a calibration set as pages of the report's make: one HTML file each that opens offline, drawn with the report's
 * marks over the blocks that the terminal shows.
 *
 * Memory: the page is one string, a few kilobytes a model and shown stretch.
 */
import { documentKeys, type Stretch } from "../../atlas/alignment.ts";
import type { Choice } from "../../atlas/choose.ts";
import type { Comparison, Pair } from "../../atlas/compare.ts";
import type { AreaFit } from "../../atlas/fit.ts";
import type { Predictions } from "../../atlas/predict.ts";
import type { Rivalry } from "../../atlas/rivals.ts";
import type { CalibrationSet } from "../../atlas/sets.ts";
import type { Interval } from "../../profile/figures.ts";
import type { Profile } from "../../profile/profile.ts";
import { blocksMarkup } from "../findings.ts";
import { count, figure, interval, si } from "../format.ts";
import { framed } from "../frame.ts";
import { bars } from "../marks/bars.ts";
import { type DifferenceRow, differences } from "../marks/differences.ts";
import { foreseen } from "../marks/foreseen.ts";
import { type Expected, shadedBox } from "../marks/heat.ts";
import { matrix } from "../marks/matrix.ts";
import { multiples } from "../marks/multiples.ts";
import { type PlanePath, planes } from "../marks/planes.ts";
import { element, markup } from "../marks/svg.ts";
import { type TradeMark, trade } from "../marks/trade.ts";
import { factsBeside } from "../sections/facts.ts";
import { drawn, legend, numbers, paragraph, responsive, type Section } from "../sections/parts.ts";
import { key } from "../sections/text.ts";
import { choiceBlocks, recommendationText } from "./choice.ts";
import { comparisonBlocks, comparisonClaim, documentsText, similarityText, told } from "./comparison.ts";
import { conceptsBesideSection } from "./concepts.ts";
import { areaBlocks, rivalryBlocks, rivalryPanels } from "./fit.ts";
import { lockstepSection } from "./lockstep-section.ts";
import { predictionBlocks } from "./prediction.ts";

/** Tones that tell models apart; those beyond share the last. */
const TONES = ["model", "second", "third", "fourth", "faint"] as const;
const toneOf = (index: number): (typeof TONES)[number] => TONES[Math.min(index, TONES.length - 1)];

const intervalOf = (one: Interval): Interval => ({ value: one.value, low: one.low, high: one.high });

/** What has a section of its own is not among the numbers of another. */
const withoutSections = (comparison: Comparison): Comparison => ({
  ...comparison,
  pairs: comparison.pairs.map((pair) => ({ ...pair, lockstep: null, concepts: null })),
});

function sizes(comparison: Comparison, profiles: readonly Profile[]): Section {
  const { corpus, models, pairs, refusals } = comparison;
  const rows = models.map(({ model, bitsPerByte }, index) => {
    const own = profiles[index].coding?.overall.bitsPerByte;
    const shown: Interval = { value: bitsPerByte, low: own?.low ?? null, high: own?.high ?? null };
    return {
      name: model,
      ...shown,
      written: figure(bitsPerByte, 4),
      detail: `${interval(shown)} bits per byte`,
      tone: index === 0 ? ("plain" as const) : ("model" as const),
    };
  });
  const [baseline] = models;
  const differing: DifferenceRow[] = pairs.flatMap((pair, index) => {
    const row = (name: string, one: Pair["overall"]): DifferenceRow => ({
      name: pairs.length > 1 ? `${pair.model}, ${name}` : name,
      ...intervalOf(one.difference),
      tone: toneOf(index),
      told: one.verdict === "better" || one.verdict === "worse",
    });
    const domains = pair.domains.length > 1 ? pair.domains.map((one) => row(one.domain, one)) : [];
    return [row(pair.kept ? "the text kept" : "all of it", told(pair)), ...domains];
  });
  return {
    id: "sizes",
    title: "How small each writes the text",
    methods: "§12",
    body: [
      drawn(
        "Bits per byte",
        responsive((form) => bars("Bits per byte of each model", rows, form)),
      ),
      drawn(
        `Bits per byte less those of ${baseline.model}, paired`,
        responsive((form) => differences(`Difference in bits per byte from ${baseline.model}`, differing, form)),
      ),
      numbers(blocksMarkup(comparisonBlocks(withoutSections(comparison)).filter(({ kind }) => kind === "table"))),
      ...refusals.map(({ figure: refused, reason }) => paragraph(`Not compared: ${refused}: ${reason}.`, "small")),
    ].join(""),
    means: [
      `Each difference is a model's bits per byte less those of ${baseline.model}, over ${documentsText(corpus.documents)} and ${si(corpus.bytes, "B")}. Left of zero is fewer bits. Both models are resampled on the same units, so what is hard for both cancels.`,
    ],
    misread: [
      "The bars of single models are wider than that of their difference: two bars that overlap may still be told apart. Hollow marks hold zero: a tie.",
      "With many domains some differ by chance; five in a hundred intervals miss.",
    ],
  };
}

/** What a profile held for likeliest in place of a stretch's tokens; undefined where it does not say. */
function expectedIn(profile: Profile, document: string, stretch: Stretch, side: number): Expected | undefined {
  const keys = documentKeys(profile);
  for (const { document: own, start, ends, expected } of profile.passages) {
    const [from, to] = [stretch.start - start, stretch.start + stretch.bytes - start];
    if (!expected || keys[own] !== document || from < 0 || to > (ends.at(-1) ?? 0)) continue;
    // tokens that stand for no bytes go with the one before, as `alignment.ts` has it
    const first = from === 0 ? 0 : ends.lastIndexOf(from) + 1;
    const last = ends.lastIndexOf(to) + 1;
    if (last - first !== stretch.tokens[side].ends.length) continue;
    const [low, high] = [first * expected.each, last * expected.each];
    const best = expected.best.slice(low, high);
    const places = [...new Set(best)].filter((place) => place >= 0);
    return {
      tokens: places.map((place) => expected.tokens[place] ?? ""),
      each: expected.each,
      best: best.map((place) => places.indexOf(place)),
      shares: expected.shares.slice(low, high),
    };
  }
  return undefined;
}

function shaded(stretch: Stretch, side: number, name: string, expected: Expected | undefined): string {
  const { ends, nats } = stretch.tokens[side];
  const total = figure(stretch.nats[side] / Math.LN2);
  return element(
    "div",
    {},
    element("h3", {}, markup(name), element("span", {}, markup(` ${total} bits`))),
    shadedBox(`text as ${name} codes it`, { text: stretch.text, ends, nats, expected }),
  );
}

function passages({ models, pairs }: Comparison, profiles: readonly Profile[]): Section {
  const baseline = models[0].model;
  const keys = documentKeys(profiles[0]);
  const expected = (stretch: Stretch, side: number, of: Profile): Expected | undefined =>
    expectedIn(of, keys[stretch.document], stretch, side);
  const shown = (pair: Pair, of: Profile, title: string, stretches: readonly Stretch[]): string =>
    stretches.length === 0
      ? ""
      : paragraph(title, "lede") +
        stretches
          .map((stretch) => {
            const where = `${profiles[0].documents[stretch.document].id}, from byte ${count(stretch.start)}`;
            const sides = element(
              "div",
              { class: "panels" },
              shaded(stretch, 1, pair.model, expected(stretch, 1, of)),
              shaded(stretch, 0, baseline, expected(stretch, 0, profiles[0])),
            );
            return element(
              "article",
              { class: "passage" },
              element("p", { class: "small" }, `<bdi>${markup(where)}</bdi>`),
              sides,
            );
          })
          .join("");
  const body = pairs
    .map(
      (pair, index) =>
        shown(pair, profiles[index + 1], `${pair.model} needs fewer bits than ${baseline}`, pair.better) +
        shown(pair, profiles[index + 1], `${pair.model} needs more bits than ${baseline}`, pair.worse),
    )
    .join("");
  return {
    id: "passages",
    title: "Where they differ most",
    methods: "§12",
    body: body === "" ? paragraph("The profiles share no text that could be shown.", "absent") : key() + body,
    means: [
      "The same bytes as each model codes them, cut where a token of both ends. The shade is what each token costs for each of its bytes; rest on a word, tap it or go there with the arrow keys to see its bits and what the model held for likeliest.",
    ],
    misread: [
      "These are the extremes of the text that both profiles keep, chosen for their difference: they show what kind of text it is, not how much.",
    ],
  };
}

/** Shares of ln m → bits. */
function inBits({ value, low, high }: Interval, lnM: number): Interval {
  const bits = (share: number | null): number | null => (share === null ? null : (share * lnM) / Math.LN2);
  return { value: bits(value), low: bits(low), high: bits(high) };
}

function overlaid({ models }: Comparison, profiles: readonly Profile[]): Section | null {
  const paths: PlanePath[] = profiles.flatMap(({ plane }, index) => {
    const layers = (plane?.layers ?? []).flatMap(({ layer, orders }) =>
      orders["1"]
        ? [
            {
              layer,
              complexity: inBits(orders["1"].complexity.heldOut, plane!.lnM),
              expressivity: inBits(orders["1"].expressivity.heldOut, plane!.lnM),
            },
          ]
        : [],
    );
    return layers.length > 0 ? [{ name: models[index].model, tone: toneOf(index), layers }] : [];
  });
  if (paths.length < 2) return null;
  const points = new Set(profiles.flatMap(({ plane }) => plane?.referencePoints ?? []));
  const widths = new Set(profiles.flatMap(({ plane }) => plane?.temperature.width ?? []));
  return {
    id: "planes",
    title: "What their layers keep and know",
    methods: "§12, §2.4",
    body: drawn(
      "Information planes, one token back and one ahead; rings are first layers",
      responsive((form) => planes("Information planes of the models", paths, form)),
      legend(paths.map(({ name, tone }) => ({ name, mark: `dot ${tone}` }))),
    ),
    means: ["Each path runs through a model's layers: complexity across, expressivity up, both held out, in bits."],
    misread: [
      points.size > 1
        ? "The models were seen through different numbers of reference points: these are different resolutions, and the paths do not compare."
        : widths.size > 1
          ? "The models differ in width and so in their reference points: two instruments of one make. Differences that another draw of the points would swallow mean nothing."
          : "Tokens differ between tokenizers: one token back is more text for one model than for another.",
    ],
  };
}

function alike({ models, pairs }: Comparison): Section | null {
  const baseline = models[0].model;
  const drawings = pairs.flatMap(({ model, similarity }) => {
    if (similarity === null) return [];
    const title = `Linear CKA of the layers of ${baseline} and ${model}; paper: 0, full tone: 1, dot: most alike in its column`;
    const picture = matrix(
      `Linear CKA of the layers of ${baseline} and ${model}`,
      { rows: baseline, columns: model },
      similarity.cka,
      similarity.nearest,
    );
    return [drawn(title, picture) + paragraph(similarityText(model, baseline, similarity), "small")];
  });
  if (drawings.length === 0) return null;
  return {
    id: "similarity",
    title: "Whether their layers see alike",
    methods: "§12",
    body: drawings.join(""),
    means: [
      "Both models read the same text; where a word ends in both, each layer has a state. Linear CKA is 1 where two layers place these states alike but for turning and scaling, and 0 where they have nothing to do with each other. Layers 0 are the embeddings. Rest on a cell for its layers, the baseline's first, and its figure.",
      "A diagonal in full tone means that the models take the same steps at the same depth; a block, that layers in a row hardly change what the others see.",
    ],
    misread: [
      "Alike is not as good: a small model can see as a large one does and still spend more bits.",
      "A few directions of great variance make most of linear CKA. Two models that share only those look more alike than they are.",
      "The estimate is unbiased: where there is nothing it is as often a little below 0 as above, by about what shuffled places give.",
    ],
  };
}

/** The facts that models were asked for, where two or more were asked for the same. */
function asked({ models }: Comparison, profiles: readonly Profile[]): Section | null {
  const known = profiles.flatMap(({ facts }, index) => (facts ? [{ name: models[index].model, facts }] : []));
  const same = known.filter(({ facts }) => facts.source.digest === known[0].facts.source.digest);
  return same.length > 1 ? factsBeside(same) : null;
}

/** @param profiles as they were given to `compare` */
export function comparisonPage(comparison: Comparison, profiles: readonly Profile[]): string {
  const [claim, ...others] = comparisonClaim(comparison);
  const { corpus, models, notes } = comparison;
  const names = models.map(({ model }) => model).join(", ");
  const further = [
    lockstepSection(comparison),
    asked(comparison, profiles),
    overlaid(comparison, profiles),
    alike(comparison),
    conceptsBesideSection(comparison, profiles),
  ].filter((one) => one !== null);
  return framed(
    `comparison of ${names} on ${corpus.name}`,
    `${names} on ${corpus.name}: comparison`,
    `${claim}.`,
    [...others.map((one) => `${one}.`), ...notes.map((note) => `Note: ${note}.`)],
    [sizes(comparison, profiles), passages(comparison, profiles), ...further],
  );
}

/** Panels of the predictors that foresee best, and the numbers of all. */
function besideEachOther(set: CalibrationSet, rivalry: Rivalry): string {
  const { area, points } = rivalry;
  const panels = rivalryPanels(set, rivalry, 6);
  return (
    drawn(
      "The score against the predictors that foresee it best; error: RMS on unseen families",
      responsive((form) => multiples(`Predictors of ${area}`, area, panels, points, form)),
    ) + blocksMarkup(rivalryBlocks(rivalry))
  );
}

/** One area of a set: true scores against those foreseen without the family. */
function areaSection(set: CalibrationSet, fit: AreaFit, rivalry: Rivalry | undefined, index: number): Section {
  const known = fit.points.flatMap(({ unseen, ...point }) => (unseen === null ? [] : [{ ...point, foreseen: unseen }]));
  const picture =
    known.length === 0
      ? paragraph("The other families determine no fit, so that no family can be held out.", "absent")
      : drawn(
          "True score against the score foreseen without the model's family; on the line: right",
          responsive((form) => foreseen(`True and foreseen scores, ${fit.area}`, known, form)),
        );
  return {
    id: `area-${index}`,
    title: `${fit.area}: ${fit.score}`,
    methods: "§10",
    body: picture + blocksMarkup(areaBlocks(set, fit)) + (rivalry ? besideEachOther(set, rivalry) : ""),
    means: [
      "Each mark is a model; its score is foreseen by a fit on the other families. How far the marks lie from the line is the error to expect for a model of a new family.",
      "Partial r is what is left of the correlation when the number of parameters is held fixed.",
    ],
    misread: [
      "Correlation is not cause.",
      "Models of a family are no independent evidence: the intervals resample families, and power is given for both counts.",
    ],
  };
}

/**
 * The fits of a set, a section an area.
 * @param rivalries of the same areas, or none
 */
export function fitPage(set: CalibrationSet, fits: readonly AreaFit[], rivalries: readonly Rivalry[]): string {
  return framed(
    `calibration set ${set.name}`,
    `${set.name}: what predicts its scores`,
    `${set.title}.`,
    [set.about],
    fits.map((fit, index) => {
      const rivalry = rivalries.find(({ area }) => area === fit.area);
      return areaSection(set, fit, rivalry, index);
    }),
  );
}

export function choicePage(choice: Choice, predictions: Predictions | null): string {
  const { candidates, recommendation, frontier, corpus } = choice;
  const [claim, ...beside] = recommendationText(choice);
  const marks = candidates.flatMap(({ model, weightBytes, bitsPerByte }): TradeMark[] => {
    if (weightBytes === null) return [];
    const other = frontier.includes(model) ? "frontier" : "other";
    const standing = model === recommendation?.model ? "recommended" : other;
    return [{ name: model, weightBytes, bitsPerByte, standing }];
  });
  const candidatesSection: Section = {
    id: "candidates",
    title: "The candidates",
    methods: "§11",
    body:
      (marks.length === 0
        ? ""
        : drawn(
            "Size of the text against size of the weights; filled: on the frontier; largest: recommended",
            responsive((form) => trade("Bits per byte against bytes of weights", marks, form)),
          )) + blocksMarkup(choiceBlocks(choice, null).slice(beside.length + 1)),
    means: [
      "A candidate is out where it misses a constraint or what the constraint asks is not known of it. Of the rest, one is dominated where another is nowhere worse and somewhere better. What is left is the frontier: choosing among it trades one thing for another.",
      "Cost is the price of the tokens that a model cuts a million bytes of this text into: a tokenizer with long tokens is cheaper at the same price a token.",
    ],
    misread: [
      "Fewest bits per byte means: knows best what this text is like. Whether it does your task is told by scores.",
      "Weights are not all the memory a run needs, and speed is that of the measurement, on the machine that measured.",
    ],
  };
  const scores: Section[] = predictions
    ? [
        {
          id: "scores",
          title: "What they would score",
          methods: "§10",
          body: blocksMarkup(predictionBlocks(predictions)),
          means: ["Intervals leave whole families out, as a new model is one of a family that the set has not seen."],
          misread: ["Correlation is not cause. Outside the set's range nothing is claimed."],
        },
      ]
    : [];
  return framed(
    `choice among ${count(candidates.length)} models on ${corpus.name}`,
    `Choice on ${corpus.name}`,
    claim,
    beside,
    [candidatesSection, ...scores],
  );
}
