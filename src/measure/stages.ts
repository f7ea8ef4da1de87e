/**
 * The stages that a plan goes through, by the names under which they start (`ProgressSink.start`), in order. A stage is
 * announced where the plan asks for it; what the text or the model then turns out not to allow is left out of the run and
 * among the refusals.
 */

import type { Stage } from "../ports/progress.ts";
import { probeStages } from "../probes/index.ts";
import type { Plan } from "../profile/plan.ts";

export const READING = "reading the text";
export const READING_UNSEEN = "reading the unseen text";
export const DIGEST = "digest of the weights";
export const PASS = "model pass";
/** Of two models that run side by side, which no other run has. */
export const LOCKSTEP = "token by token";
/** The text once more, as the tokens of the model that another is read beside. */
export const READING_REFERENCE = "reading the text for the reference";
/** The first windows, exactly and otherwise. */
export const PRECISION = "what the precision costs";
export const LIKE_LM_EVAL = "as lm-evaluation-harness";
export const LIKE_LLAMA_CPP = "as llama-perplexity";
/** Of two models. */
export const LIKE_LLAMA_CPP_KL = "as llama-perplexity, KL divergence";
export const COMPRESSORS = "other compressors";
export const ENTROPY = "entropy of the weights";
export const EMBEDDING = "embedding matrix";
export const GUESSES = "recall: repeats and guesses";
export const PASSAGES = "recall: passages";
export const GIST = "recall: gist";
export const UNSEEN_PASS = "recall: pass of the unseen text";
export const MEMBERSHIP = "recall: membership";
export const CANDIDATES = "facts: candidates";
export const ANSWERS = "facts: answers";
export const CONCEPTS = "concepts";
export const CONCEPT_FIGURES = "concepts: layers";
export const PAIRS = "pairs";
export const PAIR_FIGURES = "pairs: layers";
/** Of squeezing: what the matrices of the model are given, the weights of a point, and the yardstick beside all of them. */
export const READING_CALIBRATION = "reading the calibration text";
export const CALIBRATION = "calibration";
export const MAKING = "squeezing the weights";
export const BOUND = "spectra of the matrices";
/** The one of `lossyscope states` that is not reading. */
export const STATES = "states";
/** Those of `lossyscope ablate` that no other run has. */
export const ABLATION_SITES = "what contributes";
export const ABLATION_MASKS = "parts taken away";
export const WRITING = "writing";

type Asked = Pick<
  Plan,
  | "unseen"
  | "precision"
  | "likeLmEval"
  | "likeLlamaCpp"
  | "baselines"
  | "entropy"
  | "geometry"
  | "plane"
  | "with"
  | "concepts"
  | "pairs"
>;

/** Of asking for facts alone. */
export const stagesOfFacts = (files: readonly string[]): Stage[] =>
  named([CANDIDATES, ANSWERS, ...where(files.length > 0, WRITING)]);

/** Of taking parts away. */
export const stagesOfAblation = (files: readonly string[]): Stage[] =>
  named([READING, DIGEST, ABLATION_SITES, ABLATION_MASKS, ...where(files.length > 0, WRITING)]);

const where = (asked: boolean, ...labels: readonly string[]): readonly string[] => (asked ? labels : []);
const named = (labels: readonly string[]): Stage[] => labels.map((label) => ({ label }));

const preparing = ({ unseen }: Asked): readonly string[] => [
  READING,
  ...where(unseen.length > 0, READING_UNSEEN),
  DIGEST,
];
const observing = ({ likeLmEval, likeLlamaCpp }: Asked): readonly string[] => [
  PASS,
  ...where(likeLmEval, LIKE_LM_EVAL),
  ...where(likeLlamaCpp, LIKE_LLAMA_CPP),
];
const staticFigures = ({ baselines, entropy, geometry }: Asked): readonly string[] => [
  ...where(baselines, COMPRESSORS),
  ...where(entropy, ENTROPY),
  ...where(geometry, EMBEDDING),
];
const asking = ({ with: further, unseen, concepts, pairs, plane }: Asked): readonly string[] => [
  ...where(further.includes("recall"), GUESSES, PASSAGES, GIST, ...where(unseen.length > 0, UNSEEN_PASS, MEMBERSHIP)),
  ...where(further.includes("facts"), CANDIDATES, ANSWERS),
  ...where(concepts !== undefined, CONCEPTS, CONCEPT_FIGURES),
  ...where(pairs !== undefined, PAIRS, ...where(plane !== null, PAIR_FIGURES)),
];
const sideBySide = ({ likeLlamaCpp }: Asked): readonly string[] => [
  LOCKSTEP,
  ...where(likeLlamaCpp, LIKE_LLAMA_CPP_KL),
];
/** @param files that are written at the end @param beside whether there is a reference */
export const stagesOf = (plan: Asked, files: readonly string[] = [], beside = false): Stage[] =>
  named([
    ...preparing(plan),
    ...observing(plan),
    ...staticFigures(plan),
    ...asking(plan),
    ...where(plan.precision !== undefined, PRECISION),
    ...where(beside, READING_REFERENCE, ...sideBySide(plan)),
    ...probeStages(plan),
    ...where(files.length > 0, WRITING),
  ]);

/** Of one of several models on one text. */
export const stagesOfPart = (plan: Asked, part: string, files: readonly string[] = []): Stage[] =>
  stagesOf(plan, files).map((stage) => ({ ...stage, part }));

/** Of reading a text with two models at a time. */
export const stagesOfLockstep = (plan: Asked, part: string): Stage[] =>
  [READING, ...sideBySide(plan)].map((label) => ({ label, part }));

/**
 * Of squeezing a model.
 * @param points parts with the names of their stages
 */
export const stagesOfSqueezing = (
  points: readonly {
    readonly part: string;
    readonly makes: boolean;
    readonly asks: readonly string[];
    /** whether a text of its own is read for it */
    readonly reads?: boolean;
    readonly calibrates?: boolean;
  }[],
  {
    calibrated,
    bound,
    files,
  }: { readonly calibrated: boolean; readonly bound: boolean; readonly files: readonly string[] },
): Stage[] => [
  ...named([READING, ...where(calibrated, READING_CALIBRATION)]),
  ...points.flatMap(({ part, makes, asks, reads = false, calibrates = false }) =>
    [...where(calibrates, CALIBRATION), ...where(reads, READING), ...where(makes, MAKING), ...[LOCKSTEP, ...asks]].map(
      (label) => ({ label, part }),
    ),
  ),
  ...named([...where(bound, BOUND), ...where(files.length > 0, WRITING)]),
];

/** @param first whether it is the shard that has what the plan needs once */
export const stagesOfShard = (plan: Asked, first: boolean): Stage[] =>
  named([...preparing(plan), ...observing(plan), ...(first ? staticFigures(plan) : [])]);

/** Of joining the parts that shards have left. */
export const stagesOfMerge = (plan: Asked, files: readonly string[]): Stage[] =>
  named([...probeStages(plan), ...where(files.length > 0, WRITING)]);
