/** Measurements in one call: `measure/` with everything that a program need not say filled in. */
import { trajectoryOf } from "../atlas/trajectory.ts";
import { findRun } from "../measure/checkpoints/checkpoints.ts";
import { measureRun } from "../measure/checkpoints/trajectory.ts";
import { measureFacts } from "../measure/facts/facts.ts";
import { type MeasureRequest, measure as measured } from "../measure/measure.ts";
import { validatePlan } from "../measure/plan.ts";
import { readPlannedFacts } from "../measure/prepare.ts";
import { defaultWorkFolder } from "../measure/running/run-folder.ts";
import { atPrecision, type Model } from "../ports/model.ts";
import { SILENT } from "../ports/progress.ts";
import type { Facts } from "../profile/facts.ts";
import type { PlanOptions } from "../profile/plan.ts";
import type { Profile } from "../profile/profile.ts";
import type { Trajectory } from "../profile/trajectory.ts";
import { downloadProgress } from "./download.ts";
import { machineOf, opened, type Run, sourcesOf, type Text } from "./given.ts";

/** Where a measurement keeps what it needs while it goes on, and whether it takes up what a stopped one left there. */
interface Kept extends Run, Partial<Pick<MeasureRequest, "work" | "resume">> {}

export interface MeasureOptions
  extends Omit<PlanOptions, "text" | "unseen">,
    Kept,
    Partial<Pick<MeasureRequest, "title" | "tries">> {
  readonly text: Text;
  /** text of the same kind that the model was not trained on, for `with: ["recall"]` */
  readonly unseen?: Text;
  /** the model that it is read beside, token by token (METHODS §12.1) */
  readonly reference?: string | Model;
  /** whether weights are read piece by piece, slowly; where not given, if the model does not fit into memory otherwise */
  readonly streamWeights?: boolean;
}

/**
 * Measures a model on a text: its compression profile.
 * @param model a folder in the Hugging Face layout, a GGUF file, `org/name[@revision]`, or what `openModel` gave
 * @param options those of a plan (METHODS; `lossyscope/measure` `validatePlan`), where it runs, and what it tells
 * @throws LossyscopeError by what is wrong with model, text, options, machine; `interrupted` when stopped
 */
export async function measure(model: string | Model, options: MeasureOptions): Promise<Profile> {
  const {
    text,
    unseen = [],
    reference,
    threads,
    work,
    resume,
    progress,
    signal,
    title,
    tries,
    streamWeights,
    offline,
    ...plan
  } = options;
  const run = { offline, progress, signal };
  const { profile } = await measured({
    ...machineOf({ threads, progress, signal }),
    model: await opened(model, run),
    reference: reference === undefined ? undefined : await opened(reference, run),
    plan: validatePlan({ ...plan, text: sourcesOf(text), unseen: sourcesOf(unseen) }),
    points: null,
    work: work ?? defaultWorkFolder(),
    resume: resume ?? false,
    title,
    tries,
    ...(streamWeights !== undefined && { streaming: streamWeights ? "always" : "never" }),
  });
  return profile;
}

/** `prefixes` and `length` are tokens. */
export type RecallOptions = Omit<MeasureOptions, "with" | "recall" | "plane" | "geometry" | "baselines"> &
  NonNullable<PlanOptions["recall"]>;

/**
 * Asks a model to go on with passages of a text: what comes back verbatim, in gist, or by guessing (METHODS §5).
 * @returns a profile with `recall`, and what the text costs; without plane, geometry and other compressors
 * @throws LossyscopeError as `measure`
 */
export const recall = (
  model: string | Model,
  { prefixes, length, passages, ...options }: RecallOptions,
): Promise<Profile> =>
  measure(model, {
    ...options,
    with: ["recall"],
    recall: { prefixes, length, passages },
    plane: null,
    geometry: false,
    baselines: false,
  });

export interface FactsOptions extends Run, Omit<NonNullable<PlanOptions["facts"]>, "path"> {
  /** records in .jsonl, or a .csv of subject, relation, value */
  readonly facts: string;
  /** of the sample and the resampling; 0 where not given */
  readonly seed?: number;
  /** `fast`: what meets codes of weights is rounded to 8 bits; exactly where not given */
  readonly precision?: "fast";
  /** false: no examples of questions and answers */
  readonly keepText?: boolean;
}

/**
 * Asks a model for facts: what it knows, what it makes up, and whether it knows the difference (METHODS §6).
 * @throws LossyscopeError `io`, `text`, `input` or `usage` for facts that cannot be read or asked; as the engine does
 */
export async function facts(model: string | Model, options: FactsOptions): Promise<Facts> {
  const { facts: path, seed = 0, keepText = true, precision, threads, progress, signal, offline, ...how } = options;
  const plan = validatePlan({ text: [{ path: "-" }], with: ["facts"], facts: { ...how, path }, seed });
  return measureFacts({
    ...machineOf({ threads, progress, signal }),
    facts: await readPlannedFacts(plan.facts!, seed),
    model: atPrecision(await opened(model, { offline, progress, signal }), precision),
    seed,
    keepText,
  });
}

export interface TrajectoryOptions
  extends Omit<MeasureOptions, "title" | "unseen" | "reference" | "streamWeights" | "with" | "recall" | "facts"> {
  /** folder that the profiles of the checkpoints are kept in, which `resume` goes on from; none where not given */
  readonly profiles?: string;
}

/**
 * Measures the checkpoints of one training run, in the order of their steps, on one text (METHODS §2.8).
 * @param run a folder of checkpoints, checkpoints by their folders, or `org/name@step1000,step2000`
 * @throws LossyscopeError as `measure`; `input` for checkpoints that are not of one run
 */
export async function trajectory(run: string | readonly string[], options: TrajectoryOptions): Promise<Trajectory> {
  const { text, threads, work, resume, progress, signal, offline, profiles, ...plan } = options;
  const { name, log, checkpoints } = await findRun(typeof run === "string" ? [run] : run);
  const steps = await measureRun({
    ...machineOf({ threads, progress, signal }),
    checkpoints,
    plan: validatePlan({ ...plan, text: sourcesOf(text) }),
    points: null,
    work: work ?? defaultWorkFolder(),
    profiles: profiles ?? null,
    resume: resume ?? false,
    offline,
    downloads: () => downloadProgress(progress ?? SILENT),
  });
  return trajectoryOf({ name, log, steps });
}
