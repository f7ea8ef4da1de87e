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
 * Memory: 4 bytes a token of the text, as much again for chunks, 4 bytes a scored token, 8 more at the end; the whole text as
 * one string.
 */
import { count, counted } from "../../numeric/amounts.ts";
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

/** What its figures follow from beside the losses. Plain data. */
export interface LlamaCppText {
  /** of the whole text, BOS among them where the tokenizer adds it */
  readonly tokens: number;
  /** what stands in place of the first token of every chunk, and how it is spelt; null where the tokenizer adds none */
  readonly bos: { readonly id: number; readonly token: string } | null;
  /** n_ctx */
  readonly context: number;
}

/** The text as llama-perplexity has it. */
export interface LlamaCppCorpus extends LlamaCppText {
  /** [tokens] */
  readonly ids: Int32Array;
}

/** The one text that all windows are of, for what is said of them. */
export const WHOLE_TEXT = [{ id: "the whole text" }];

/**
 * @param tokenizer the model's, to which special tokens written in a text are text
 * @param context tokens of a chunk
 * @param positions of the model; null where it has no limit
 * @param rest waited for between two turns of the work; where it throws, the work ends
 * @throws LossyscopeError `usage` where the model has no room for a chunk or a chunk nothing to score, `text` where there are
 *   fewer than two chunks, `unsupported` where the tokenizer ends texts with a token, `text` for more than a string holds
 */
export async function llamaCppCorpus(
  documents: readonly Pick<TokenizedDocument, "text">[],
  tokenizer: Pick<Tokenizer, "encodeResting" | "control" | "contentOf">,
  context: number,
  positions: number | null,
  rest: () => Promise<void> = async () => {},
): Promise<LlamaCppCorpus> {
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
  const { ids } = await tokenizer.encodeResting(text.endsWith("\n") ? text.slice(0, -1) : text, rest);
  const all = Int32Array.from([...around.before, ...ids]);
  if (all.length < FEWEST_CHUNKS * context)
    throw new LossyscopeError(
      "text",
      `llama-perplexity wants ${count(FEWEST_CHUNKS * context)} tokens for chunks of ${count(context)}, the text has ${count(all.length)}`,
      `give more text, pass --context ${Math.max(3, Math.floor(all.length / FEWEST_CHUNKS))} or less, or ${LEAVE_OUT}`,
    );
  const opens = bos !== undefined && around.before.includes(bos);
  return {
    ids: all,
    tokens: all.length,
    bos: opens ? { id: bos, token: tokenizer.contentOf(bos) ?? `#${bos}` } : null,
    context,
  };
}

/** Position from which logits are taken. */
const firstOf = (context: number): number => Math.floor(context / 2);

export const chunksOf = ({ tokens, context }: LlamaCppText): number => Math.floor(tokens / context);

/** Of a chunk. */
const scoredOf = (context: number): number => context - firstOf(context) - 1;

/** Tokens that it scores. */
export const scoredTokens = (text: LlamaCppText): number => chunksOf(text) * scoredOf(text.context);

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

/** Gathers what the tokens cost that it scores, each in its place, whoever saw which. */
export class LlamaCppTally {
  readonly #text: LlamaCppText;
  /** NaN where nothing was seen yet */
  readonly #nats: Float32Array;
  readonly #isFast: boolean;

  /** @param isFast whether activations are rounded here, too */
  constructor(text: LlamaCppText, isFast = false) {
    this.#text = text;
    this.#isFast = isFast;
    this.#nats = new Float32Array(scoredTokens(text)).fill(Number.NaN);
  }

  /** @throws LossyscopeError `model` on a loss that is no number */
  observe(observation: Observation): void {
    const { context } = this.#text;
    eachLoss(observation, WHOLE_TEXT, ({ start, prefixSlots, fresh }, token, nats) => {
      const first = Math.floor(start / context) * scoredOf(context);
      this.#nats[first + token - start + prefixSlots - fresh] = nats;
    });
  }

  /** What `restore` needs. */
  snapshot(): Float32Array {
    return this.#nats;
  }

  /**
   * Adds what another tally of the same text has seen of other chunks.
   * @throws LossyscopeError `io` where it is of another text
   */
  restore(nats: Float32Array): void {
    const { length } = this.#nats;
    if (nats.length !== length)
      throw new LossyscopeError("io", `it kept losses of ${count(nats.length)} of ${counted(length, "token")}`);
    for (const [place, one] of nats.entries()) if (!Number.isNaN(one)) this.#nats[place] = one;
  }

  /** @returns its figures, and in a line why they differ from ours */
  finish(): NonNullable<Coding["likeLlamaCpp"]> {
    const { tokens: all, bos, context } = this.#text;
    const tokens = this.#nats.length;
    const missing = this.#nats.findIndex(Number.isNaN);
    if (missing >= 0) throw new Error(`its ${count(missing + 1)}. token was never scored`);
    const nats = Float64Array.from(this.#nats);
    const lossNats = mean(nats);
    const variance = mean(nats.map((one) => (one - lossNats) ** 2));
    const perplexity = Math.exp(lossNats);
    return {
      version: LLAMA_CPP_VERSION,
      perplexity,
      standardError: perplexity * Math.sqrt(variance / (tokens - 1)),
      lossNats,
      tokens,
      chunks: chunksOf(this.#text),
      context,
      bos: bos?.token ?? null,
      why: `llama-perplexity takes the text as one, cuts it into chunks of ${count(context)} tokens${bos ? ` whose first is replaced by ${bos.token}` : ""}, scores only what follows position ${count(firstOf(context))} of each, ${count(tokens)} of ${count(all)} tokens, and drops what is left at the end; its ± takes tokens for independent. A file whose weights are quantised it multiplies with activations rounded to 8 bits, so its own figure moves a little further; ${this.#isFast ? "so are they here, though not to the last digit alike" : "this one is in float32"}`,
    };
  }
}
