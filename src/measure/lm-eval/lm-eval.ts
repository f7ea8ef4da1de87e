/**
 * What lm-evaluation-harness 0.4.13 reports for the same model and text: `loglikelihood_rolling` of its `hf` model with
 * default settings, and the metrics of its perplexity tasks. For comparison only; the project's own figures are those of
 * METHODS §0 and §1.
 *
 * Followed here, from its sources: a document is one request, tokenised as the tokenizer does by itself: special tokens
 * spelt in it are control tokens, and what the template puts around a text is part of it, unless the text starts with the
 * prefix token's own spelling. One prefix token (BOS, else end of text) opens it in any case, so that BOS may stand twice.
 * With `add_bos_token=False` nothing is put around the text. A window predicts `maxLength` tokens, the model's own length,
 * from as many inputs; a later one starts with the one token before them; the last one is moved back so that it too reads
 * `maxLength` inputs, hence re-reads tokens as context. Likelihoods, bytes and words are added over documents and divided
 * once. Its repairs are free, its words are what `re.split(r"\s+", text)` leaves, empty ends included, so an empty document
 * is one word. Its log-softmax is PyTorch's in float32 on a CPU (`models/heads.ts`, lanes); on other hardware its own
 * figures differ from that by some 2e-6 of themselves where the vocabulary is large. A task that changes its documents first (wikitext's detokeniser) has other text, not another measure.
 *
 * Memory: 4 bytes a token, twice that where the two settings differ, as much again for windows.
 */
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import { sum } from "../../numeric/sums.ts";
import { eachLoss } from "../../ports/losses.ts";
import type { Observation } from "../../ports/observation.ts";
import type { Coding } from "../../profile/coding.ts";
import type { TokenizedDocument, Window } from "../../text/corpus.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

/** The version that is followed. */
export const LM_EVAL_VERSION = "0.4.13";
/** Its window where neither model nor tokenizer says one. */
const DEFAULT_LENGTH = 2048;
/** Keys of config.json that it goes by, the first that is there. */
const LENGTH_KEYS = ["n_positions", "max_position_embeddings", "n_ctx"];

/** What Python's `\s` matches: as JavaScript's, with the information separators and NEL, without the byte order mark. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python counts U+001C to U+001F as white space
const PYTHON_SPACE = /(?:(?!\ufeff)[\s\x1c-\x1f\x85])+/;

/** The corpus as the harness has it. Plain data. */
export interface LmEvalCorpus {
  /** the token that opens every document, and how it is spelt */
  readonly prefix: { readonly id: number; readonly token: string };
  readonly maxLength: number;
  readonly bytes: number;
  readonly words: number;
  /** token ids without the prefix, by the name of their document; those that both settings share stand once */
  readonly sequences: readonly { readonly id: string; readonly ids: Int32Array }[];
  /** which sequences make the corpus with its default, and with `add_bos_token=False` where that is not the same */
  readonly byDefault: readonly number[];
  readonly withoutBos: readonly number[] | null;
}

export interface LmEvalModel {
  readonly config: Readonly<Record<string, unknown>>;
  /** positions the model has, its architecture's default included */
  readonly positions: number | null;
  /** rows of the embedding */
  readonly vocabulary: number;
}

/**
 * @param tokenizer the model's, to which special tokens written in a text are control tokens
 * @param rest waited for between two turns of the work; where it throws, the work ends
 * @throws LossyscopeError `unsupported` where there is no prefix token, `model` where a text reaches a token that the
 *   model has no row for; what `rest` throws
 */
export async function lmEvalCorpus(
  documents: readonly Pick<TokenizedDocument, "id" | "text" | "bytes">[],
  tokenizer: Tokenizer,
  model: LmEvalModel,
  rest: () => Promise<void> = async () => {},
): Promise<LmEvalCorpus> {
  const { bos, eos, around, modelMaxLength } = tokenizer.control;
  const id = bos ?? eos;
  const token = id === undefined ? undefined : tokenizer.contentOf(id);
  if (id === undefined || token === undefined) {
    throw new LossyscopeError(
      "unsupported",
      "lm-evaluation-harness opens every document with BOS or end-of-text; the files of this tokenizer name neither",
      "leave out --like lm-eval",
    );
  }
  const spelling = tokenizer.decodedAlone(id);
  const sequences: { id: string; ids: Int32Array }[] = [];
  const byDefault: number[] = [];
  const withoutBos: number[] = [];
  for (const document of documents) {
    const { ids } = await tokenizer.encodeResting(document.text, rest);
    await rest();
    const add = (of: Int32Array): number => sequences.push({ id: document.id, ids: of }) - 1;
    const opensItself = document.text.startsWith(spelling);
    const bare = opensItself || around.before.length + around.after.length === 0;
    withoutBos.push(add(ids));
    byDefault.push(bare ? withoutBos.at(-1)! : add(Int32Array.from([...around.before, ...ids, ...around.after])));
  }
  for (const { id: document, ids } of [...sequences, { id: "prefix", ids: [id] }]) {
    const beyond = ids.find((one) => one >= model.vocabulary);
    if (beyond === undefined) continue;
    throw new LossyscopeError(
      "model",
      `the token ${shown(tokenizer.contentOf(beyond) ?? "")} (id ${beyond}) of "${document}" is past the model's ${count(model.vocabulary)} embeddings, where lm-evaluation-harness fails`,
      "leave out --like lm-eval",
    );
  }
  const words: number[] = [];
  for (const { text } of documents) words.push(await wordsIn(text, rest));
  return {
    prefix: { id, token },
    maxLength: lmEvalLength(model, modelMaxLength),
    bytes: sum(documents.map(({ bytes }) => bytes)),
    words: sum(words),
    sequences,
    byDefault,
    withoutBos: byDefault.every((sequence, i) => sequence === withoutBos[i]) ? null : withoutBos,
  };
}

/** Characters in which words are counted at a time. */
const STRETCH = 1 << 18;

/** What `re.split(r"\s+", text)` leaves: one more than there are stretches of white space. */
async function wordsIn(text: string, rest: () => Promise<void>): Promise<number> {
  const spaces = new RegExp(PYTHON_SPACE.source, "g");
  let words = 1;
  for (let next = STRETCH; spaces.exec(text); words++) {
    if (spaces.lastIndex < next) continue;
    await rest();
    next = spaces.lastIndex + STRETCH;
  }
  return words;
}

/** Tokens that the harness lets the model read at once: the text model's own key, its default, the tokenizer's limit. */
export function lmEvalLength({ config, positions }: Omit<LmEvalModel, "vocabulary">, tokenizers?: number): number {
  const text = config.text_config;
  const own = typeof text === "object" && text !== null ? (text as Readonly<Record<string, unknown>>) : config;
  const said = LENGTH_KEYS.map((key) => own[key]).find((value) => typeof value === "number");
  return Math.trunc((said as number | undefined) ?? positions ?? tokenizers ?? DEFAULT_LENGTH);
}

/** The harness's windows of the whole corpus; `document` is the number of a sequence. */
export const lmEvalCorpusWindows = ({ sequences, prefix, maxLength }: LmEvalCorpus): Window[] =>
  sequences.flatMap(({ ids }, sequence) => lmEvalWindows(sequence, ids, prefix.id, maxLength));

/**
 * The harness's windows of one document. Slots count the prefix or the context before the tokens predicted, so a window
 * has up to `maxLength` + 1 of them: nothing is predicted from its last one, which the model need not read.
 * @param ids of the document, without prefix
 * @param prefix id of the token that opens the document
 * @param maxLength tokens the model reads at once: its positions
 * @throws LossyscopeError `model` for a length below one
 */
export function lmEvalWindows(document: number, ids: Int32Array, prefix: number, maxLength: number): Window[] {
  if (!(maxLength >= 1)) throw new LossyscopeError("model", `windows of ${count(maxLength)} tokens predict nothing`);
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

/** Nats of the windows of a batch, each with its sequence. */
export type LmEvalNats = readonly (readonly [sequence: number, nats: number])[];

/** Adds up what the harness's windows cost. */
export class LmEvalTally {
  readonly #corpus: LmEvalCorpus;
  /** by batch, so that they are added in one order whoever saw which */
  readonly #nats = new Map<number, LmEvalNats>();

  constructor(corpus: LmEvalCorpus) {
    this.#corpus = corpus;
  }

  /** @throws LossyscopeError `model` on a loss that is no number */
  observe(observation: Observation): void {
    const losses = new Map<Window, number[]>(observation.batch.windows.map((window) => [window, []]));
    eachLoss(observation, this.#corpus.sequences, (window, _, nats) => losses.get(window)!.push(nats));
    this.#nats.set(
      observation.batch.index,
      [...losses].map(([{ document }, own]) => [document, sum(own)] as const),
    );
  }

  /** What `restore` needs. */
  snapshot(): ReadonlyMap<number, LmEvalNats> {
    return this.#nats;
  }

  /**
   * Adds what another tally of the same corpus has seen of other batches.
   * @throws LossyscopeError `io` where it is of another corpus
   */
  restore(nats: ReadonlyMap<number, LmEvalNats>): void {
    const { length } = this.#corpus.sequences;
    if ([...nats.values()].flat().some(([sequence]) => sequence >= length))
      throw new LossyscopeError("io", `it kept nats of more than ${length} sequences`);
    for (const [batch, own] of nats) this.#nats.set(batch, own);
  }

  /** @returns [sequences] nats of each */
  sequenceNats(): number[] {
    const parts: number[][] = this.#corpus.sequences.map(() => []);
    const inOrder = [...this.#nats].sort(([a], [b]) => a - b);
    for (const [, own] of inOrder) for (const [sequence, nats] of own) parts[sequence].push(nats);
    return parts.map(sum);
  }

  /** @returns its figures, and in a line why they differ from ours */
  finish(): NonNullable<Coding["likeLmEval"]> {
    const { prefix, maxLength, byDefault, withoutBos, bytes, words } = this.#corpus;
    const nats = this.sequenceNats();
    const figures = (sequences: readonly number[]) => {
      const total = sum(sequences.map((sequence) => nats[sequence]));
      return {
        loglikelihood: -total,
        bitsPerByte: total / bytes / Math.LN2,
        bytePerplexity: Math.exp(total / bytes),
        wordPerplexity: Math.exp(total / words),
      };
    };
    return {
      version: LM_EVAL_VERSION,
      ...figures(byDefault),
      withoutBos: withoutBos && figures(withoutBos),
      maxLength,
      prefix: prefix.token,
      why: `lm-evaluation-harness opens documents with ${prefix.token}, takes special tokens spelt in the text for control tokens, and cuts documents into windows of ${count(maxLength)} predicted tokens, each later one with a single token of context (the last one moved back to full length); here every window re-reads tokens before it predicts, and repairs are counted. Both are in float32, where its own default is the type that the weights are stored in`,
    };
  }
}
