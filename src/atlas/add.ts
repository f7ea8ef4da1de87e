/**
 * A calibration set of the user's own: profiles of one text, and what the same models scored. Of every profile the
 * predictors of METHODS §10 are kept that it has; the fit is on bits per byte unless others are chosen. A model whose
 * scores name no family counts as a family of its own.
 */
import { writeCsv } from "../formats/csv.ts";
import { sizeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { groupBy } from "../numeric/groups.ts";
import { figureAt } from "../profile/read.ts";
import { type GivenName, matchScores } from "./score-names.ts";
import type { Score } from "./scores.ts";
import { columnsOf, isOfPairs, type Predictor, SET_SCHEMA, type SetDescription } from "./sets.ts";
import { type Named, requireDistinct, requireOneText } from "./text.ts";

const ofText = (figure: string, unit: string, about: string): Predictor => ({
  figure,
  unit,
  scale: "linear",
  ofText: true,
  about,
});
const ofModel = (figure: string, unit: string, about: string): Predictor => ({
  figure,
  unit,
  scale: "ln",
  ofText: false,
  about,
});

/** The set says of which pairs. */
const ofPairs = (figure: string, unit: string, about: string): Predictor => ({
  ...ofText(figure, unit, about),
  ofText: false,
});

const BITS = "bits_per_byte";
const PREDICTORS: Readonly<Record<string, Predictor>> = {
  [BITS]: ofText("coding.overall.bitsPerByte", "bits per byte", "code length of the text"),
  optimality: ofText("plane.summary.1.optimality", "ratio", "held-out optimality of order 1, mean over blocks"),
  optimality_plugin: ofText(
    "plane.summary.1.optimalityPlugin",
    "ratio",
    "plug-in optimality of order 1, mean over blocks",
  ),
  complexity: ofText("plane.summary.1.complexity", "share of ln m", "held-out complexity of order 1, mean over blocks"),
  expressivity: ofText(
    "plane.summary.1.expressivity",
    "share of ln m",
    "held-out expressivity of order 1, mean over blocks",
  ),
  preference: ofPairs(
    "preference.information.summary.heldOut",
    "share of ln m",
    "held-out preference information, mean over blocks",
  ),
  chosen_cheaper: ofPairs(
    "preference.cheaper.share",
    "share of pairs",
    "pairs whose chosen completion costs less per byte",
  ),
  effective_rank: ofText("geometry.layers[-1].centred.effectiveRank", "dimensions", "effective rank of the last layer"),
  participation_ratio: ofText(
    "geometry.layers[-1].centred.participationRatio",
    "dimensions",
    "participation ratio of the last layer",
  ),
  intrinsic_dimension: ofText("geometry.layers[-1].twoNN.dimension", "dimensions", "TwoNN dimension of the last layer"),
  anisotropy: ofText("geometry.layers[-1].anisotropy", "mean cosine", "anisotropy of the last layer"),
  parameters: ofModel(
    "ledger.parameters.total",
    "parameters",
    "number of parameters, in the fit its natural logarithm",
  ),
  training_tokens: ofModel(
    "ledger.training.tokens",
    "tokens",
    "tokens of training, in the fit their natural logarithm",
  ),
};

export interface OwnSet {
  readonly description: SetDescription;
  /** text of `rows.csv` */
  readonly rows: string;
  /** what the user has to know: scores and profiles that found no partner, models without a family */
  readonly notes: readonly string[];
}

/** The pairs that all profiles with figures of preference are of; null where they are not of the same, or there are none. */
function pairsOf(profiles: readonly Named[]): { readonly name: string; readonly digest: string } | null {
  const sources = profiles.flatMap(({ profile }) => profile.preference?.source ?? []);
  return new Set(sources.map(({ digest }) => digest)).size === 1 ? sources[0] : null;
}

function candidates(profiles: readonly Named[]): Record<string, Predictor> {
  const domains = new Set(profiles.flatMap(({ profile }) => Object.keys(profile.coding?.domains ?? {})));
  const byDomain = [...domains].map((domain) => [
    `${BITS}_${domain.replace(/\W+/g, "_")}`,
    ofText(`coding.domains["${domain}"].bitsPerByte`, "bits per byte", `code length of the domain ${domain}`),
  ]);
  const shared = pairsOf(profiles) === null ? ([, one]: [string, Predictor]) => !isOfPairs(one) : () => true;
  return {
    ...Object.fromEntries(Object.entries(PREDICTORS).filter(shared)),
    ...(domains.size > 1 ? Object.fromEntries(byDomain) : {}),
  };
}

/** The figure, or null where this profile has none. */
function knownValue({ profile }: Named, predictor: Predictor): number | null {
  if (predictor.figure === null) return null;
  const found = figureAt(profile, predictor.figure);
  return found.kind === "figure" ? found.figure.value : null;
}

/**
 * Makes a calibration set of profiles and the scores of their models.
 * @param profiles one a model, all of one text
 * @param given scores of any models; those without a profile are left out and named
 * @param names models that the scores call otherwise
 * @throws LossyscopeError `input` for two profiles of a model, profiles of different texts, a score given twice, a model
 *   in two families, or where no model has both
 */
export function ownSet(
  name: string,
  profiles: readonly Named[],
  given: readonly Score[],
  names: readonly GivenName[] = [],
): OwnSet {
  requireDistinct(profiles);
  requireOneText(profiles);
  const { scores, taken } = matchScores(
    given,
    profiles.map(({ profile }) => profile.model.name),
    names,
  );
  for (const [, same] of groupBy(scores, ({ model, benchmark }) => JSON.stringify([model, benchmark]))) {
    if (same.length > 1) {
      const [{ model, benchmark, source }, second] = same;
      throw new LossyscopeError(
        "input",
        `${model} on ${benchmark} stands in ${source} and in ${second.source}`,
        "keep one of them",
      );
    }
  }
  const byModel = groupBy(scores, ({ model }) => model);
  const measured = new Map(profiles.map((one) => [one.profile.model.name, one]));
  const models = [...measured.keys()].filter((model) => byModel.has(model));
  if (models.length === 0) {
    throw new LossyscopeError(
      "input",
      `none of the models with a profile (${[...measured.keys()].join(", ")}) has a score (${[...byModel.keys()].slice(0, 8).join(", ")})`,
      "say which is which with --name PROFILE=SCORE, or write the models' names in the scores as the profiles have them",
    );
  }
  const predictors = Object.fromEntries(
    Object.entries(candidates(profiles)).filter(([, predictor]) =>
      models.some((model) => knownValue(measured.get(model)!, predictor) !== null),
    ),
  );
  const alone: string[] = [];
  const rows = models.flatMap((model) => {
    const one = measured.get(model)!;
    const own = byModel.get(model)!;
    const families = [...new Set(own.flatMap(({ family }) => family ?? []))];
    if (families.length > 1) {
      throw new LossyscopeError(
        "input",
        `the scores put ${model} into the families ${families.join(" and ")}`,
        "name one",
      );
    }
    if (families.length === 0) alone.push(model);
    return own.map(({ benchmark, score, stderr, source }) => ({
      ...Object.fromEntries(
        Object.entries(predictors).map(([predictor, meaning]) => [predictor, knownValue(one, meaning)]),
      ),
      area: benchmark,
      model,
      family: families[0] ?? model,
      tokenizer: one.profile.provenance.digests.tokenizer?.slice(0, 12) ?? null,
      parameters: one.profile.ledger?.parameters.total ?? null,
      score,
      stderr,
      excluded: null,
      note: null,
      source: `profile ${one.profile.id}; ${source}`,
      status: "measured",
      licence: null,
    }));
  });
  const { corpus } = profiles[0].profile;
  const inexact = profiles.filter(({ profile }) => (profile.precision?.kind ?? "exact") !== "exact");
  if (inexact.length > 0) {
    const [{ file, profile }] = inexact;
    throw new LossyscopeError(
      "input",
      `${file} was computed with --precision ${profile.precision!.kind}, and what is foreseen from a set rests on figures of one kind`,
      "measure it exactly",
    );
  }
  const pairs = Object.values(predictors).some(isOfPairs) ? pairsOf(profiles) : null;
  const several = new Set(profiles.flatMap(({ profile }) => profile.preference?.source.digest ?? [])).size;
  const unscored = [...measured.keys()].filter((model) => !byModel.has(model));
  const unmeasured = [...byModel.keys()].filter((model) => !measured.has(model));
  return {
    description: {
      schema: SET_SCHEMA,
      name,
      title: `Own set on ${corpus.name}`,
      about: `Profiles of ${corpus.name} (${sizeText(corpus.bytes)}) and the scores given with them.`,
      text: { name: corpus.name, digest: corpus.digest },
      ...(pairs && { pairs: { name: pairs.name, digest: pairs.digest } }),
      predictors,
      fit: [Object.hasOwn(predictors, BITS) ? BITS : Object.keys(predictors)[0]],
      ridge: 0,
      areas: Object.fromEntries(rows.map(({ area }) => [area, { score: area, text: corpus.name }])),
    },
    rows: writeCsv(columnsOf(Object.keys(predictors)), rows),
    notes: [
      `${models.length} models, ${new Set(rows.map(({ area }) => area)).size} benchmarks, ${new Set(rows.map(({ family }) => family)).size} families.`,
      ...taken.map(({ name, written }) => `Scores of ${written} are taken for ${name}.`),
      ...(alone.length > 0 ? [`Each a family of its own, as the scores name none: ${alone.join(", ")}.`] : []),
      ...(several > 1 ? [`Preference is no predictor: the profiles are of ${several} files of pairs.`] : []),
      ...(unscored.length > 0 ? [`Profiles without a score: ${unscored.join(", ")}.`] : []),
      ...(unmeasured.length > 0 ? [`Scores without a profile: ${unmeasured.join(", ")}.`] : []),
    ],
  };
}
