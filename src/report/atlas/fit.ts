/** The fits of a calibration set and the list of sets, as blocks (METHODS §10). Figures come from `atlas/fit.ts`. */
import type { AreaFit, Association, Coverage } from "../../atlas/fit.ts";
import { ALPHA } from "../../atlas/fit.ts";
import type { Rivalry } from "../../atlas/rivals.ts";
import type { CalibrationSet } from "../../atlas/sets.ts";
import { groupBy } from "../../numeric/groups.ts";
import { type Block, heading, rows, text } from "../findings.ts";
import { ABSENT, count, figure, interval, percent } from "../format.ts";
import type { Panel } from "../marks/multiples.ts";

/** `90 %` */
export const whole = (share: number): string => `${Math.round(100 * share)} %`;

/** How many models of how many families each area can fit. */
export function setsBlocks(sets: readonly CalibrationSet[]): Block[] {
  const size = (values: readonly unknown[]): string => count(new Set(values).size);
  return [
    rows(
      "Calibration sets",
      ["name", "models", "families", "areas", "fitted on", "from", "what it is"],
      sets.map((set) => [
        set.name,
        size(set.rows.map(({ model }) => model)),
        size(set.rows.map(({ family }) => family)),
        count(Object.keys(set.areas).length),
        set.fit.join(", "),
        set.origin === "own" ? "you" : "the package",
        set.title,
      ]),
      "words",
    ),
    text("`lossyscope atlas fit NAME` shows what a set is worth; `lossyscope predict PROFILE --set NAME` uses it."),
  ];
}

/** What was held against held-out families, in words. */
export function coverageText(coverage: Coverage | null, families: number): string {
  if (coverage === null) return "Coverage could not be measured: a family is needed to fit the others.";
  const share = percent(coverage.share);
  return coverage.of === "interval"
    ? `Measured coverage of ${whole(1 - ALPHA)} intervals on families held out: ${share} (jackknife+ over ${families} families guarantees ${whole(1 - 2 * ALPHA)}).`
    : `${families} families are too few for a ${whole(1 - ALPHA)} interval that may be claimed. Prediction ± the widest residual held ${share} of the models of held-out families.`;
}

function associationRow({
  predictor,
  models,
  families,
  r,
  rho,
  partial,
  withExcluded,
  leaveFamilyOut,
}: Association): string[] {
  return [
    predictor,
    count(models),
    count(families),
    interval(r),
    interval(rho),
    partial === null
      ? ABSENT
      : `${interval(partial)}${partial.models === models ? "" : `, ${count(partial.models)} models`}`,
    withExcluded.models === models ? ABSENT : `${figure(withExcluded.r)} (${withExcluded.models})`,
    figure(leaveFamilyOut),
  ];
}

/** One area of a set; its heading is the caller's. */
export function areaBlocks(set: CalibrationSet, fit: AreaFit): Block[] {
  const terms = fit.predictors.map(
    ({ name, slope }) => `${figure(slope)} × ${set.predictors[name].scale === "ln" ? "ln " : ""}${name}`,
  );
  const within = fit.associations.flatMap(({ predictor, withinTokenizer }) =>
    withinTokenizer.map(
      ({ tokenizer, models, r }) => `${predictor} within ${tokenizer}: r ${figure(r)} (${models} models)`,
    ),
  );
  const told = (name: string, one: AreaFit["power"]["models"]): string =>
    one === null
      ? `by ${name}: too few`
      : `by ${name}: ${figure(one.told)} (a true ${figure(one.found)} is found four times in five)`;
  const reasons = [...groupBy(fit.excluded, ({ reason }) => reason)].map(
    ([reason, models]) => `${models.map(({ model }) => model).join(", ")}: ${reason}.`,
  );
  return [
    rows(
      "Each predictor alone (95 % intervals over families; partial r given ln parameters)",
      ["predictor", "models", "families", "r", "ρ", "partial r", "r with excluded rows", "RMS error, unseen families"],
      fit.associations.map(associationRow),
    ),
    ...(fit.intervals === null ? [] : [text(`Intervals: ${fit.intervals}.`)]),
    ...(within.length === 0 ? [] : [text(`${within.join("; ")}.`)]),
    text(
      `Fit: score = ${[figure(fit.intercept), ...terms].join(" + ").replaceAll("+ −", "− ")}${fit.ridge > 0 ? `, ridge ${figure(fit.ridge)}` : ""}.`,
    ),
    rows(
      "The fit",
      [
        "models",
        "families",
        "r of fitted and true",
        "RMS error",
        "leave one out",
        "leave one family out",
        "mean alone, leave one family out",
      ],
      [
        [
          count(fit.models),
          count(fit.families),
          figure(fit.fittedR),
          figure(fit.rmse),
          figure(fit.leaveOneOut),
          figure(fit.leaveFamilyOut),
          figure(fit.meanLeaveFamilyOut),
        ],
        ...(fit.withExcluded === null
          ? []
          : [
              [
                `${count(fit.withExcluded.models)} with excluded`,
                "",
                figure(fit.withExcluded.fittedR),
                figure(fit.withExcluded.rmse),
                "",
                "",
                "",
              ],
            ]),
      ],
    ),
    text(coverageText(fit.coverage, fit.families)),
    text(
      `Smallest |r| that could be told from zero, ${told("models", fit.power.models)}; ${told("families", fit.power.families)}.`,
    ),
    ...(reasons.length === 0 ? [] : [text(`Excluded from the fit: ${reasons.join(" ")}`)]),
    ...(fit.incomplete.length === 0
      ? []
      : [text(`Not known in full and so not in the fit: ${fit.incomplete.join(", ")}.`)]),
  ];
}

/** The predictors of an area beside each other. */
export function rivalryBlocks({ models, families, reference, rivals, meanError, leftOut }: Rivalry): Block[] {
  const names = Object.keys(families);
  const ofFamilies = (values: Readonly<Record<string, number | null>>) => names.map((name) => figure(values[name]));
  return [
    rows(
      `Which predictor foresees best: ${count(models)} models, each predictor alone (95 % intervals, models resampled inside their families)`,
      ["predictor", "RMS error, unseen families", `less that of ${reference}`, "r", "ρ", "partial r"],
      [
        ...rivals.map(({ predictor, error, difference, r, rho, partial }) => [
          predictor,
          interval(error),
          difference === null ? ABSENT : interval(difference),
          interval(r),
          interval(rho),
          partial === null ? ABSENT : interval(partial),
        ]),
        ["the mean of the others", figure(meanError), ABSENT, ABSENT, ABSENT, ABSENT],
      ],
    ),
    rows(
      "r inside each family",
      ["predictor", ...names.map((name) => `${name} (${families[name]})`)],
      rivals.map(({ predictor, within }) => [predictor, ...ofFamilies(within)]),
    ),
    rows(
      "RMS error on each family when it was left out",
      ["predictor", ...names],
      rivals.map(({ predictor, errorOn }) => [predictor, ...ofFamilies(errorOn)]),
    ),
    text(
      "These intervals tell what other models of the same families would have shown. What a further family would show, only the errors on families left out can hint at.",
    ),
    ...(leftOut.length === 0 ? [] : [text(`Not known of every model and so not compared: ${leftOut.join(", ")}.`)]),
  ];
}

/** The best predictors of an area, a panel each. */
export function rivalryPanels(set: CalibrationSet, { rivals }: Rivalry, shown: number): Panel[] {
  return rivals.slice(0, shown).map(({ predictor, r, error }) => ({
    title: predictor.replaceAll("_", " "),
    note: `r ${figure(r.value)}, error ${figure(error.value)}`,
    scale: set.predictors[predictor].scale,
  }));
}

/** @param rivalries of the same areas, or none */
export function fitBlocks(set: CalibrationSet, fits: readonly AreaFit[], rivalries: readonly Rivalry[]): Block[] {
  return [
    text(`${set.title}. ${set.about}`),
    ...fits.flatMap((fit) => [
      heading(`${fit.set}, ${fit.area}: ${fit.score}`),
      ...areaBlocks(set, fit),
      ...rivalries.filter(({ area }) => area === fit.area).flatMap(rivalryBlocks),
    ]),
    text("Correlation is not cause."),
  ];
}
