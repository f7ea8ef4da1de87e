/**
 * What `llama-perplexity` of llama.cpp 0.5 reports for the same model and text (METHODS §1.6). For comparison only; the
 * project's own figures are those of METHODS §0 and §1.
 *
 * Followed here, from its source (tools/perplexity, without --ppl-stride): the text is one file, documents one after another,
 * less one line break at its end; special tokens spelt in it are text; BOS opens it where the tokenizer adds BOS. Its tokens
 * are cut into chunks of n_ctx that see nothing of each other; what is left after the last whole one is dropped. Where the
 * tokenizer adds BOS, BOS stands in place of the first token of every chunk. Logits are taken from position n_ctx/2 on, so
 * that the n_ctx − 1 − n_ctx/2 tokens after it are scored, 255 of 512. Perplexity is e to the mean loss m, ± that times the
 * standard error √((mean of squares − m²) / (tokens − 1)), as if tokens were independent. Its arithmetic is its own: weights
 * that are stored quantised meet activations rounded to 8 bits there, float32 here.
 *
 * Memory: 4 bytes a token of the text, as much again for chunks, 8 bytes a scored token; the whole text as one string.
 */
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { mean } from "../../numeric/sums.ts";
import { eachLoss } from "../../ports/losses.ts";
import type { Observation } from "../../ports/observation.ts";
import type { Coding } from "../../profile/coding.ts";
import type { TokenizedDocument, Window } from "../../text/corpus.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

/** The version that is followed. */
export const LLAMA_CPP_VERSION = "0.5.0";
/** Its n_ctx where none is given. */
export const LLAMA_CPP_CONTEXT = 512;
/** Chunks that it wants of a text. */
const FEWEST_CHUNKS = 2;
/** Of a JavaScript string. */
const MOST_CHARACTERS = 2 ** 29 - 24;
const LEAVE_OUT = "leave out --like llama.cpp";

/** The text as llama-perplexity has it. Plain data. */
export interface LlamaCppCorpus {
  /** [tokens] of the whole text, BOS before them where the tokenizer adds it */
  readonly ids: Int32Array;
  /** what stands in place of the first token of every chunk, and how it is spelt; null where the tokenizer adds none */
  readonly bos: { readonly id: number; readonly token: string } | null;
  /** n_ctx */
  readonly context: number;
}

/** The one text that all windows are of, for what is said of them. */
export const WHOLE_TEXT = [{ id: "the whole text" }];

/**
 * @param tokenizer the model's, to which special tokens written in a text are text
 * @param context tokens of a chunk
 * @param positions of the model; null where it has no limit
 * @throws LossyscopeError `usage` where the model has no room for a chunk or a chunk nothing to score, `text` where there are
 *   fewer than two chunks, `unsupported` where the tokenizer ends texts with a token, `text` for more than a string holds
 */
export function llamaCppCorpus(
  documents: readonly Pick<TokenizedDocument, "text">[],
  tokenizer: Pick<Tokenizer, "encode" | "control" | "contentOf">,
  context: number,
  positions: number | null,
): LlamaCppCorpus {
  if (context < 3)
    throw new LossyscopeError(
      "usage",
      `llama-perplexity scores nothing of chunks of ${count(context)} tokens`,
      "pass --context 3 or more",
    );
  if (positions !== null && context > positions)
    throw new LossyscopeError(
      "usage",
      `llama-perplexity's chunks have ${count(context)} tokens, the model ${count(positions)} positions`,
      `pass --context ${positions}, as one would pass -c ${positions} there`,
    );
  const { bos, around } = tokenizer.control;
  if (around.after.length > 0)
    throw new LossyscopeError(
      "unsupported",
      "llama-perplexity takes no tokenizer that ends texts with a token",
      LEAVE_OUT,
    );
  const characters = documents.reduce((all, { text }) => all + text.length, 0);
  if (characters > MOST_CHARACTERS)
    throw new LossyscopeError(
      "text",
      `llama-perplexity takes a text as one, and ${count(characters)} characters are more than ${count(MOST_CHARACTERS)}`,
      `${LEAVE_OUT}, or pass --limit-bytes`,
    );
  const text = documents.map((document) => document.text).join("");
  const { ids } = tokenizer.encode(text.endsWith("\n") ? text.slice(0, -1) : text);
  const all = Int32Array.from([...around.before, ...ids]);
  if (all.length < FEWEST_CHUNKS * context)
    throw new LossyscopeError(
      "text",
      `llama-perplexity wants ${count(FEWEST_CHUNKS * context)} tokens for chunks of ${count(context)}, the text has ${count(all.length)}`,
      `give more text, pass --context ${Math.max(3, Math.floor(all.length / FEWEST_CHUNKS))} or less, or ${LEAVE_OUT}`,
    );
  const opens = bos !== undefined && around.before.includes(bos);
  return { ids: all, bos: opens ? { id: bos, token: tokenizer.contentOf(bos) ?? `#${bos}` } : null, context };
}

/** Position from which logits are taken. */
const firstOf = (context: number): number => Math.floor(context / 2);

export const chunksOf = ({ ids, context }: LlamaCppCorpus): number => Math.floor(ids.length / context);

/** Tokens that it scores. */
export const scoredTokens = (corpus: LlamaCppCorpus): number =>
  chunksOf(corpus) * (corpus.context - firstOf(corpus.context) - 1);

/** Its chunks, as windows of the whole text: new are the slots that it scores. */
export function llamaCppWindows(corpus: LlamaCppCorpus): Window[] {
  const { ids, bos, context } = corpus;
  const fresh = firstOf(context) + 1;
  return Array.from({ length: chunksOf(corpus) }, (_, chunk) => {
    const start = chunk * context;
    const slots = ids.slice(start, start + context);
    if (bos === null) return { document: 0, ids: slots, prefixSlots: 0, start, fresh };
    slots[0] = bos.id;
    return { document: 0, ids: slots, prefixSlots: 1, start: start + 1, fresh };
  });
}

/** Gathers what the tokens cost that it scores. */
export class LlamaCppTally {
  readonly #corpus: LlamaCppCorpus;
  readonly #nats: Float64Array;
  #seen = 0;

  constructor(corpus: LlamaCppCorpus) {
    this.#corpus = corpus;
    this.#nats = new Float64Array(scoredTokens(corpus));
  }

  /** @throws LossyscopeError `model` on a loss that is no number */
  observe(observation: Observation): void {
    eachLoss(observation, WHOLE_TEXT, (_window, _token, nats) => {
      this.#nats[this.#seen++] = nats;
    });
  }

  /** @returns its figures, and in a line why they differ from ours */
  finish(): NonNullable<Coding["likeLlamaCpp"]> {
    const { ids, bos, context } = this.#corpus;
    const tokens = this.#nats.length;
    if (this.#seen !== tokens) throw new Error(`${this.#seen} losses of ${tokens}`);
    const lossNats = mean(this.#nats);
    const variance = mean(this.#nats.map((nats) => (nats - lossNats) ** 2));
    const perplexity = Math.exp(lossNats);
    return {
      version: LLAMA_CPP_VERSION,
      perplexity,
      standardError: perplexity * Math.sqrt(variance / (tokens - 1)),
      lossNats,
      tokens,
      chunks: chunksOf(this.#corpus),
      context,
      bos: bos?.token ?? null,
      why: `llama-perplexity takes the text as one, cuts it into chunks of ${count(context)} tokens${bos ? ` whose first is replaced by ${bos.token}` : ""}, scores only what follows position ${count(firstOf(context))} of each, ${count(tokens)} of ${count(ids.length)} tokens, and drops what is left at the end; its ± takes tokens for independent. A file whose weights are quantised it multiplies with activations rounded to 8 bits, so its own figure moves a little further; this one is in float32`,
    };
  }
}
