/**
 * Measures the checkpoints of one run, one after the other, on the same text and the same reference points (METHODS §2.8):
 * the same plan for all, but for what is the text's alone (the frontier, other compressors), which the first step takes for
 * all. Profiles are kept as they come, so that a stopped run goes on with the next checkpoint. What follows from the profiles
 * is left to `atlas/trajectory.ts`.
 *
 * Memory: one measurement; of every profile kept all but documents and passages.
 */

import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { MeasuredStep } from "../../atlas/trajectory.ts";
import { writeAtomic } from "../../files/atomic.ts";
import { sha256 } from "../../files/digest.ts";
import { ioFault } from "../../files/faults.ts";
import { phaseChangeNeed } from "../../info/phase-change.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { unmet } from "../../numeric/needs.ts";
import type { RunContext } from "../../ports/context.ts";
import type { Model } from "../../ports/model.ts";
import { SILENT, type Stage } from "../../ports/progress.ts";
import { FRONTIER } from "../../probes/plane/probe.ts";
import type { ForeseenRun, Foresight } from "../../profile/foresight.ts";
import type { Plan } from "../../profile/plan.ts";
import type { Profile } from "../../profile/profile.ts";
import { type OpenOptions, openModel } from "../../references/open.ts";
import { dryRun, foreseenTwins, foresightOf } from "../foresight/foresee.ts";
import { plainly } from "../foresight/plainly.ts";
import { measure } from "../measure.ts";
import { digestsOf } from "../prepare.ts";
import type { GivenPoints } from "../preparing/points.ts";
import { COMPRESSORS, DIGEST, stagesOfPart } from "../stages.ts";
import type { RunCheckpoint } from "./checkpoints.ts";
import { reusableProfile } from "./reuse.ts";

export interface RunRequest extends RunContext {
  /** in order */
  readonly checkpoints: readonly RunCheckpoint[];
  readonly plan: Plan;
  readonly points: GivenPoints | null;
  readonly work: string;
  /** folder that profiles are kept in, or null */
  readonly profiles: string | null;
  /** takes the profiles that are there, and goes on with the checkpoint that was stopped at */
  readonly resume: boolean;
  /** called with what `resume` has found, before anything is measured; what it throws ends the run */
  readonly onEarlier?: (found: EarlierFiles) => void;
  /** told what the run will do, once its first checkpoint that is measured is prepared */
  readonly onForesight?: (foresight: Foresight) => void;
  /** files and folders that the run writes */
  readonly outputs?: readonly string[];
  readonly offline?: boolean;
  /** what shows the download of one checkpoint */
  readonly downloads?: () => OpenOptions["onDownload"];
}

/** Files of steps that an earlier process has left. */
export interface EarlierFiles {
  /** profiles of this run */
  readonly taken: readonly string[];
  /** anything else, which will be replaced */
  readonly foreign: readonly string[];
}

/**
 * Measures the checkpoints of a run, one after the other, on the same text.
 * @throws LossyscopeError as `openModel` and `measure` do; `input` where a checkpoint has another shape or tokenizer than the
 * first, before it is measured; `usage` where the text is standard input
 */
export async function measureRun(request: RunRequest): Promise<MeasuredStep[]> {
  const { checkpoints, plan, profiles, progress, signal, offline, downloads } = request;
  refuseStandardInput(plan);
  if (profiles !== null) {
    await mkdir(profiles, { recursive: true }).catch((error) =>
      Promise.reject(ioFault(error, `make the folder ${profiles}`)),
    );
  }
  const partOf = partsOf(checkpoints);
  const planOf = (index: number): Plan => (index === 0 ? plan : withoutTextsOwn(plan));
  const earlier = await earlierSteps(request, planOf);
  for (const index of checkpoints.keys()) progress.announce(digestFirst(stagesOfPart(planOf(index), partOf(index))));
  const steps: MeasuredStep[] = [];
  const isMeasured = (checkpoint: RunCheckpoint): boolean => !earlier.has(checkpoint);
  const toldFirst = checkpoints.find(isMeasured);
  let first: Shape | undefined;
  for (const [index, checkpoint] of checkpoints.entries()) {
    progress.enter(partOf(index));
    const model = await openModel(checkpoint.model, { offline, signal, onDownload: downloads?.() });
    const shape = await shapeOf(model, request);
    first ??= shape;
    refuseOther(checkpoints[0], first, checkpoint, shape);
    const tell: RunRequest["onForesight"] =
      request.onForesight && checkpoint === toldFirst
        ? ({ runs: [one], rates }) => request.onForesight!(foresightOfAll(one, request, rates, isMeasured))
        : undefined;
    const {
      documents: _documents,
      passages: _passages,
      ...kept
    } = await measureStep(
      {
        ...request,
        plan: planOf(index),
        onForesight: tell,
        progress: { ...progress, message: (line) => progress.message(`step ${checkpoint.step}: ${line}`) },
      },
      checkpoint,
      model,
      earlier.get(checkpoint),
    );
    steps.push({ ...checkpoint, profile: { ...kept, documents: [], passages: [] } });
  }
  progress.enter(null);
  return steps;
}

const partsOf =
  (checkpoints: readonly RunCheckpoint[]) =>
  (index: number): string =>
    `checkpoint ${index + 1} of ${checkpoints.length}`;

function refuseStandardInput({ text }: Plan): void {
  if (text.some(({ path }) => path === "-"))
    throw new LossyscopeError("usage", "standard input can be read once, not for every checkpoint", "pass a file");
}

/** What is the text's alone: the first checkpoint takes it for all. */
const ONCE = [COMPRESSORS, FRONTIER];

/** Of the checkpoints that are measured, from what one of them will do. */
function foresightOfAll(
  one: ForeseenRun,
  { checkpoints }: Pick<RunRequest, "checkpoints">,
  rates: Foresight["rates"],
  isMeasured: (checkpoint: RunCheckpoint) => boolean = () => true,
): Foresight {
  const partOf = partsOf(checkpoints);
  const twins = [...checkpoints.entries()]
    .filter(([, checkpoint]) => isMeasured(checkpoint))
    .map(([index, { name }]) => ({ name, part: partOf(index), whole: index === 0 }));
  const missing = unmet([phaseChangeNeed(checkpoints.length)]).map(plainly);
  return foresightOf(foreseenTwins(one, twins, ONCE), rates, missing);
}

/**
 * What measuring the checkpoints would do: the first one is looked at in full, of the others whether they belong to it.
 * @throws LossyscopeError as `measureRun` does before the first model runs
 */
export async function dryRunOf(request: Omit<RunRequest, "profiles" | "resume">): Promise<Foresight> {
  const { checkpoints, plan, progress, signal, offline, downloads } = request;
  refuseStandardInput(plan);
  let first: { readonly model: Model; readonly shape: Shape } | undefined;
  for (const checkpoint of checkpoints) {
    const model = await openModel(checkpoint.model, { offline, signal, onDownload: downloads?.() });
    const shape = await shapeUnhashed(model);
    first ??= { model, shape };
    refuseOther(checkpoints[0], first.shape, checkpoint, shape);
  }
  const one = { ...request, model: first!.model, streaming: "if needed", root: request.work } as const;
  const { run, rates } = await dryRun({ ...one, option: "--work" });
  progress.finish();
  return foresightOfAll(run, request, rates);
}

/** A checkpoint is looked at before the text is read. */
const digestFirst = (stages: readonly Stage[]): Stage[] =>
  [...stages].sort((a, b) => Number(b.label === DIGEST) - Number(a.label === DIGEST));

const withoutTextsOwn = (plan: Plan): Plan => ({
  ...plan,
  baselines: false,
  plane: plan.plane && { ...plan.plane, frontier: null },
});

const fileOf = (profiles: string, { step }: RunCheckpoint): string => join(profiles, `step-${step}.json`);

/** The profiles of steps that an earlier process has measured, where `resume` looks for them. */
async function earlierSteps(
  request: RunRequest,
  planOf: (index: number) => Plan,
): Promise<ReadonlyMap<RunCheckpoint, Profile>> {
  const { checkpoints, points, profiles, resume, outputs, progress, signal, offline, downloads } = request;
  const found = new Map<RunCheckpoint, Profile>();
  if (!resume || profiles === null) return found;
  const files: Record<keyof EarlierFiles, string[]> = { taken: [], foreign: [] };
  const there = [...checkpoints.entries()].filter(([, checkpoint]) => existsSync(fileOf(profiles, checkpoint)));
  if (there.length > 0) progress.start("profiles of an earlier run", there.length, "profiles");
  for (const [done, [index, checkpoint]] of there.entries()) {
    const path = fileOf(profiles, checkpoint);
    const model = await openModel(checkpoint.model, { offline, signal, onDownload: downloads?.() });
    const own = { model, plan: planOf(index), points, outputs, progress: SILENT, signal };
    const profile = await reusableProfile(path, own);
    files[profile ? "taken" : "foreign"].push(path);
    if (profile) found.set(checkpoint, profile);
    progress.update(done + 1);
  }
  progress.finish();
  request.onEarlier?.(files);
  return found;
}

async function measureStep(
  request: RunRequest,
  checkpoint: RunCheckpoint,
  model: Model,
  earlier: Profile | undefined,
): Promise<Profile> {
  const { plan, points, threads, work, profiles, resume, outputs, onForesight, progress, signal } = request;
  const path = profiles === null ? null : fileOf(profiles, checkpoint);
  if (earlier) {
    progress.message("taken from an earlier run");
    return earlier;
  }
  const { profile } = await measure({
    model,
    plan,
    points,
    threads,
    work,
    resume,
    outputs,
    onForesight,
    progress: { ...progress, message() {} }, // every step would say the same
    signal,
    async deliver(measurement) {
      if (path === null) return;
      await writeAtomic(path, `${JSON.stringify(measurement.profile, null, 1)}\n`);
      progress.message(`wrote ${path}`);
    },
  });
  return profile;
}

/** What checkpoints of one run have in common. */
type Shape = Readonly<Record<"architecture" | "blocks" | "width" | "vocabulary" | "tokenizer", string | number | null>>;

async function shapeOf(model: Model, request: RunRequest): Promise<Shape> {
  const { tokenizer } = await digestsOf(model, request);
  return shapeWith(model, tokenizer);
}

/** The same, hashing no weights and remembering nothing. */
async function shapeUnhashed(model: Model): Promise<Shape> {
  const files = await Promise.all(model.tokenizerFiles.map((path) => readFile(path)));
  return shapeWith(model, files.length === 0 ? null : sha256(files.map((file) => sha256(file)).join("\n")));
}

const shapeWith = ({ architecture, layers, width, vocabulary }: Model, tokenizer: string | null): Shape => ({
  architecture,
  blocks: layers,
  width,
  vocabulary,
  tokenizer,
});

function refuseOther(firstCheckpoint: RunCheckpoint, first: Shape, checkpoint: RunCheckpoint, shape: Shape): void {
  const differing = (Object.keys(first) as (keyof Shape)[]).find((key) => first[key] !== shape[key]);
  if (differing === undefined) return;
  const shown = (value: string | number | null): string => String(value).slice(0, 12);
  throw new LossyscopeError(
    "input",
    `${checkpoint.name} is no checkpoint of the run that ${firstCheckpoint.name} is of: ${differing} ${shown(shape[differing])} instead of ${shown(first[differing])}`,
    "name checkpoints of one training run; `lossyscope compare` takes profiles of different models",
  );
}
