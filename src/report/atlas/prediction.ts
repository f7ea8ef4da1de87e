/** Predicted scores as blocks (METHODS §10): each with its interval or the widest residual, coverage and partial r beside. */
import type { Prediction, Predictions } from "../../atlas/predict.ts";
import { groupBy } from "../../numeric/groups.ts";
import { type Block, rows, text } from "../findings.ts";
import { ABSENT, figure, interval, percent } from "../format.ts";
import { coverageText, whole } from "./fit.ts";

/** The score with its interval, or with ± the widest residual, or a dash. */
export function predictedText(prediction: Prediction): string {
  if (prediction.kind === "refused") return ABSENT;
  const { score, interval: ends, widestResidual, extrapolated } = prediction;
  const doubt = extrapolated.length > 0 ? " ?" : "";
  return `${ends ? interval({ value: score, ...ends }) : `${figure(score)} ± ${figure(widestResidual)}`}${doubt}`;
}

export function predictionBlocks({ set, level, guarantee, fits, models }: Predictions): Block[] {
  const claimed = models.some(({ predictions }) => predictions.some((one) => one.kind === "predicted" && one.interval));
  const widest = models.some(({ predictions }) => predictions.some((one) => one.kind === "predicted" && !one.interval));
  const because = (kind: string, reasonsOf: (one: Prediction) => readonly string[]): string[] =>
    models.flatMap(({ model, predictions }) =>
      [
        ...groupBy(
          predictions.filter((one) => reasonsOf(one).length > 0),
          (one) => reasonsOf(one).join("; "),
        ),
      ].map(([reasons, same]) => `${model}, ${same.map(({ area }) => area).join(", ")}: ${kind}: ${reasons}.`),
    );
  const refused = because("not predicted", (one) => (one.kind === "refused" ? one.reasons : []));
  const doubtful = because("extrapolated", (one) => (one.kind === "predicted" ? one.extrapolated : []));
  const kin = models.flatMap(({ model, predictions }) => {
    const family = predictions.find((one) => one.kind === "predicted")?.leftOut;
    return family ? [`${model} is in the set: its family, ${family}, is left out of its prediction.`] : [];
  });
  return [
    rows(
      `Scores foreseen from ${set}${claimed ? ` (${whole(level)} intervals, jackknife+ over families)` : ""}`,
      ["area", ...models.map(({ model }) => model)],
      fits.map(({ area }, index) => [area, ...models.map(({ predictions }) => predictedText(predictions[index]))]),
    ),
    ...(widest
      ? [text("± is the widest residual on a family held out: there are too few families for a level to be claimed.")]
      : []),
    ...(doubtful.length > 0 ? [text(`? No coverage is claimed. ${doubtful.join(" ")}`)] : []),
    ...(refused.length > 0
      ? [text(refused.join(" ")), text("`--extrapolate` predicts outside the set's range or text, without any claim.")]
      : []),
    ...kin.map(text),
    rows(
      "What the predictions rest on",
      [
        "area",
        "predictor",
        "models",
        "families",
        "r",
        "partial r given ln parameters",
        "RMS error, unseen families",
        "measured coverage",
      ],
      fits.flatMap((fit) =>
        fit.predictors.map(({ name }, index) => {
          const found = fit.associations.find(({ predictor }) => predictor === name);
          const once = (cell: string): string => (index === 0 ? cell : "");
          return [
            once(fit.area),
            name,
            once(String(fit.models)),
            once(String(fit.families)),
            found ? interval(found.r) : ABSENT,
            found?.partial ? interval(found.partial) : ABSENT,
            once(figure(fit.leaveFamilyOut)),
            once(fit.coverage === null ? ABSENT : `${percent(fit.coverage.share)} by ${fit.coverage.of}`),
          ];
        }),
      ),
      "figures",
      { keys: 2 },
    ),
    ...(fits.length === 1
      ? fits.map((fit) => text(coverageText(fit.coverage, fit.families)))
      : [
          text(
            `Measured coverage: the share of models of families held out that such ${claimed ? "intervals" : "bands"} held, each family of one weight. Jackknife+ guarantees ${whole(guarantee)}.`,
          ),
        ]),
    text("Correlation is not cause."),
  ];
}
