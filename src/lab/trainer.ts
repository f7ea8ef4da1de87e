/**
 * A training run: steps over rows of tokens, checkpoints on the way, a log of both. Everything that a step does follows
 * from the settings, the rows and the step's number, so a run that was stopped goes on to the weights it would have had.
 */

import { appendFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomic } from "../files/atomic.ts";
import { ioFault, systemCode } from "../files/faults.ts";
import { lockFolder } from "../files/lock.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { QuietContext } from "../ports/context.ts";
import type { Prefix, TokenizedDocument } from "../text/corpus.ts";
import {
  type CheckpointForm,
  checkpointFolder,
  hasState,
  leftIn,
  logged,
  RUN_LOG,
  readState,
  requireFree,
  type SavedState,
  saveState,
  writeCheckpoint,
} from "./checkpoint.ts";
import { initialVector, layoutOf, type ParameterLayout } from "./parameters.ts";
import { type RowBatch, Rows } from "./rows.ts";
import { checkpointSteps, rateAt, type Schedule } from "./schedule.ts";
import { buildEvaluatingGraph, buildTrainingGraphs, type Teacher, type TrainingShape } from "./training-graph.ts";
import { initialState, type StepResult, TrainingRuntime } from "./training-runtime.ts";

/** Between two states saved where no checkpoint comes. */
const SAVE_SECONDS = 120;

export interface TrainingSettings {
  readonly steps: number;
  /** rows in the run at most; the last step may have fewer than a batch */
  readonly rows: number;
  /** rows of a step */
  readonly batch: number;
  /** S: targets of a row */
  readonly positions: number;
  /** tokens that go through the model together; gradients of several such parts add up */
  readonly runTokens: number;
  readonly schedule: Schedule;
  readonly beta1: number;
  readonly beta2: number;
  /** λ, on matrices */
  readonly weightDecay: number;
  readonly clip: number | null;
  /** how many are left behind */
  readonly checkpoints: number;
  /** of the weights at the start */
  readonly seed: number;
}

export interface StepReport extends StepResult {
  readonly step: number;
  /** targets of the step, and of all steps so far */
  readonly stepTokens: number;
  readonly tokens: number;
  readonly rate: number;
}

export interface CheckpointReport {
  readonly step: number;
  readonly folder: string;
  readonly heldOutBitsPerByte: number | null;
}

export interface TrainingJob extends QuietContext {
  /** the folder that everything goes to */
  readonly out: string;
  readonly config: Record<string, unknown>;
  readonly spec: DecoderSpec;
  readonly rows: Rows;
  readonly settings: TrainingSettings;
  readonly teacher?: Teacher;
  /** a digest of all that decides the weights */
  readonly identity: string;
  /** what a checkpoint holds beside config and weights, and what its weights are rounded to */
  readonly files: CheckpointForm["files"];
  readonly dtype: CheckpointForm["dtype"];
  readonly resume: boolean;
  /** whether a run that the folder holds is taken away, where it is not one to go on with; not where not given */
  readonly replace?: boolean;
  /** bits per byte of a checkpoint on held-out text; null: there is none */
  readonly validate: ((folder: string) => Promise<number>) | null;
  /** from whom, and on which documents, the divergence is taken at the end: of a model that was taught or was not */
  readonly judged?: {
    readonly by: Teacher;
    readonly documents: readonly TokenizedDocument[];
    readonly prefix: Prefix | null;
  };
  readonly onStart?: (done: { readonly step: number; readonly tokens: number }) => void;
  readonly onStep?: (report: StepReport) => void;
  readonly onCheckpoint?: (report: CheckpointReport) => void;
}

export interface Trained {
  readonly last: CheckpointReport;
  /** mean KL(teacher ‖ model) a token, T = 1, over the judged documents in rows of S; null where nobody judges */
  readonly klNats: number | null;
}

/** Rows that go through the model together, and in how many runs a batch does. */
export function shapeOf(
  { batch, positions, runTokens, clip }: Pick<TrainingSettings, "batch" | "positions" | "runTokens" | "clip">,
  teacher?: Teacher,
): TrainingShape {
  const rows = Math.ceil(batch / Math.ceil((batch * positions) / Math.max(runTokens, positions)));
  return { rows, positions, runs: Math.ceil(batch / rows), clip, ...(teacher && { teacher }) };
}

/**
 * Trains a model on rows of tokens, and leaves checkpoints.
 * @throws LossyscopeError `usage` where the folder holds another run, or the loss is no longer a number; `interrupted`
 * after the signal, the state saved; `io`, `engine`, `memory`
 */
export async function train(job: TrainingJob): Promise<Trained> {
  const unlock = lockFolder(job.out, "training");
  try {
    return await trainAlone(job);
  } finally {
    unlock();
  }
}

async function trainAlone(job: TrainingJob): Promise<Trained> {
  const { out, spec, rows, settings, teacher, identity, signal } = job;
  const layout = layoutOf(spec);
  const shape = shapeOf(settings, teacher);
  const wanted = new Set(checkpointSteps(settings.steps, settings.checkpoints));
  const before = await earlier(job, layout);
  const saved: SavedState = before ?? {
    step: 0,
    tokens: 0,
    state: initialState(initialVector(layout, job.config, settings.seed)),
  };
  const runtime = new TrainingRuntime(layout, shape, job);
  try {
    const graphs = buildTrainingGraphs(spec, layout, shape);
    if (job.judged) graphs.push(buildEvaluatingGraph(spec, layout, { ...shape, teacher: job.judged.by }));
    await runtime.load(graphs);
    await runtime.set(saved.state);
    let { tokens } = saved;
    let last: CheckpointReport | undefined;
    let savedAt = performance.now();
    const current = async (step: number): Promise<SavedState> => {
      const state = await runtime.get();
      if (!state.parameters.every(Number.isFinite)) throw diverged(step, "parameters beyond all numbers", last);
      return { step, tokens, state };
    };
    const save = async (state: SavedState): Promise<void> => {
      await saveState(out, identity, state);
      savedAt = performance.now();
    };
    const leave = async ({ step, state }: SavedState): Promise<void> => {
      const folder = checkpointFolder(out, step);
      const { config, files, dtype } = job;
      await writeCheckpoint(folder, { config, files, layout, dtype }, state.parameters);
      try {
        last = { step, folder, heldOutBitsPerByte: (await job.validate?.(folder)) ?? null };
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        if (!(error instanceof LossyscopeError && error.fault === "model")) throw error;
        throw diverged(step, error.message, last);
      }
      await note(out, { checkpoint: `step-${step}`, ...last, folder: undefined });
      job.onCheckpoint?.(last);
    };

    await trimLog(out, saved.step);
    if (wanted.has(saved.step)) await leave(saved);
    if (!before) await save(saved);
    job.onStart?.({ step: saved.step, tokens });
    for (let step = saved.step + 1; step <= settings.steps; step++) {
      if (signal?.aborted) {
        await save(await current(step - 1));
        throw new LossyscopeError(
          "interrupted",
          `stopped after step ${count(step - 1)} of ${count(settings.steps)}`,
          "the same command with --resume goes on",
        );
      }
      const parts = partsOf(rows, settings, shape, step);
      const rate = rateAt(step, settings.steps, settings.schedule);
      const { beta1, beta2, weightDecay } = settings;
      const result = await runtime.step(
        parts,
        {
          rate,
          decay: rate * weightDecay,
          beta1,
          beta2,
          correction1: 1 - beta1 ** step,
          correction2: 1 - beta2 ** step,
        },
        `step ${count(step)}`,
      );
      if (Number.isFinite(result.nllNats) && !Number.isFinite(result.klNats ?? 0))
        throw new LossyscopeError(
          "model",
          `the divergence from the teacher is ${result.klNats} at step ${count(step)}`,
          "look for NaN and infinity among the teacher's weights: `lossyscope inspect TEACHER --entropy` names the tensors that hold them",
        );
      if (!Number.isFinite(result.lossNats) || !Number.isFinite(result.norm))
        throw diverged(
          step,
          `loss ${result.lossNats}, gradient norm ${result.norm}, rate ${rate.toPrecision(3)}`,
          last,
        );
      const stepTokens = parts.reduce((total, part) => total + part.tokens, 0);
      tokens += stepTokens;
      const report: StepReport = { step, stepTokens, tokens, rate, ...result };
      await note(out, { ...report });
      job.onStep?.(report);
      const due = performance.now() - savedAt > SAVE_SECONDS * 1000;
      if (!wanted.has(step) && !due) continue;
      const reached = await current(step);
      if (wanted.has(step)) await leave(reached);
      await save(reached);
    }
    return { last: last!, klNats: job.judged ? await meanDivergence(runtime, job.judged, shape) : null };
  } finally {
    await runtime.close();
  }
}

/** The state of a run that was stopped, where there is one and it is asked for; what may be replaced is taken away. */
async function earlier(job: TrainingJob, layout: ParameterLayout): Promise<SavedState | undefined> {
  const { out, identity, resume, replace, settings } = job;
  requireFree(out, { resume, replace });
  if (resume) return hasState(out) ? readState(out, identity, layout, settings.steps) : undefined;
  for (const path of leftIn(out))
    await rm(path, { recursive: true, force: true }).catch((error) => Promise.reject(ioFault(error, `remove ${path}`)));
  return undefined;
}

/** A step's rows, in as many parts as it has runs. */
function partsOf(rows: Rows, settings: TrainingSettings, shape: TrainingShape, step: number): RowBatch[] {
  const first = (step - 1) * settings.batch;
  const end = Math.min(first + settings.batch, settings.rows);
  return Array.from({ length: shape.runs }, (_, run) => {
    const from = Math.min(first + run * shape.rows, end);
    return rows.take(from, Math.min(from + shape.rows, end), shape.rows);
  });
}

function diverged(step: number, what: string, good: CheckpointReport | undefined): LossyscopeError {
  const kept = good ? `; the last good checkpoint is step-${good.step}` : "";
  return new LossyscopeError(
    "usage",
    `training diverged at step ${count(step)} (${what})${kept}`,
    "pass a lower --rate, a longer --warmup or a lower --clip",
  );
}

async function meanDivergence(
  runtime: TrainingRuntime,
  { documents, prefix }: NonNullable<TrainingJob["judged"]>,
  { rows: together, positions }: TrainingShape,
): Promise<number> {
  let nats = 0;
  let tokens = 0;
  for (const { id, ids } of documents) {
    const rows = new Rows([ids], { positions, packing: "stream", prefix, shuffled: false, seed: 0 });
    for (let row = 0; row < rows.perEpoch; row += together) {
      const part = rows.take(row, Math.min(row + together, rows.perEpoch), together);
      nats += part.tokens * (await runtime.divergence(part, `held-out document "${id}"`));
      tokens += part.tokens;
    }
  }
  return nats / tokens;
}

async function note(out: string, line: object): Promise<void> {
  await appendFile(join(out, RUN_LOG), `${JSON.stringify(line)}\n`).catch((error) =>
    Promise.reject(ioFault(error, `write ${join(out, RUN_LOG)}`)),
  );
}

/** Takes lines of later steps away, and those of the checkpoint that is about to be left again. */
async function trimLog(out: string, step: number): Promise<void> {
  const path = join(out, RUN_LOG);
  const text = await readFile(path, "utf8").catch((error) =>
    systemCode(error) === "ENOENT" ? "" : Promise.reject(ioFault(error, `read ${path}`)),
  );
  const kept = text.split("\n").filter((line) => {
    const { step: noted, checkpoint } = logged(line);
    return typeof noted === "number" && (noted < step || (noted === step && checkpoint === undefined));
  });
  await writeAtomic(path, kept.map((line) => `${line}\n`).join(""));
}
