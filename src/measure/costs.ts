/**
 * About how long the stages of a measurement take (`stages.ts`): seconds on one core of a server processor of 2023, or on as
 * many as the run has threads where a stage uses them. Good to a factor of two or three on another machine; how the
 * stages compare holds better, and that is what `ProgressSink.expect` is told for. Taken from runs of `bench/measure.ts`,
 * `bench/small.ts` and `bench/plane.ts`.
 */
import { storageLedger } from "../models/ledger.ts";
import { sum } from "../numeric/sums.ts";
import { CODE_LENGTHS } from "../probes/coding/probe.ts";
import { LAYERS as GEOMETRY } from "../probes/geometry/probe.ts";
import { FRONTIER, LAYERS as PLANE } from "../probes/plane/probe.ts";
import type { WindowBatch } from "../text/corpus.ts";
import type { OpenModel } from "./model.ts";
import type { Prepared } from "./prepare.ts";
import * as STAGE from "./stages.ts";

/** Floating-point operations a second that the model's matrices are multiplied with, and where tokens come one by one. */
const FLOPS = 8e10;
const FLOPS_STEPPED = 1.5e10;
/** For each soft assignment of a layer that is computed, handed over and stored; for each entry of a batch's moments. */
const ASSIGNMENT = 4e-8;
const MOMENT = 3e-9;
/** For each byte: of weights that the runtime loads, or that are coded by their entropy; of text under all compressors, or
 * learnt and foretold by byte models. */
const LOADED = 2e-9;
const CODED = 6e-9;
const COMPRESSED = 3.5e-6;
const LEARNT = 2e-6;
/** For each entry of an assignment that a layer's sums are taken of; for its intervals. */
const SUMMED = 4e-8;
const INTERVALS = 0.1;
/** A layer's eigenvalues, for d³; its nearest neighbours, for points² × d. */
const EIGENVALUES = 1e-9;
const NEIGHBOURS = 4e-10;
/** Multiply-adds of `info/packing.ts`, at most. */
const PACKED = 2 ** 31;
const SECONDS_A_FLOP = 1e-9;
/** Starting a process or a model. */
const START = 0.3;
/** Tokens of a candidate and of an answer to a fact, with what is read before them. */
const TOKENS_ASKED = 30;

/** @param batches that this process lets the model run */
export function costsOf(
  { model: { name, checkpoint }, threads }: { readonly model: OpenModel; readonly threads: number },
  { subject, unseen, facts }: Prepared,
  batches: readonly WindowBatch[],
): Record<string, number> {
  const { plan, documents, reference } = subject;
  const { total, activePerToken } = storageLedger(checkpoint.config, checkpoint.weights, { name }).parameters;
  const flops = 2 * (activePerToken ?? total);
  const weightBytes = sum(checkpoint.weightFiles.map(({ bytes }) => bytes));
  const tokensIn = (texts: typeof documents): number => sum(texts.map(({ ids }) => ids.length));
  const bytesIn = (texts: typeof documents): number => sum(texts.map(({ bytes }) => bytes));
  const start = START + LOADED * weightBytes;
  const read = (tokens: number): number => start + (tokens * flops) / (FLOPS * threads);
  const stepped = (tokens: number): number => start + (tokens * flops) / (FLOPS_STEPPED * threads);

  const layers = subject.model.layers + 1;
  const { width, vocabulary } = subject.model;
  const tokens = tokensIn(documents);
  const bins = reference === null ? 0 : reference.m * reference.draws;
  const slots = sum(batches.flatMap(({ windows }) => windows.map(({ ids }) => ids.length)));
  const moments = plan.geometry ? layers * (MOMENT * batches.length * width ** 2 + (slots * width ** 2) / FLOPS) : 0;
  const lmEval = subject.likeLmEval?.sequences.reduce((total, { ids }) => total + ids.length, 0) ?? 0;
  const domains = new Set(documents.map(({ domain }) => domain)).size;
  const points = Math.min(2048, Math.max(documents.length, Math.min(512, tokens)));
  const { prefixes, length, passages } = plan.recall;
  const learnt = Math.min(1e6, bytesIn(documents)) + Math.min(1e6, bytesIn(unseen ?? []));
  const questions = facts?.facts.reduce((total, { prompts }) => total + prompts.length, 0) ?? 0;
  const candidates = facts?.facts.reduce((total, one) => total + one.prompts.length * one.candidates.length, 0) ?? 0;
  return {
    [STAGE.PASS]: read(slots) + ASSIGNMENT * tokens * layers * bins + moments,
    [STAGE.LIKE_LM_EVAL]: read(lmEval),
    [STAGE.COMPRESSORS]: 6 * START + COMPRESSED * bytesIn(documents) * (domains > 1 ? 2 : 1),
    [STAGE.ENTROPY]: CODED * weightBytes,
    [STAGE.EMBEDDING]: SECONDS_A_FLOP * (Math.min(PACKED, vocabulary ** 2 * width) + 16 * vocabulary * width),
    [STAGE.GUESSES]: LEARNT * learnt,
    [STAGE.PASSAGES]: stepped(passages * prefixes.length * length) + read(passages * sum(prefixes)),
    [STAGE.GIST]: read(2 * passages * length),
    [STAGE.UNSEEN_PASS]: read(tokensIn(unseen ?? [])),
    [STAGE.MEMBERSHIP]: 2 * LEARNT * learnt,
    [STAGE.CANDIDATES]: read(candidates * TOKENS_ASKED),
    [STAGE.ANSWERS]: stepped(questions * TOKENS_ASKED),
    [CODE_LENGTHS]: 0.1 + 1e-6 * tokens,
    [PLANE]: START + (layers * (INTERVALS + SUMMED * tokens * bins)) / threads,
    [FRONTIER]: threads > 1 ? 1 : 0.5,
    [GEOMETRY]: layers * (EIGENVALUES * width ** 3 + NEIGHBOURS * points ** 2 * width),
    [STAGE.WRITING]: 0.5 + 1e-6 * tokens,
  };
}
