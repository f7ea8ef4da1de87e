/**
 * What a run will do, before it does it: how much of what goes through the model, in which stages and for about how long, on how
 * much memory and disk, and which figures this text is too short for. A run tells it when it is prepared; a dry run prepares,
 * tells it and ends, having written nothing.
 */

import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { requireAskable } from "../../decode/candidates.ts";
import { PROCESS_BYTES } from "../../engines/memory.ts";
import { type Rates, timedTrial } from "../../engines/trial.ts";
import { requirePositions } from "../../models/decoder.ts";
import { storageLedger } from "../../models/ledger.ts";
import { holdingOf, runnableBytes } from "../../models/sources/runnable.ts";
import { unmet } from "../../numeric/needs.ts";
import { sum } from "../../numeric/sums.ts";
import type { RunContext } from "../../ports/context.ts";
import { type Decoder, decoderOf, type Model, requireDecoder } from "../../ports/model.ts";
import { probeDiskBytes } from "../../probes/index.ts";
import { FORESIGHT_SCHEMA, type ForeseenRun, type Foresight } from "../../profile/foresight.ts";
import type { WindowBatch } from "../../text/corpus.ts";
import type { FactSet } from "../../text/facts.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { factsNeeds } from "../facts/figures.ts";
import { besideReference } from "../lockstep/foresee.ts";
import { lookAhead, type Prepared, type PrepareRequest } from "../prepare.ts";
import { measuringBytes } from "../preparing/memory.ts";
import { rereads } from "../running/repeatability.ts";
import { refuseSmallDisk } from "../running/run-folder.ts";
import type { Shard } from "../shards/share.ts";
import { ANSWERS, CANDIDATES, STATES, stagesOf, stagesOfShard } from "../stages.ts";
import { type Passage, requireRows } from "../states/states.ts";
import { askingCosts, type Costs, costsOf, statesSeconds, streamingOf } from "./costs.ts";
import { plainly } from "./plainly.ts";
import { slotsOf } from "./work.ts";

/** Slots of a run that asks for candidates (`decode/trees.ts`). */
const MOST_SLOTS = 4096;

/** What of a model is asked for here. */
const FORETELLING = "foretelling what a run will do";

/** How a prepared run goes on. */
export interface Course {
  readonly model: Model;
  readonly threads: number;
  /** that are still to go through the model */
  readonly batches: readonly WindowBatch[];
  /** null: the whole plan */
  readonly shard: Shard | null;
  readonly rates: Rates;
}

/** A model as a foresight names it. */
export function foreseenModel(model: Model): ForeseenRun["model"] {
  const { name, revision, architecture, layers, width, vocabulary, config } = model;
  const decoder = decoderOf(model);
  return {
    name,
    revision,
    architecture,
    layers,
    width,
    vocabulary,
    parameters: decoder && storageLedger(config, decoder.weights, { name }).parameters.total,
  };
}

export const foreseenFacts = ({ name, facts }: FactSet): NonNullable<ForeseenRun["facts"]> => ({
  name,
  facts: facts.length,
  questions: sum(facts.map(({ prompts }) => prompts.length)),
});

/** One of several models of one shape on one text. */
export interface Twin {
  readonly name: string;
  readonly part: string;
  /** whether it takes what is the text's own, once for all */
  readonly whole: boolean;
}

/**
 * What one model will do, for all that do the same.
 * @param once stages that only who takes what is the text's own has
 */
export const foreseenTwins = (one: ForeseenRun, twins: readonly Twin[], once: readonly string[]): ForeseenRun[] =>
  twins.map(({ name, part, whole }) => {
    const stages = one.stages.filter(({ label }) => whole || !once.includes(label));
    return {
      ...one,
      part,
      model: { ...one.model, name },
      stages,
      seconds: one.seconds === null ? null : sum(stages.map(({ seconds }) => seconds)),
    };
  });

/**
 * What asking for facts alone would do.
 * @param rates of this machine
 * @throws LossyscopeError as `requireAskable`
 */
export function foreseenAsking(
  { model, threads, seed }: Pick<Course, "model" | "threads"> & { readonly seed: number },
  facts: FactSet,
  tokenizer: Tokenizer,
  rates: Rates,
): ForeseenRun {
  const decoder = model.served ? null : requireDecoder(model, FORETELLING);
  requireAskable(
    model,
    tokenizer,
    facts.facts.flatMap(({ prompts, candidates }) =>
      prompts.map(({ text, ...prompt }) => ({ ...prompt, prompt: text, candidates })),
    ),
  );
  return {
    ...alone(
      model,
      decoder ? stagesAtCost(askingCosts({ model, threads }, { facts, tokenizer }, rates), [CANDIDATES, ANSWERS]) : [],
    ),
    ...(decoder === null && { seconds: null }),
    facts: foreseenFacts(facts),
    memoryBytes: decoder && PROCESS_BYTES + measuringBytes(decoder, { longest: 1, batchTokens: MOST_SLOTS }),
    missing: unmet(factsNeeds(facts.facts, seed)).map(plainly),
  };
}

/** What writing states would do. @param logits whether the file has them */
export function foreseenStates(
  { model, threads }: Pick<Course, "model" | "threads">,
  passages: readonly Passage[],
  logits: boolean,
  rates: Rates,
): ForeseenRun {
  const decoder = requireDecoder(model, FORETELLING);
  const { spec } = decoder;
  const rows = requireRows(spec, passages);
  const longest = passages.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  requirePositions(spec, longest);
  const rowBytes = 4 * ((spec.blocks.length + 2) * spec.width + (logits ? spec.vocabulary : 0) + 1);
  const windows = passages.map(({ document, ids, prefixSlots, from }) => ({
    document,
    ids,
    prefixSlots,
    start: 0,
    fresh: from,
  }));
  const seconds = statesSeconds({ model, threads }, windows, { rows, rowBytes, logits }, rates);
  return {
    ...alone(model, stagesAtCost({ [STATES]: seconds }, [STATES])),
    pass: {
      context: longest,
      windows: windows.length,
      batches: windows.length,
      slots: sum(windows.map(({ ids }) => ids.length)),
    },
    memoryBytes: PROCESS_BYTES + measuringBytes(decoder, { longest, batchTokens: longest }),
    // the file, and the parts that it is put together of
    diskBytes: 2 * rows * rowBytes + widenedBytes(model),
  };
}

/** What its weights take on the disk meanwhile where they cannot be run as they lie (`engines/runnable.ts`). */
function widenedBytes(model: Pick<Model, "runs">): number {
  const decoder = decoderOf(model);
  return decoder ? runnableBytes(decoder.weights, "windows") : 0;
}

/** A run of which only the model is known, and what it takes. */
const alone = (model: Model, stages: ForeseenRun["stages"]): ForeseenRun => ({
  part: null,
  model: foreseenModel(model),
  text: null,
  facts: null,
  pass: null,
  training: null,
  stages,
  seconds: sum(stages.map(({ seconds }) => seconds)),
  memoryBytes: 0,
  diskBytes: widenedBytes(model),
  missing: [],
});

/** @param costs by label, in any order and others among them @param labels of the stages, in order */
export const stagesAtCost = (costs: Costs, labels: readonly string[]): ForeseenRun["stages"] =>
  labels.flatMap((label) => (costs[label] > 0 ? [{ label, seconds: costs[label] }] : []));

export function foreseenRun(prepared: Prepared, { model, threads, batches, shard, rates }: Course): ForeseenRun {
  const { subject, unseen, pairs, facts, longest } = prepared;
  const { plan, context, corpus, foretold } = subject;
  const costs = costsOf({ model, threads }, prepared, batches, rates);
  const stages = shard ? stagesOfShard(plan, shard.index === 1) : stagesOf(plan);
  const atCost = stagesAtCost(
    costs,
    stages.map(({ label }) => label),
  );
  const decoder = decoderOf(model);
  const streaming = streamingOf({ model, threads }, prepared, batches);
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
      slots: slotsOf(batches),
    },
    ...heldOf(decoder),
    ...(streaming && { streams: { reads: streaming.reads, bytes: widenedBytes(model) || model.weightFileBytes } }),
    ...(model.served && {
      sent: foreseenSent(model.served, batches, [
        ...(unseen?.map(({ ids }) => ids.length) ?? []),
        ...(pairs?.windows.map(({ ids }) => ids.length) ?? []),
      ]),
    }),
    training: null,
    stages: atCost,
    // What runs without weights at hand is beyond what can be counted here.
    seconds: decoder && sum(atCost.map(({ seconds }) => seconds)),
    memoryBytes: decoder && PROCESS_BYTES + measuringBytes(decoder, { longest, batchTokens: plan.batchTokens }),
    diskBytes:
      widenedBytes(model) +
      (streaming?.diskBytes ?? 0) +
      Math.round(probeDiskBytes(subject) * (shard ? slotsOf(batches) / slotsOf(prepared.batches) : 1)),
    missing: [...foretold],
  };
}

function heldOf(decoder: Decoder | null): Pick<ForeseenRun, "held"> {
  const holding = decoder && holdingOf(decoder.weights);
  if (!holding) return {};
  const { codes, float32 } = holding;
  return { held: { codeBytes: codes.bytes, floatBytes: float32.bytes, floatTypes: [...float32.types] } };
}

/** Of text once, of some windows again (`running/repeatability.ts`), and of what is read beside it. */
function foreseenSent(
  { price }: NonNullable<Model["served"]>,
  batches: readonly WindowBatch[],
  beside: readonly number[],
): NonNullable<ForeseenRun["sent"]> {
  const windows = batches.flatMap((batch) => batch.windows.map(({ ids }) => ids.length));
  const again = rereads(windows.length);
  const tokens = Math.round(sum(windows) * (1 + again / Math.max(1, windows.length)) + sum(beside));
  return {
    requests: windows.length + again + beside.length,
    tokens,
    price: price === null ? null : (tokens * price) / 1e6,
  };
}

/** Null where one of them is. */
function ofAll(values: readonly (number | null)[], of: (known: readonly number[]) => number): number | null {
  const known = values.filter((value) => value !== null);
  return known.length < values.length ? null : of(known);
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
  seconds: ofAll(
    runs.map(({ seconds }) => seconds),
    sum,
  ),
  memoryBytes: ofAll(
    runs.map(({ memoryBytes }) => memoryBytes),
    (bytes) => Math.max(0, ...bytes),
  ),
  diskBytes: Math.max(0, ...runs.map(({ diskBytes }) => diskBytes)),
  rates,
});

export interface DryRunRequest extends RunContext, PrepareRequest {
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
  const { threads, shard = null, root, option, progress } = request;
  const prepared = await lookAhead(request);
  const { model } = prepared;
  const batches = shard ? shard.claim(prepared.batches) : prepared.batches;
  const tried = rates ?? (await timedTrial(model.width, request));
  progress.finish();
  const run = await besideReference(foreseenRun(prepared, { model, threads, batches, shard, rates: tried }), {
    ...request,
    prepared,
    rates: tried,
  });
  const elsewhere = widenedBytes(model) + (streamingOf({ model, threads }, prepared, batches)?.diskBytes ?? 0);
  refuseSmallDisk(run.diskBytes - elsewhere, 0, nearestFolder(root), option);
  return { run, rates: tried, prepared };
}

/** The folder itself, or the one that it would be made in. */
function nearestFolder(path: string): string {
  const whole = resolve(path);
  return existsSync(whole) ? whole : nearestFolder(dirname(whole));
}
