/**
 * Questions with a finite set of answers (METHODS §6): how probable a model finds each candidate after a prompt, and what
 * it says by itself. A candidate is charged whole, with what joins it to the prompt and what ends it. Tokens are those of
 * the whole text: where an answer changes the prompt's last tokens, all candidates are charged from the last token on that
 * the prompt shares with every one of them; and the last token, where the terminator may be the beginning of a longer one
 * (a space that opens a word), stands for every token that begins as it does.
 *
 * Memory: about 100 bytes a token of every candidate of every prompt; the runtime's as `trees.ts` and `session.ts` say.
 */

import { mapAtMost } from "../files/concurrent.ts";
import { requirePositions } from "../models/decoder.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { QuietContext } from "../ports/context.ts";
import { type Asking, type Model, requireDecoder } from "../ports/model.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { generate } from "./generate.ts";
import { sessionBytes } from "./memory.ts";
import { beside, quickestProducts } from "./quickest.ts";
import { servedNats, untilEnd } from "./served.ts";
import { DecodingSession } from "./session.ts";
import { writtenBytes } from "./text.ts";
import { type Branching, codeLengths } from "./trees.ts";

/** Answers are `joint`, a candidate and `terminator`, right behind the prompt. */
export interface Question {
  readonly prompt: string;
  readonly joint: string;
  readonly terminator: string;
  readonly candidates: readonly string[];
}

export interface Reply {
  /** [candidates] code length of each, in nats */
  readonly nats: Float64Array;
  /** what greedy decoding says, up to the terminator */
  readonly answer: string;
  /** the candidate that this is, or null */
  readonly candidate: number | null;
}

export interface AskOptions extends QuietContext {
  /** told how many questions are done, first of the candidates and then of the answers */
  readonly onProgress?: (phase: "candidates" | "answers", done: number) => void;
}

/** Tokens that an answer may have; as many as the longest candidate where that has more (METHODS §6). */
const MOST_TOKENS = 16;
/** Rows that answer together, and bytes that their cache and their logits may take. */
const MOST_ROWS = 256;
const MOST_BYTES = 2 ** 28;

/** A question in tokens. */
export interface Tokenized extends Branching {
  /** what the answer begins with behind the stem: the end of a prompt whose last tokens the answers change, and the joint */
  readonly lead: string;
}

/** @throws LossyscopeError `input` where prompt and answers share no token and nothing opens a text */
export function tokenized(tokenizer: Tokenizer, { prompt, joint, terminator, candidates }: Question): Tokenized {
  const texts = [prompt, ...candidates.map((candidate) => `${prompt}${joint}${candidate}${terminator}`)];
  const [{ ids, byteEnds }, ...encodings] = tokenizer.encodeEach(texts);
  const answers = encodings.map((encoding) => encoding.ids);
  let shared = ids.length;
  for (const answer of answers) {
    let same = 0;
    while (same < shared && answer[same] === ids[same]) same++;
    shared = same;
  }
  const stem = [...(tokenizer.prefix ? [tokenizer.prefix.id] : []), ...ids.subarray(0, shared)];
  if (stem.length === 0)
    throw new LossyscopeError(
      "input",
      `the prompt ${JSON.stringify(prompt)} shares no token with its answers, and this model's texts open with none`,
      "give a longer prompt",
    );
  const rest = Buffer.from(prompt).subarray(shared === 0 ? 0 : byteEnds[shared - 1]);
  return { stem, tails: answers.map((answer) => [...answer.subarray(shared)]), lead: rest.toString() + joint };
}

/** What of a model is asked for here. */
const ASKING = "scoring answers";

/**
 * Finds out whether a model can be asked, without asking it.
 * @throws LossyscopeError `input` as `tokenized`, `usage` where the model has fewer positions than a question needs
 */
export function requireAskable(
  model: Pick<DecoderSpec, "positions">,
  tokenizer: Tokenizer,
  questions: readonly Question[],
): void {
  for (const question of questions) {
    const { stem, tails } = tokenized(tokenizer, question);
    requirePositions(model, stem.length + tails.reduce((most, { length }) => Math.max(most, length - 1), 0));
  }
}

/**
 * Asks a model: how probable each candidate is behind its prompt, and what it answers by itself.
 * @returns replies in the order of the questions
 * @throws LossyscopeError as the tokenizer, `codeLengths` and `DecodingSession` do; `input` as `tokenized`
 */
export async function ask(
  model: Model,
  questions: readonly Question[],
  { onProgress = () => {}, ...context }: AskOptions,
): Promise<Reply[]> {
  if (model.served?.asking) return askServed(model, model.served.asking, questions, { onProgress, ...context });
  const { spec, weights, precision } = requireDecoder(model, ASKING);
  const tokenizer = await model.tokenizer();
  const asked = questions.map((question) => tokenized(tokenizer, question));
  const endings = new Endings(tokenizer, spec.vocabulary);
  const nats = await codeLengths(
    asked.map(({ stem, tails }) => ({
      stem,
      tails: tails.map((tail) => tail.slice(0, -1)),
      closings: tails.map((tail) => endings.classOf(tail[tail.length - 1])),
    })),
    {
      spec,
      weights,
      precision,
      ...context,
      classes: endings.classes,
      onProgress: (done) => onProgress("candidates", done),
    },
  );
  const said = await answers(model, tokenizer, questions, asked, { ...context, onProgress });
  return said.map((one, index) => ({ nats: nats[index], ...one }));
}

/** The same of a model that a server runs: every candidate is a prompt by itself. */
async function askServed(
  model: Model,
  asking: Asking,
  questions: readonly Question[],
  { onProgress, signal }: Required<Pick<AskOptions, "onProgress">> & QuietContextSignal,
): Promise<Reply[]> {
  const tokenizer = await model.tokenizer();
  const asked = questions.map((question) => tokenized(tokenizer, question));
  for (const { stem, tails } of asked)
    requirePositions(model, stem.length + tails.reduce((most, { length }) => Math.max(most, length), 0));
  const endings = new Endings(tokenizer, model.vocabulary);
  let done = 0;
  const nats = await mapAtMost(asking.concurrency, asked, async ({ stem, tails }) => {
    const costs: number[] = [];
    for (const tail of tails) {
      const members = endings.classes[endings.classOf(tail[tail.length - 1])];
      costs.push(await servedNats(asking, { stem, tail, members }, signal));
    }
    onProgress("candidates", ++done);
    return Float64Array.from(costs);
  });
  const ends = await model.ends();
  let answered = 0;
  const said = await mapAtMost(asking.concurrency, [...asked.keys()], async (index) => {
    const { stem, tails } = asked[index];
    const budget = tails.reduce((most, { length }) => Math.max(most, length), MOST_TOKENS);
    const room = model.positions === null ? budget : Math.min(budget, model.positions - stem.length);
    const ids = await asking.goOn(Int32Array.from(stem), room, signal);
    const listener = new Listener(tokenizer, questions[index], asked[index]);
    for (const id of untilEnd(ids, ends)) if (listener.hear(id).settled) break;
    onProgress("answers", ++answered);
    return listener.heard;
  });
  return said.map((one, index) => ({ nats: nats[index], ...one }));
}

type QuietContextSignal = Pick<QuietContext, "signal">;

/** For a token that ends a text which goes on: all tokens that begin with its bytes, itself among them. */
class Endings {
  readonly classes: ReadonlySet<number>[] = [];
  readonly #known = new Map<number, number>();
  readonly #bytes: readonly Buffer[];

  constructor(tokenizer: Tokenizer, vocabulary: number) {
    this.#bytes = Array.from({ length: vocabulary }, (_, id) => Buffer.from(tokenizer.bytesOf(id)));
  }

  classOf(token: number): number {
    const known = this.#known.get(token);
    if (known !== undefined) return known;
    const own = this.#bytes[token];
    const members = new Set([token]);
    if (own.length > 0) {
      this.#bytes.forEach((bytes, id) => {
        if (bytes.subarray(0, own.length).equals(own)) members.add(id);
      });
    }
    this.#known.set(token, this.classes.length);
    this.classes.push(members);
    return this.classes.length - 1;
  }
}

type Answer = Pick<Reply, "answer" | "candidate">;

/** What greedy decoding says to each question, many at a time, those with prompts of about one length together. */
async function answers(
  model: Model,
  tokenizer: Tokenizer,
  questions: readonly Question[],
  asked: readonly Tokenized[],
  { onProgress, ...context }: Required<Pick<AskOptions, "onProgress">> & AskOptions,
): Promise<Answer[]> {
  const found = new Array<Answer>(questions.length);
  if (questions.length === 0) return found;
  const { spec, weights, precision } = requireDecoder(model, ASKING);
  const ends = await model.ends();
  const budgets = asked.map(({ tails }) => tails.reduce((most, { length }) => Math.max(most, length), MOST_TOKENS));
  const reach = asked.reduce((most, { stem }, index) => Math.max(most, stem.length + budgets[index]), 0);
  const longest = Math.min(spec.positions ?? reach, reach);
  const rows = rowsOf(spec, longest);
  const order = [...asked.keys()].sort((a, b) => asked[a].stem.length - asked[b].stem.length);
  const load = { rows: Math.min(rows, order.length), longest, together: longest };
  const products = quickestProducts({ weights, precision }, load.rows, (one) =>
    sessionBytes(spec, weights, { ...load, products: one }),
  );
  const session = await DecodingSession.open({
    spec,
    weights,
    ...context,
    prediction: "logits",
    longest,
    arithmetic: beside(products),
  });
  try {
    for (let start = 0; start < order.length; start += rows) {
      const batch = order.slice(start, start + rows);
      const listeners = batch.map((index) => new Listener(tokenizer, questions[index], asked[index]));
      const stop = (row: number, id: number): boolean => {
        const { settled, tokens } = listeners[row].hear(id);
        return settled || tokens === budgets[batch[row]];
      };
      const steps = generate(
        session,
        batch.map((index) => asked[index].stem),
        { temperature: 0, topP: 1, seed: 0, maxTokens: Math.max(...batch.map((index) => budgets[index])), ends, stop },
      );
      while (!(await steps.next()).done);
      listeners.forEach((listener, row) => {
        found[batch[row]] = listener.heard;
      });
      onProgress("answers", start + batch.length);
    }
    return found;
  } finally {
    await session.close();
  }
}

function rowsOf({ blocks, vocabulary }: DecoderSpec, longest: number): number {
  const slot = blocks.reduce((sum, { attention }) => sum + 8 * attention.kvHeads * attention.headWidth, 0);
  return Math.max(1, Math.min(MOST_ROWS, Math.floor(MOST_BYTES / (slot * longest + 4 * vocabulary))));
}

/** Puts one row's tokens together and says when its answer is known. */
export class Listener {
  readonly #tokenizer: Tokenizer;
  readonly #question: Question;
  readonly #lead: string;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #previous: number | null;
  #text = "";
  #tokens = 0;

  constructor(tokenizer: Tokenizer, question: Question, { stem, lead }: Pick<Tokenized, "stem" | "lead">) {
    this.#tokenizer = tokenizer;
    this.#question = question;
    this.#lead = lead;
    // A stem that is the prefix alone opens a text.
    this.#previous = tokenizer.prefix && stem.length === 1 ? null : stem[stem.length - 1];
  }

  /** @returns whether no further token changes the answer, and how many were heard */
  hear(id: number): { readonly settled: boolean; readonly tokens: number } {
    this.#text += this.#decoder.decode(writtenBytes(this.#tokenizer, id, this.#previous), { stream: true });
    this.#previous = id;
    this.#tokens++;
    const { candidates, terminator } = this.#question;
    const settled =
      this.#candidate() !== null ||
      (this.#ended() >= 0 && !candidates.some((one) => (this.#lead + one + terminator).startsWith(this.#text)));
    return { settled, tokens: this.#tokens };
  }

  get heard(): Answer {
    const candidate = this.#candidate();
    if (candidate !== null) return { answer: this.#question.candidates[candidate], candidate };
    const end = this.#ended();
    const said = end < 0 ? this.#text + this.#decoder.decode() : this.#text.slice(0, end);
    return { answer: (said.startsWith(this.#lead) ? said.slice(this.#lead.length) : said).trim(), candidate: null };
  }

  /** The candidate that was said with its terminator: of several, the one that ended first. */
  #candidate(): number | null {
    const { candidates, terminator } = this.#question;
    let first: number | null = null;
    candidates.forEach((one, index) => {
      const said = this.#text.startsWith(this.#lead + one + terminator);
      if (said && (first === null || one.length < candidates[first].length)) first = index;
    });
    return first;
  }

  /** Where the terminator stands first behind the lead and a character of an answer, or −1. */
  #ended(): number {
    const lead = this.#text.startsWith(this.#lead) ? this.#lead.length : 0;
    return this.#text.indexOf(this.#question.terminator, lead + 1);
  }
}
