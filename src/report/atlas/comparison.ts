/** A comparison of models as blocks (METHODS §12). Figures come from `atlas/compare.ts`. */
import type { Comparison, Difference, Pair, Verdict } from "../../atlas/compare.ts";
import type { Similarity } from "../../atlas/similarity.ts";
import { type Block, heading, rows, text } from "../findings.ts";
import { ABSENT, count, figure, interval, percent, shorten, si } from "../format.ts";
import { conceptBlocks } from "./concepts.ts";
import { lockstepBlocks } from "./lockstep.ts";

const WORDS: Readonly<Record<Verdict, string>> = { better: "fewer bits", worse: "more bits", tie: "tie" };
const verdictText = (verdict: Verdict | null): string => (verdict === null ? ABSENT : WORDS[verdict]);

export const documentsText = (documents: number): string =>
  `${count(documents)} ${documents === 1 ? "document" : "documents"}`;

/** What an interval rests on, in words. */
export function basisText({ absent, units, unit, share }: Difference): string {
  if (absent !== null) return absent;
  const all = share === 1 ? "all" : percent(share);
  return unit === "document" ? documentsText(units) : `${count(units)} stretches, ${all} of the text`;
}

/** The difference whose interval tells models apart. */
export const told = ({ kept, overall }: Pair): Difference => kept ?? overall;

const inPercent = (share: number | null): number | null => (share === null ? null : 100 * share);

const differenceCells = (one: Difference): string[] => [
  interval(one.difference),
  `${interval({ value: inPercent(one.relative.value), low: inPercent(one.relative.low), high: inPercent(one.relative.high) })} %`,
  verdictText(one.verdict),
  basisText(one),
];

const HEAD = ["difference, bits per byte", "relative", "verdict", "over"];

/** The layers of a model beside those of the baseline that are most alike, in two sentences. */
export function similarityText(
  model: string,
  baseline: string,
  { cka, nearest, places, kept, byChance }: Similarity,
): string {
  const values = nearest.flatMap((row, column) => (row === null ? [] : [cka[row][column]!]));
  const among = places === kept ? `${count(places)} places` : `${count(places)} of ${count(kept)} places`;
  const range = values.length === 0 ? "" : `, ${figure(Math.min(...values))} to ${figure(Math.max(...values))}`;
  const rowsOf = nearest.map((row) => row ?? ABSENT).join(" ");
  return `Layers of ${baseline} most alike to layers 0 to ${nearest.length - 1} of ${model}: ${rowsOf} (linear CKA${range}; ${among} where words end in both; with places shuffled 0 ± ${figure(byChance, 2)}).`;
}

function pairBlocks(pair: Pair, baseline: string): Block[] {
  const { model, domains, tally, documents, better, worse, similarity, concepts, lockstep } = pair;
  const longest = 160;
  const passages = (title: string, stretches: Pair["better"]): Block[] =>
    stretches.length === 0
      ? []
      : [
          rows(
            title,
            ["text", `bits of ${model}`, `bits of ${baseline}`],
            stretches.map((one) => [
              shorten(one.text, longest),
              figure(one.nats[1] / Math.LN2),
              figure(one.nats[0] / Math.LN2),
            ]),
            "figures",
            { kinds: ["words"] },
          ),
        ];
  const tallied = `${tally.better} domains won, ${tally.tie} tied, ${tally.worse} lost${tally.unknown > 0 ? `, ${tally.unknown} not told apart for want of units` : ""}.`;
  return [
    heading(`${model} against ${baseline}`),
    rows(
      "By domain (95 % intervals, paired)",
      ["domain", ...HEAD],
      [
        ["all of it", ...differenceCells(pair.overall)],
        ...(pair.kept ? [["the text kept", ...differenceCells(pair.kept)]] : []),
        ...domains.map((one) => [one.domain, ...differenceCells(one)]),
      ],
    ),
    ...(domains.length > 1 ? [text(tallied)] : []),
    ...(documents.length > 1
      ? [
          rows(
            "Documents that make most of the difference",
            ["document", "domain", "size", model, baseline],
            documents.map((one) => [one.id, one.domain, si(one.bytes, "B"), figure(one.model), figure(one.baseline)]),
          ),
        ]
      : []),
    ...passages(`Where ${model} needs fewer bits`, better),
    ...passages(`Where ${model} needs more bits`, worse),
    ...(lockstep ? lockstepBlocks(model, baseline, lockstep) : []),
    ...(similarity ? [text(similarityText(model, baseline, similarity))] : []),
    ...(concepts ? conceptBlocks(model, baseline, concepts) : []),
  ];
}

/** One sentence a reader can act on, for each model. */
export function comparisonClaim({ models, pairs }: Comparison): string[] {
  const baseline = models[0].model;
  return pairs.map((pair) => {
    const { verdict, relative } = told(pair);
    if (verdict === null) return `${pair.model} and ${baseline} cannot be told apart: ${basisText(told(pair))}`;
    if (verdict === "tie") return `${pair.model} and ${baseline} are tied on this text`;
    return `${pair.model} needs ${percent(Math.abs(relative.value!))} ${verdict === "better" ? "fewer" : "more"} bits than ${baseline}`;
  });
}

export function comparisonBlocks(comparison: Comparison): Block[] {
  const { corpus, models, pairs, notes, refusals } = comparison;
  return [
    ...comparisonClaim(comparison).map((claim) => text(`${claim}.`)),
    rows(
      `Bits per byte on ${corpus.name}: ${documentsText(corpus.documents)}, ${si(corpus.bytes, "B")}`,
      ["model", "bits per byte", "tokens"],
      models.map(({ model, bitsPerByte, tokens }) => [model, figure(bitsPerByte, 4), count(tokens)]),
    ),
    ...pairs.flatMap((pair) => pairBlocks(pair, models[0].model)),
    ...notes.map((note) => text(`Note: ${note}.`)),
    ...refusals.map(({ figure: refused, reason }) => text(`Not compared: ${refused}: ${reason}.`)),
  ];
}
