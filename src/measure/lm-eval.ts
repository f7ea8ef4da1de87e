/**
 * What lm-evaluation-harness reports for the same model and text (its `loglikelihood_rolling` over rolling windows with
 * one token of context, and the metrics of its perplexity tasks): the windows it would run, and its three figures. For
 * comparison only; the project's own figures are those of METHODS §0 and §1.
 *
 * Followed here, from its sources: a document is one request, tokenised without special tokens and opened by one prefix
 * token (BOS, else end of text); each window predicts `maxLength` tokens from as many inputs; a later one starts with the
 * one token before them; the last one is moved back so that it too reads `maxLength` inputs, hence re-reads tokens as
 * context. Likelihoods, bytes and words are added over documents and divided once. Its repairs are free, its words are
 * what `re.split(r"\\s+", text)` leaves, empty ends included, so an empty document is one word.
 */
import { LossyscopeError } from "../numeric/errors.ts";
import { sum } from "../numeric/sums.ts";
import type { Observation } from "../observations/observation.ts";
import { eachLoss } from "../probes/coding.ts";
import type { Coding } from "../profile/coding.ts";
import type { TokenizedDocument, Window } from "../text/corpus.ts";

/** What Python's `\s` matches: as JavaScript's, with the information separators and NEL, without the byte order mark. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python counts U+001C to U+001F as white space
const PYTHON_SPACE = /(?:(?!\ufeff)[\s\x1c-\x1f\x85])+/;

/**
 * The harness's windows of one document. Slots count the prefix or the context before the tokens predicted, so a window
 * has up to `maxLength` + 1 of them: nothing is predicted from its last one, which the model need not read.
 * @param ids of the document, without prefix
 * @param prefix id of the token that opens the document
 * @param maxLength tokens the model reads at once: its positions
 * @throws LossyscopeError `usage` for a length below one
 */
export function lmEvalWindows(document: number, ids: Int32Array, prefix: number, maxLength: number): Window[] {
  if (!(maxLength >= 1)) {
    throw new LossyscopeError("usage", `windows of ${maxLength} tokens predict nothing`, "pass a larger --context");
  }
  const windows: Window[] = [];
  for (let predicted = 0; predicted < ids.length; predicted += maxLength) {
    const end = Math.min(predicted + maxLength, ids.length);
    if (predicted === 0) {
      const slots = new Int32Array(1 + end);
      slots[0] = prefix;
      slots.set(ids.subarray(0, end), 1);
      windows.push({ document, ids: slots, prefixSlots: 1, start: 0, fresh: 0 });
    } else {
      const start = end - maxLength - 1;
      windows.push({ document, ids: ids.slice(start, end), prefixSlots: 0, start, fresh: predicted - start });
    }
  }
  return windows;
}

/** Adds up what the harness's windows cost. */
export class LmEvalTally {
  readonly #documents: readonly TokenizedDocument[];
  /** by batch, so that they are added in one order whoever saw which */
  readonly #nats = new Map<number, number>();

  constructor(documents: readonly TokenizedDocument[]) {
    this.#documents = documents;
  }

  /** @throws LossyscopeError `model` on a loss that is no number */
  observe(observation: Observation): void {
    const losses: number[] = [];
    eachLoss(observation, this.#documents, (_, __, nats) => losses.push(nats));
    this.#nats.set(observation.batch.index, sum(losses));
  }

  /** What `restore` needs. */
  snapshot(): ReadonlyMap<number, number> {
    return this.#nats;
  }

  /** Adds what another tally of the same corpus has seen of other batches. */
  restore(nats: ReadonlyMap<number, number>): void {
    for (const [batch, own] of nats) this.#nats.set(batch, own);
  }

  /**
   * @param maxLength of the windows that were observed
   * @returns its `bits_per_byte`, `byte_perplexity` and `word_perplexity`, and in a line why they differ from ours
   */
  finish(maxLength: number): NonNullable<Coding["likeLmEval"]> {
    const nats = sum([...this.#nats].sort(([a], [b]) => a - b).map(([, own]) => own));
    const bytes = sum(this.#documents.map((document) => document.bytes));
    const words = sum(this.#documents.map(({ text }) => text.split(PYTHON_SPACE).length));
    return {
      bitsPerByte: nats / bytes / Math.LN2,
      bytePerplexity: Math.exp(nats / bytes),
      wordPerplexity: Math.exp(nats / words),
      why: `lm-evaluation-harness cuts documents into windows of ${maxLength} predicted tokens, each later one with a single token of context (the last one moved back to full length); here every window re-reads tokens before it predicts, and repairs are counted`,
    };
  }
}
