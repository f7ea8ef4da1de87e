/** What is decided before two models read a text side by side: whether they can, its documents, windows and batches. */
import { batchesForTwo, lockstepBytes, type Two } from "../../engines/lockstep.ts";
import { PROCESS_BYTES, requireMemory } from "../../engines/memory.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { decoderOf, type Model } from "../../ports/model.ts";
import type { ProgressSink } from "../../ports/progress.ts";
import type { Plan } from "../../profile/plan.ts";
import type { TokenizedDocument, WindowBatch } from "../../text/corpus.ts";
import { longestOf, windowsOf } from "../../text/windows.ts";
import { sharedVocabulary } from "../../tokenizer/same.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { FEWEST_TOKENS } from "../llama-cpp/divergence.ts";
import { type LlamaCppCorpus, llamaCppWindows, scoredTokens } from "../llama-cpp/llama-cpp.ts";
import { contextOf } from "../plan.ts";
import { asLlamaCpp, openTokenizer } from "../prepare.ts";
import { readCorpus } from "../preparing/corpus.ts";
import { READING } from "../stages.ts";

/** As `compare` and `measure` have it. */
const APART = "leave the two apart (--no-lockstep, or no --reference)";

/** Two models and a text. */
export interface LockstepRequest {
  /** P, by which Q is judged */
  readonly reference: Model;
  readonly model: Model;
  readonly plan: Plan;
  readonly threads: number;
  /** files and folders that the run writes: no part of a text folder that they lie in */
  readonly outputs?: readonly string[];
  readonly progress: ProgressSink;
  /** under which the text is read; as for any measurement where not given */
  readonly stage?: string;
  readonly signal?: AbortSignal;
}

/** Why two models cannot be read together. */
export interface NotTogether {
  readonly absent: string;
}

/** What is read, and how. */
export interface Course {
  readonly tokenizer: Tokenizer;
  readonly vocabulary: number;
  readonly documents: readonly TokenizedDocument[];
  readonly context: number;
  readonly overlap: number;
  /** both decoders; null where the weights of one are not at hand */
  readonly models: Two | null;
  readonly batches: readonly WindowBatch[];
  readonly longest: number;
  /** that the runtime takes at most, about; 0 where no weights are at hand */
  readonly memoryBytes: number;
  /** the text as llama-perplexity has it, and its chunks; null where it is not asked for, or not to be had */
  readonly likeLlamaCpp: Chunks | null;
}

/** What llama-perplexity reads. */
export interface Chunks {
  readonly corpus: LlamaCppCorpus;
  readonly batches: readonly WindowBatch[];
}

/**
 * What two models that could be measured one by one cannot do together is no reason to lose what was measured.
 * @returns that, where the error tells of it
 * @throws the error, of whatever else it tells
 */
export function notTogether(error: unknown): NotTogether {
  if (error instanceof LossyscopeError && (error.fault === "memory" || error.fault === "text"))
    return { absent: error.message };
  throw error;
}

/**
 * Reads the text, and decides what is decided before the models run.
 * @throws LossyscopeError as `measureLockstep`
 */
export async function courseOf(request: LockstepRequest): Promise<Course | NotTogether> {
  const { reference, model, plan, outputs, progress, stage = READING, signal } = request;
  const { tokenizer, chat } = await openTokenizer(reference, plan);
  const other = await openTokenizer(model, plan);
  other.chat?.close();
  const shared = sharedVocabulary([tokenizer, other.tokenizer], [reference.vocabulary, model.vocabulary]);
  if ("absent" in shared) {
    chat?.close();
    return shared;
  }
  const { documents } = await readCorpus(plan, { tokenizer, chat, outputs, progress, stage, signal });
  const positions = fewestPositions(reference, model);
  const likeLlamaCpp = plan.likeLlamaCpp
    ? await asLlamaCpp({ ...reference, positions }, plan, documents, signal)
    : null;
  return courseOver(request, { documents, tokenizer, likeLlamaCpp, ...shared });
}

/**
 * @param text tokenised by the reference's tokenizer
 * @throws LossyscopeError `text` where it is empty or reaches what only one has; `usage` where the windows are longer than a
 * model reads; `memory` where this machine has not enough for both
 */
export function courseOver(
  { reference, model, plan }: Pick<LockstepRequest, "reference" | "model" | "plan">,
  text: Pick<Course, "documents" | "tokenizer" | "vocabulary"> & { readonly likeLlamaCpp: LlamaCppCorpus | null },
): Course {
  const { documents, tokenizer, vocabulary, likeLlamaCpp: corpus } = text;
  refuseBeyond(documents, tokenizer, vocabulary);
  const context = contextOf(plan.context, fewestPositions(reference, model));
  const overlap = plan.overlap ?? Math.floor(context / 2);
  const windows = documents.flatMap(({ index, ids }) => windowsOf(index, ids, tokenizer.prefix, context, overlap));
  if (windows.length === 0)
    throw new LossyscopeError("text", "there is no text to read with both models", "give text that is not empty");
  const [p, q] = [decoderOf(reference), decoderOf(model)];
  const models: Two | null = p && q ? [p, q] : null;
  const batches = models ? batchesForTwo(models, windows, plan.batchTokens) : [];
  const longest = longestOf(batches);
  const likeLlamaCpp =
    models && corpus && scoredTokens(corpus) >= FEWEST_TOKENS
      ? { corpus, batches: batchesForTwo(models, llamaCppWindows(corpus), plan.batchTokens) }
      : null;
  const most = Math.max(longest, longestOf(likeLlamaCpp?.batches ?? []));
  const load = { longest: most, batchTokens: plan.batchTokens };
  const memoryBytes = models ? lockstepBytes(models, vocabulary, load) : 0;
  if (models) requireMemory(PROCESS_BYTES + memoryBytes, `${APART}, or pass a smaller --batch-tokens`);
  return { ...text, context, overlap, models, batches, longest, memoryBytes, likeLlamaCpp };
}

/** Of a window that both read; null where nothing limits it. */
function fewestPositions(...models: readonly Pick<Model, "positions">[]): number | null {
  const known = models.map(({ positions }) => positions).filter((most) => most !== null);
  return known.length > 0 ? Math.min(...known) : null;
}

/** @throws LossyscopeError `text` where the text reaches a token that only one of the models has */
function refuseBeyond(documents: readonly TokenizedDocument[], tokenizer: Tokenizer, vocabulary: number): void {
  for (const { id, ids } of documents) {
    const beyond = ids.find((token) => token >= vocabulary);
    if (beyond === undefined) continue;
    const content = JSON.stringify(tokenizer.contentOf(beyond) ?? "");
    throw new LossyscopeError(
      "text",
      `document "${id}" reaches the token ${content} (id ${beyond}), which only one of the models has`,
      `leave that token out of the text, or ${APART}`,
    );
  }
}
