/**
 * Measures the checkpoints of one run, one after the other, on the same text and the same reference points (METHODS §2.8):
 * the same plan for all, but for what is the text's alone (the frontier, other compressors), which the first step takes for
 * all. Profiles are kept as they come, so that a stopped run goes on with the next checkpoint. What follows from the profiles
 * is left to `atlas/trajectory.ts`.
 *
 * Memory: one measurement; of every profile kept all but documents and passages.
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { MeasuredStep } from "../atlas/trajectory.ts";
import { writeAtomic } from "../files/atomic.ts";
import { ioFault } from "../files/faults.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { ProgressSink, Stage } from "../ports/progress.ts";
import type { Plan } from "../profile/plan.ts";
import type { Profile } from "../profile/profile.ts";
import type { RunCheckpoint } from "./checkpoints.ts";
import { earlierProfile } from "./earlier.ts";
import { measure } from "./measure.ts";
import { type OpenModel, type OpenOptions, openModel } from "./model.ts";
import type { GivenPoints } from "./points.ts";
import { digestsOf } from "./prepare.ts";
import { DIGEST, stagesOfPart } from "./stages.ts";

export interface RunRequest {
  /** in order */
  readonly checkpoints: readonly RunCheckpoint[];
  readonly plan: Plan;
  readonly points: GivenPoints | null;
  readonly threads: number;
  readonly work: string;
  /** folder that profiles are kept in, or null */
  readonly profiles: string | null;
  /** takes the profiles that are there, and goes on with the checkpoint that was stopped at */
  readonly resume: boolean;
  /** files and folders that the run writes */
  readonly outputs?: readonly string[];
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal;
  readonly offline?: boolean;
  /** what shows the download of one checkpoint */
  readonly downloads?: () => OpenOptions["onDownload"];
}

/**
 * @throws LossyscopeError as `openModel` and `measure` do; `input` where a checkpoint has another shape or tokenizer than the
 * first, before it is measured; `usage` where the text is standard input
 */
export async function measureRun(request: RunRequest): Promise<MeasuredStep[]> {
  const { checkpoints, plan, profiles, progress, signal, offline, downloads } = request;
  if (plan.text.some(({ path }) => path === "-")) {
    throw new LossyscopeError("usage", "standard input can be read once, not for every checkpoint", "pass a file");
  }
  if (profiles !== null) {
    await mkdir(profiles, { recursive: true }).catch((error) =>
      Promise.reject(ioFault(error, `make the folder ${profiles}`)),
    );
  }
  const partOf = (index: number): string => `checkpoint ${index + 1} of ${checkpoints.length}`;
  const planOf = (index: number): Plan => (index === 0 ? plan : withoutTextsOwn(plan));
  for (const index of checkpoints.keys()) progress.announce(digestFirst(stagesOfPart(planOf(index), partOf(index))));
  const steps: MeasuredStep[] = [];
  let first: Shape | undefined;
  for (const [index, checkpoint] of checkpoints.entries()) {
    progress.enter(partOf(index));
    const model = await openModel(checkpoint.model, { offline, signal, onDownload: downloads?.() });
    const shape = await shapeOf(model, request);
    first ??= shape;
    refuseOther(checkpoints[0], first, checkpoint, shape);
    const {
      documents: _documents,
      passages: _passages,
      ...kept
    } = await measureStep(
      {
        ...request,
        plan: planOf(index),
        progress: { ...progress, message: (line) => progress.message(`step ${checkpoint.step}: ${line}`) },
      },
      checkpoint,
      model,
    );
    steps.push({ ...checkpoint, profile: { ...kept, documents: [], passages: [] } });
  }
  progress.enter(null);
  return steps;
}

/** A checkpoint is looked at before the text is read. */
const digestFirst = (stages: readonly Stage[]): Stage[] =>
  [...stages].sort((a, b) => Number(b.label === DIGEST) - Number(a.label === DIGEST));

const withoutTextsOwn = (plan: Plan): Plan => ({
  ...plan,
  baselines: false,
  plane: plan.plane && { ...plan.plane, frontier: null },
});

async function measureStep(request: RunRequest, { step }: RunCheckpoint, model: OpenModel): Promise<Profile> {
  const { plan, points, threads, work, profiles, resume, outputs, progress, signal } = request;
  const path = profiles === null ? null : join(profiles, `step-${step}.json`);
  const earlier =
    resume && path !== null ? await earlierProfile(path, { model, plan, points, outputs, progress, signal }) : null;
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

async function shapeOf({ spec, checkpoint }: OpenModel, request: RunRequest): Promise<Shape> {
  const { tokenizer } = await digestsOf(checkpoint, request);
  const { architecture, blocks, width, vocabulary } = spec;
  return { architecture, blocks: blocks.length, width, vocabulary, tokenizer };
}

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
