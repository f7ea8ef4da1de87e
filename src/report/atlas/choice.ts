/** A choice among models as blocks, and its recommendation in two sentences (METHODS §11). Figures: `atlas/choose.ts`. */
import type { Candidate, Choice } from "../../atlas/choose.ts";
import { waysText } from "../../atlas/limits.ts";
import type { Predictions } from "../../atlas/predict.ts";
import { type Block, rows, text } from "../findings.ts";
import { ABSENT, count, figure, interval, sentence, si } from "../format.ts";
import { basisText } from "./comparison.ts";
import { predictedText, predictionBlocks } from "./prediction.ts";

const plural = (n: number): string => (n === 1 ? "one candidate that meets" : `${count(n)} candidates that meet`);

/** What to take, for a manager; and the figures, for an engineer. */
export function recommendationText(choice: Choice): string[] {
  const { recommendation, candidates, excluded, nearest, corpus } = choice;
  if (recommendation === null)
    return [
      "No candidate meets the constraints.",
      ...excluded.map(({ model, reasons }) => `${model}: ${reasons.join("; ")}.`),
      nearest.length > 0 ? `Nearest: ${waysText(nearest, excluded)}.` : sentence(waysText(nearest, excluded)),
    ];
  const { model, tied, by, next } = recommendation;
  const left = candidates.length - excluded.length;
  const best = candidates.find((one) => one.model === model)!;
  const rivals = tied.filter((one) => one !== model);
  const reason =
    by === null
      ? left === 1
        ? "it is the only one"
        : rivals.length === 0
          ? `it writes ${corpus.name} smallest`
          : `it writes ${corpus.name} in the fewest bits as measured, though it cannot be told from ${rivals.join(" and ")}`
      : `it writes ${corpus.name} as small as ${rivals.join(" and ")}, as far as can be told, and ${by === "cost" ? "costs least" : "is the smallest of them"}`;
  const figures = [
    `${interval(best.bitsPerByte)} bits per byte`,
    ...(best.weightBytes === null ? [] : [`${si(best.weightBytes, "B")} of weights`]),
    ...(best.costPerMillionBytes === null
      ? []
      : [`${figure(best.costPerMillionBytes)} for a million bytes of this text`]),
    ...(best.tokensPerSecond === null ? [] : [`${count(best.tokensPerSecond)} tokens a second`]),
  ];
  const after = next
    ? `; ${next.model} differs by ${interval(next.difference.difference)} bits per byte (${basisText(next.difference)})`
    : "";
  return [`Take ${model}: of ${plural(left)} the constraints, ${reason}.`, `It needs ${figures.join(", ")}${after}.`];
}

function standing({ model }: Candidate, { excluded, dominated, frontier, recommendation }: Choice): string {
  const out = excluded.find((one) => one.model === model);
  if (out) return recommendation === null ? "out" : `out: ${out.reasons.join("; ")}`;
  const under = dominated.find((one) => one.model === model);
  if (under) return `dominated by ${under.by.join(", ")}`;
  if (recommendation?.model === model) return "recommended";
  return recommendation?.tied.includes(model)
    ? "on the frontier, tied with the best"
    : frontier.includes(model)
      ? "on the frontier"
      : ABSENT;
}

export function choiceBlocks(choice: Choice, predictions: Predictions | null): Block[] {
  const foreseen = (model: string, area: number): string => {
    const found = predictions?.models.find((one) => one.model === model)?.predictions[area];
    return found ? predictedText(found) : ABSENT;
  };
  const areas = predictions?.fits.map(({ area }) => area) ?? [];
  const ordered = [...choice.candidates].sort((a, b) => a.bitsPerByte.value - b.bitsPerByte.value);
  return [
    ...recommendationText(choice).map(text),
    rows(
      `Candidates on ${choice.corpus.name}`,
      [
        "model",
        "bits per byte",
        "weights",
        "tokens/s",
        "price/M tokens",
        "cost/M bytes",
        "licence",
        ...areas,
        "standing",
      ],
      ordered.map((one) => [
        one.model,
        interval(one.bitsPerByte),
        one.weightBytes === null ? ABSENT : si(one.weightBytes, "B"),
        one.tokensPerSecond === null ? ABSENT : count(one.tokensPerSecond),
        figure(one.price),
        figure(one.costPerMillionBytes),
        one.licence ?? ABSENT,
        ...areas.map((_, area) => foreseen(one.model, area)),
        standing(one, choice),
      ]),
    ),
    text(
      `Compared in ${choice.criteria.join(", ")}${choice.unknown.length > 0 ? `; ${choice.unknown.join(" and ")} not known of all and left out` : ""}. A model is dominated where another is nowhere worse and somewhere better; differences in bits per byte inside their error bar are ties. Weights only: cache and activations come on top.`,
    ),
    ...choice.notes.map((note) => text(`Note: ${note}.`)),
    ...(predictions ? predictionBlocks(predictions) : []),
  ];
}
