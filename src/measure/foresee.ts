/**
 * What a run will do, before it does it: how much of what goes through the model, in which stages and for about how long, on how
 * much memory and disk, and which figures this text is too short for. A run tells it when it is prepared; a dry run prepares,
 * tells it and ends, having written nothing.
 */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { PROCESS_BYTES } from "../engines/memory.ts";
import { type Rates, timedTrial } from "../engines/trial.ts";
import { storageLedger } from "../models/ledger.ts";
import { sum } from "../numeric/sums.ts";
import { probeDiskBytes } from "../probes/index.ts";
import { FORESIGHT_SCHEMA, type ForeseenRun, type Foresight } from "../profile/foresight.ts";
import type { WindowBatch } from "../text/corpus.ts";
import type { FactSet } from "../text/facts.ts";
import { type Costs, costsOf } from "./costs.ts";
import { measuringBytes } from "./memory.ts";
import type { OpenModel } from "./model.ts";
import { lookAhead, type Prepared, type PrepareRequest } from "./prepare.ts";
import { refuseSmallDisk } from "./run-folder.ts";
import type { Shard } from "./shard.ts";
import { stagesOf, stagesOfShard } from "./stages.ts";
import { countPass } from "./work.ts";

/** How a prepared run goes on. */
export interface Course {
  readonly model: OpenModel;
  readonly threads: number;
  /** that are still to go through the model */
  readonly batches: readonly WindowBatch[];
  /** null: the whole plan */
  readonly shard: Shard | null;
  readonly rates: Rates;
}

/** A model as a foresight names it. */
export function foreseenModel({ name, revision, spec, checkpoint }: OpenModel): ForeseenRun["model"] {
  return {
    name,
    revision,
    architecture: spec.architecture,
    layers: spec.blocks.length,
    width: spec.width,
    vocabulary: spec.vocabulary,
    parameters: storageLedger(checkpoint.config, checkpoint.weights, { name }).parameters.total,
  };
}

export const foreseenFacts = ({ name, facts }: FactSet): NonNullable<ForeseenRun["facts"]> => ({
  name,
  facts: facts.length,
  questions: sum(facts.map(({ prompts }) => prompts.length)),
});

/** @param costs by label, in any order and others among them @param labels of the stages, in order */
export const stagesAtCost = (costs: Costs, labels: readonly string[]): ForeseenRun["stages"] =>
  labels.flatMap((label) => (costs[label] > 0 ? [{ label, seconds: costs[label] }] : []));

export function foreseenRun(prepared: Prepared, { model, threads, batches, shard, rates }: Course): ForeseenRun {
  const { subject, unseen, facts, longest } = prepared;
  const { plan, context, corpus, foretold } = subject;
  const costs = costsOf({ model, threads }, prepared, batches, rates);
  const stages = shard ? stagesOfShard(plan, shard.index === 1) : stagesOf(plan);
  const atCost = stagesAtCost(
    costs,
    stages.map(({ label }) => label),
  );
  const { spec, checkpoint } = model;
  const slots = (of: readonly WindowBatch[]): number => countPass(spec, of, longest).slots;
  return {
    part: null,
    model: foreseenModel(model),
    text: {
      name: corpus.name,
      documents: corpus.documents,
      bytes: corpus.bytes,
      tokens: corpus.tokens,
      unit: corpus.unit,
      units: corpus.units,
      unseen: unseen?.length ?? null,
    },
    facts: facts && foreseenFacts(facts),
    pass: {
      context,
      windows: sum(batches.map(({ windows }) => windows.length)),
      batches: batches.length,
      slots: slots(batches),
    },
    stages: atCost,
    seconds: sum(atCost.map(({ seconds }) => seconds)),
    memoryBytes: PROCESS_BYTES + measuringBytes(spec, checkpoint.weights, { longest, batchTokens: plan.batchTokens }),
    diskBytes: Math.round(probeDiskBytes(subject) * (shard ? slots(batches) / slots(prepared.batches) : 1)),
    missing: [...foretold],
  };
}

/** @param missing of all runs together */
export const foresightOf = (
  runs: readonly ForeseenRun[],
  rates: Rates,
  missing: Foresight["missing"] = [],
): Foresight => ({
  schema: FORESIGHT_SCHEMA,
  runs: [...runs],
  missing,
  writes: [],
  seconds: sum(runs.map(({ seconds }) => seconds)),
  memoryBytes: Math.max(...runs.map(({ memoryBytes }) => memoryBytes)),
  diskBytes: Math.max(...runs.map(({ diskBytes }) => diskBytes)),
  rates,
});

export interface DryRunRequest extends PrepareRequest {
  readonly threads: number;
  readonly shard?: Shard | null;
  /** where the run would keep what it needs, and the option that named it */
  readonly root: string;
  readonly option: "--work" | "--out";
}

/**
 * What a measurement would do. Reads the text and the headers of the weights, tries the machine, and writes nothing.
 * @param rates of this machine where they are known already
 * @throws LossyscopeError whatever would stop the run before the model runs: `usage`, `text`, `input`, `model`, `memory`, `io`
 */
export async function dryRun(
  request: DryRunRequest,
  rates?: Rates,
): Promise<{ readonly run: ForeseenRun; readonly rates: Rates; readonly prepared: Prepared }> {
  const { model, threads, shard = null, root, option, progress, signal } = request;
  const prepared = await lookAhead(request);
  const batches = shard ? shard.claim(prepared.batches) : prepared.batches;
  const tried = rates ?? (await timedTrial(model.spec.width, threads, signal));
  progress.finish();
  const run = foreseenRun(prepared, { model, threads, batches, shard, rates: tried });
  refuseSmallDisk(run.diskBytes, 0, nearestFolder(root), option);
  return { run, rates: tried, prepared };
}

/** The folder itself, or the one that it would be made in. */
function nearestFolder(path: string): string {
  const whole = resolve(path);
  return existsSync(whole) ? whole : nearestFolder(dirname(whole));
}
