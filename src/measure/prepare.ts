/**
 * Everything that is decided before the model runs: the documents and their units, the windows and their batches, the
 * reference points, the digests and the run's id. Nothing after this reads the text or the tokenizer's files again.
 *
 * Memory: the text and 8 bytes a token, twice that for windows.
 */

import { basename } from "node:path";
import { setImmediate } from "node:timers/promises";
import { batchesFor } from "../engines/score.ts";
import { canonicalJson } from "../numeric/canonical-json.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { RunContext } from "../ports/context.ts";
import { type Capability, type Decoder, decoderOf, type Model, type ModelDigests } from "../ports/model.ts";
import { withProgress } from "../ports/progress.ts";
import type { Plan } from "../profile/plan.ts";
import type { Profile } from "../profile/profile.ts";
import { readConcepts } from "../text/concepts.ts";
import type { Prefix, TokenizedDocument, Window, WindowBatch } from "../text/corpus.ts";
import type { SourceDocument } from "../text/documents.ts";
import { type FactSet, readFacts } from "../text/facts.ts";
import { readPairs } from "../text/pairs.ts";
import { unitsOf } from "../text/units.ts";
import { windowsOf } from "../text/windows.ts";
import type { Conversing } from "../tokenizer/conversing.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type ConceptCorpus, conceptCorpus } from "./concepts/corpus.ts";
import { LLAMA_CPP_CONTEXT, type LlamaCppCorpus, type LlamaCppText, llamaCppCorpus } from "./llama-cpp/llama-cpp.ts";
import { type LmEvalCorpus, lmEvalCorpus } from "./lm-eval/lm-eval.ts";
import { type PairCorpus, pairCorpus } from "./pairs/corpus.ts";
import { contextOf, runId } from "./plan.ts";
import { corpusDigest, corpusName, corpusSection, readCorpus, recallDigest, shownText } from "./preparing/corpus.ts";
import { asHeld, foreseeLmEval, foreseeMemory, foreseePairs, type Streaming } from "./preparing/memory.ts";
import { type GivenPoints, type PlanePoints, planePoints } from "./preparing/points.ts";
import { type Foretold, foretell } from "./preparing/remedies.ts";
import { DIGEST, READING, READING_UNSEEN } from "./stages.ts";

export interface PrepareRequest extends Omit<RunContext, "threads"> {
  readonly model: Model;
  /** the model that it is read beside, token by token (METHODS §12.1) */
  readonly reference?: Model;
  readonly plan: Plan;
  /** the file that `plan.plane.pointsDigest` names */
  readonly points: GivenPoints | null;
  /** a line that the reader of the profile must see first */
  readonly title?: string;
  /** files and folders that the run writes: no part of a text folder that they lie in */
  readonly outputs?: readonly string[];
  /** documents that are read in place of the text that the plan names */
  readonly given?: readonly SourceDocument[];
  /** whether weights stream that do not fit; "never" where not given */
  readonly streaming?: Streaming;
}

/** What is measured, and all that its figures follow from beside the model's answers. Plain data. */
export interface Subject {
  readonly id: string;
  readonly title: string | null;
  readonly model: Profile["model"];
  /** what figures it allowed */
  readonly can: readonly Capability[];
  /** its text named as profiles name it */
  readonly plan: Plan;
  readonly context: number;
  readonly overlap: number;
  readonly documents: readonly TokenizedDocument[];
  readonly prefix: Prefix | null;
  /** null where it is not asked for */
  readonly likeLmEval: LmEvalCorpus | null;
  /** likewise */
  readonly likeLlamaCpp: LlamaCppText | null;
  readonly corpus: Profile["corpus"];
  readonly digests: ModelDigests;
  /** those of the reference; absent where there is none */
  readonly referenceDigests?: ModelDigests;
  /** of the plane, without the points themselves; null where none is asked for */
  readonly reference: Omit<PlanePoints, "points"> | null;
  /** documents that could not be laid over their tokens */
  readonly refusals: Profile["refusals"];
  /** figures that this text is too short for, or that lack something else that is known before the model runs */
  readonly foretold: readonly Foretold[];
}

export interface Prepared {
  /** when it began to be */
  readonly started: Date;
  /** as it is run: whole, or with weights that stream */
  readonly model: Model;
  readonly subject: Subject;
  readonly tokenizer: Tokenizer;
  /** null where it is not asked for */
  readonly likeLlamaCpp: LlamaCppCorpus | null;
  /** text that the model was not trained on; null where none is given */
  readonly unseen: readonly TokenizedDocument[] | null;
  /** null where they are not asked for */
  readonly facts: FactSet | null;
  /** null where none are asked for */
  readonly concepts: ConceptCorpus | null;
  /** null where none are given */
  readonly pairs: PairCorpus | null;
  readonly points: PlanePoints | null;
  readonly batches: readonly WindowBatch[];
  /** slots of the longest window */
  readonly longest: number;
}

/** @throws LossyscopeError by what is wrong with model, text, options or machine; `interrupted` */
export const prepare = (request: PrepareRequest): Promise<Prepared> =>
  prepareWith(request, (model) => digestsOf(model, request));

/**
 * The same without digests, and so without an id: nothing is hashed, and nothing remembered of it.
 * @throws LossyscopeError as `prepare` does
 */
export const lookAhead = (request: PrepareRequest): Promise<Prepared> =>
  prepareWith(request, async () => ({ config: "", weights: "", tokenizer: null }));

async function prepareWith(
  request: PrepareRequest,
  digested: (model: Model) => Promise<ModelDigests>,
): Promise<Prepared> {
  const { plan, progress, signal } = request;
  const started = new Date();
  const { model: given, reference } = request;
  requireMeasurable(given, plan);
  const { tokenizer, chat } = await openTokenizer(given, plan);
  if (tokenizer.notice !== null) progress.message(tokenizer.notice);
  const reading = { tokenizer, chat, outputs: request.outputs, progress, signal };
  const corpus = await readCorpus(plan, { ...reading, given: request.given, stage: READING });
  const { documents } = corpus;
  const unseen =
    plan.unseen.length > 0
      ? await readCorpus({ ...plan, text: plan.unseen, labels: [] }, { ...reading, stage: READING_UNSEEN })
      : null;
  const facts = plan.facts && (await readPlannedFacts(plan.facts, plan.seed));
  const context = contextOf(plan.context, given.positions);
  const overlap = plan.overlap ?? Math.floor(context / 2);
  const set = plan.concepts ? await readConcepts(plan.concepts, plan.seed) : null;
  const concepts = set && conceptCorpus(set, { tokenizer, context, overlap, seed: plan.seed });
  const paired = plan.pairs ? await readPairs(plan.pairs.path, plan.pairs.limit, plan.seed) : null;
  const pairs = paired && pairCorpus(paired, { tokenizer, context, overlap });
  const windows = documents.flatMap(({ index, ids }) => windowsOf(index, ids, tokenizer.prefix, context, overlap));
  const name = corpusName(plan);
  if (windows.length === 0) {
    throw new LossyscopeError("text", `${name} has no text to measure`, "give text that is not empty");
  }
  const longest = longestIn(windows);
  const most = Math.max(longest, longestIn(concepts?.windows ?? []), longestIn(pairs?.windows ?? []));
  const model = asHeld(given, { longest: most, batchTokens: plan.batchTokens }, request);
  const decoder = decoderOf(model);
  const likeLmEval = plan.likeLmEval && decoder ? await asLmEval(model, decoder, documents, signal) : null;
  const likeLlamaCpp = plan.likeLlamaCpp ? await asLlamaCpp(model, plan, documents, signal) : null;
  const ground = { plan, model, context, overlap, prefix: tokenizer.prefix, documents };
  const foretold = await foretell(
    { ...ground, unseen: unseen?.documents ?? null, facts: facts?.facts ?? null, concepts: set, pairs: paired },
    tokenizer,
  );
  const points = pointsFor(model, plan, request.points);
  if (decoder && pairs && points)
    foreseePairs(decoder, { longest: most, batchTokens: plan.batchTokens }, pairs.set.pairs.length, points.m);

  const digests = await digested(model);
  const referenceDigests = reference && (await digested(reference));
  const recall = plan.with.includes("recall") ? recallDigest(documents, unseen?.documents ?? null) : null;
  const units = unitsOf(documents.map(({ ids }) => ids.length));
  const digest = corpusDigest(corpus);
  return {
    started,
    model,
    subject: {
      id: runId(plan, {
        ...digests,
        ...named(model, digests),
        ...(reference && { reference: ofReference(reference, referenceDigests!) }),
        corpus: digest,
        recall,
        facts: facts === null ? null : facts.digest,
        ...(set && { concepts: set.digest }),
        ...(paired && { pairs: paired.digest }),
      }),
      title: request.title ?? null,
      model: {
        name: model.name,
        revision: model.revision,
        architecture: model.architecture,
        layers: model.layers,
        width: model.width,
        vocabulary: model.vocabulary,
        positions: model.positions,
      },
      plan: {
        ...plan,
        text: shownText(plan.text),
        unseen: shownText(plan.unseen),
        facts: plan.facts && { ...plan.facts, path: basename(plan.facts.path) },
        ...(plan.concepts && { concepts: plan.concepts.map((one) => basename(one)) }),
        ...(plan.pairs && { pairs: { ...plan.pairs, path: basename(plan.pairs.path) } }),
      },
      can: [...model.can],
      context,
      overlap,
      documents,
      prefix: tokenizer.prefix,
      likeLmEval,
      likeLlamaCpp: likeLlamaCpp && textOf(likeLlamaCpp),
      corpus: corpusSection(name, digest, corpus, units),
      digests,
      ...(referenceDigests && { referenceDigests }),
      reference: points && { m: points.m, draws: points.draws, source: points.source, temperature: points.temperature },
      refusals: [...corpus.refused, ...(unseen?.refused ?? [])].map(({ id, reason }) => ({
        figure: `document ${id}`,
        reason,
      })),
      foretold,
    },
    likeLlamaCpp,
    unseen: unseen?.documents ?? null,
    facts,
    concepts,
    pairs,
    tokenizer,
    points,
    batches: batchesFor(model, windows, plan.batchTokens),
    longest,
  };
}

const longestIn = (windows: readonly Window[]): number =>
  windows.reduce((most, { ids }) => Math.max(most, ids.length), 0);

/** @throws LossyscopeError `unsupported` where nothing can be measured, or a file that was asked for could not be written */
function requireMeasurable({ name, can }: Model, { keep }: Plan): void {
  if (!can.has("losses"))
    throw new LossyscopeError(
      "unsupported",
      `${name} does not say what the text's tokens cost`,
      "measure another model",
    );
  if (keep.includes("states") && !can.has("states"))
    throw new LossyscopeError("unsupported", `${name} does not show its hidden states`, "leave out --keep states");
}

/** None of a model that does not show its states. */
function pointsFor({ width, can }: Model, { plane, seed }: Plan, given: GivenPoints | null): PlanePoints | null {
  if (plane === null || width === null || !can.has("assignments")) return null;
  return planePoints({ ...plane, width, seed }, given);
}

/** Where no digest tells models apart, their names do. */
const named = ({ name, revision }: Model, { weights }: ModelDigests): Readonly<Record<string, string | null>> =>
  weights === null ? { model: name, revision } : {};

/** What tells references apart, in one line. */
const ofReference = (reference: Model, digests: ModelDigests): string =>
  canonicalJson({ ...digests, ...named(reference, digests) });

/**
 * The tokenizer that a plan's text goes through, with the template that its conversations go through.
 * @throws LossyscopeError as `Model.tokenizer` and `Model.conversing`
 */
export const openTokenizer = async (model: Model, { chat, specialTokens }: Plan): Promise<Conversing | Plain> =>
  chat ? model.conversing() : { tokenizer: await model.tokenizer({ specialTokens }), chat: null };

interface Plain {
  readonly tokenizer: Tokenizer;
  readonly chat: null;
}

/** @throws LossyscopeError `io`; `interrupted` */
export function digestsOf(
  model: Model,
  { progress, signal }: Pick<PrepareRequest, "progress" | "signal">,
): Promise<ModelDigests> {
  let hashed = 0;
  return withProgress(progress, DIGEST, "bytes", (update) =>
    model.digests({ signal, onBytes: (bytes) => update((hashed += bytes), model.weightFileBytes) }),
  );
}

/** @throws LossyscopeError as `readFacts` does */
export const readPlannedFacts = (
  { path, limit, prompts, templates }: NonNullable<Plan["facts"]>,
  seed: number,
): Promise<FactSet> => readFacts(path, { limit, prompts, seed, templates: new Map(Object.entries(templates)) });

/** Between two turns of others. */
const TURN_MILLISECONDS = 10;

/** Lets signals and the terminal have their turn, where the last one is long ago. @throws LossyscopeError `interrupted` */
function resting(signal: AbortSignal | undefined): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < TURN_MILLISECONDS) return;
    await setImmediate();
    last = performance.now();
    if (signal?.aborted)
      throw new LossyscopeError("interrupted", "stopped while reading the text", "the same command begins again");
  };
}

/** The corpus as lm-evaluation-harness has it. @throws LossyscopeError as `lmEvalCorpus`; `memory` */
async function asLmEval(
  model: Model,
  decoder: Decoder,
  documents: readonly TokenizedDocument[],
  signal: AbortSignal | undefined,
): Promise<LmEvalCorpus> {
  // What has no row is `lmEvalCorpus`'s to refuse.
  const tokenizer = await model.tokenizer({ specialTokens: true, rows: Number.POSITIVE_INFINITY });
  const corpus = await lmEvalCorpus(documents, tokenizer, model, resting(signal));
  const most = corpus.sequences.reduce((longest, { ids }) => Math.max(longest, ids.length), 0);
  foreseeLmEval(decoder, Math.min(most, corpus.maxLength));
  return corpus;
}

const textOf = ({ tokens, bos, context }: LlamaCppCorpus): LlamaCppText => ({ tokens, bos, context });

/** The text as llama-perplexity has it. @throws LossyscopeError as `llamaCppCorpus`; `memory` */
export async function asLlamaCpp(
  model: Pick<Model, "tokenizer" | "positions" | "runs">,
  { context, batchTokens }: Plan,
  documents: readonly TokenizedDocument[],
  signal?: AbortSignal,
): Promise<LlamaCppCorpus> {
  const tokens = context.asked ? context.tokens : LLAMA_CPP_CONTEXT;
  const tokenizer = await model.tokenizer({ specialTokens: false });
  const corpus = await llamaCppCorpus(documents, tokenizer, tokens, model.positions, resting(signal));
  const decoder = decoderOf(model);
  if (decoder) foreseeMemory(decoder, { longest: tokens, batchTokens });
  return corpus;
}
