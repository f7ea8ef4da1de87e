/**
 * How servers are asked for the log-probabilities of a prompt, and how they say them: vLLM, SGLang, TGI, and whatever else
 * answers `/v1/completions` with `echo`. Nothing is taken on trust: an answer gives one number for every token that was sent, of that
 * very token, or is refused.
 */
import { randomUUID } from "node:crypto";
import { count, counted } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";

/** A prompt, and what is wanted of it. */
export interface Prompted {
  readonly ids: Int32Array;
  /** the same as text, where a server takes no ids */
  readonly text: string;
  /** likeliest tokens wanted at every place; 0: none */
  readonly likeliest: number;
}

export interface Answered {
  /** [tokens] nats of each token of the prompt; NaN for the first, which nothing comes before */
  readonly nats: Float64Array;
  /** [tokens, k] the likeliest at each place, the likeliest first; empty where none were wanted */
  readonly likeliest: readonly (readonly Likely[])[];
}

export interface Likely {
  readonly id: number;
  readonly nats: number;
}

/** What a server goes on with. */
export interface Continued {
  /** null where the server tells no ids */
  readonly ids: readonly number[] | null;
  readonly text: string;
  /** of the first token; null where the server does not say */
  readonly firstNats: number | null;
}

export interface Dialect {
  readonly name: "vllm" | "sglang" | "tgi" | "openai";
  /** what it is called in sentences */
  readonly called: string;
  readonly prompt: "ids" | "text";
  /** whether the server puts before a text what its tokenizer opens texts with */
  readonly opens?: true;
  /** whether the likeliest tokens are told by their ids */
  readonly likeliest: boolean;
  /** tokens that a prompt must leave free of the server's longest */
  readonly spare: number;
  readonly path: string;
  readonly of: "base" | "root";
  score(prompted: Prompted, model: string): Record<string, unknown>;
  read(answer: unknown, prompted: Prompted): Answered;
  /** greedily */
  goOn(prompt: Pick<Prompted, "ids" | "text">, tokens: number, model: string): Record<string, unknown>;
  continued(answer: unknown): Continued;
}

/** @throws LossyscopeError `engine`: what came is not what was asked for */
export const strange = (what: string): LossyscopeError =>
  new LossyscopeError("engine", `the server's answer is not to be used: ${what}`, "look at what serves that address");

/** What servers write in place of minus infinity, which JSON does not have. */
const NEVER = -9999;
/** A log-probability is at most 0; float32 rounds so far above it. */
const ROUNDING = 1e-4;

/** @param place of the token in the prompt */
function natsOf(logprob: unknown, place: number): number {
  if (typeof logprob !== "number" || !Number.isFinite(logprob))
    throw strange(`token ${count(place)} has the log-probability ${shown(logprob)}`);
  if (logprob > ROUNDING) throw strange(`token ${count(place)} has the log-probability ${logprob}, more than certain`);
  if (logprob <= NEVER) throw strange(`token ${count(place)} has ${logprob}, which stands for a probability of 0`);
  return Math.max(0, -logprob);
}

type Json = Readonly<Record<string, unknown>>;

const objectIn = (value: unknown, what: string): Json => {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw strange(`${what} is ${shown(value)}`);
};

const listIn = (value: unknown, what: string): readonly unknown[] => {
  if (Array.isArray(value)) return value;
  throw strange(`${what} is ${shown(value)}`);
};

const textIn = (value: unknown, what: string): string => {
  if (typeof value === "string") return value;
  throw strange(`${what} is ${shown(value)}`);
};

/** One for every token of the prompt. */
function listOf(value: unknown, what: string, { ids }: Pick<Prompted, "ids">): readonly unknown[] {
  const list = listIn(value, what);
  if (list.length === ids.length) return list;
  throw strange(`${what} has ${counted(list.length, "place")} for ${counted(ids.length, "token")} that were sent`);
}

/** Nothing comes before the first token: what is said of it is no log-probability. */
function refuseFirst(value: unknown): void {
  if (value !== null)
    throw strange(`the first token, which nothing comes before, has ${shown(value)} in place of nothing`);
}

const choiceOf = (answer: unknown): Json => {
  const choices = listIn(objectIn(answer, "it").choices, "`choices`");
  if (choices.length !== 1) throw strange(`it has ${counted(choices.length, "choice")} for one prompt`);
  return objectIn(choices[0], "its choice");
};

const sorted = (found: readonly Likely[], most: number): Likely[] =>
  [...found].sort((a, b) => a.nats - b.nats || a.id - b.id).slice(0, most);

/** The likeliest token, whatever the model's own generation_config.json asks servers to prefer to it. */
const GREEDY = { temperature: 0, top_p: 1, repetition_penalty: 1, presence_penalty: 0, frequency_penalty: 0 };

/** Prompt log-probabilities by id, under a salt of their own: what a cache holds of another prompt is no answer to this one. */
export const VLLM: Dialect = {
  name: "vllm",
  called: "vLLM",
  prompt: "ids",
  likeliest: true,
  spare: 1,
  path: "/completions",
  of: "base",
  score: ({ ids, likeliest }, model) => ({
    model,
    prompt: [...ids],
    prompt_logprobs: likeliest,
    max_tokens: 1,
    temperature: 0,
    cache_salt: randomUUID(),
  }),
  read(answer, prompted) {
    const { prompt_logprobs } = choiceOf(answer);
    const list = listOf(prompt_logprobs, "`prompt_logprobs`", prompted);
    refuseFirst(list[0]);
    const nats = new Float64Array(list.length).fill(Number.NaN, 0, 1);
    const likeliest: Likely[][] = [[]];
    for (let place = 1; place < list.length; place++) {
      const told = objectIn(list[place], `token ${count(place)}`);
      const own = told[prompted.ids[place]];
      if (own === undefined)
        throw strange(`token ${count(place)} has nothing of id ${prompted.ids[place]}, which was sent`);
      nats[place] = natsOf(objectIn(own, `token ${count(place)}`).logprob, place);
      if (prompted.likeliest === 0) continue;
      const all = Object.entries(told).map(([id, one]) => ({
        id: Number(id),
        nats: natsOf(objectIn(one, `token ${count(place)}`).logprob, place),
      }));
      likeliest.push(sorted(all, prompted.likeliest));
    }
    return { nats, likeliest: prompted.likeliest === 0 ? [] : likeliest };
  },
  goOn: ({ ids }, tokens, model) => ({
    model,
    prompt: [...ids],
    max_tokens: tokens,
    ...GREEDY,
    logprobs: 0,
    return_token_ids: true,
    cache_salt: randomUUID(),
  }),
  continued: (answer) => continuedOf(choiceOf(answer)),
};

function continuedOf({ text, token_ids, logprobs }: Json): Continued {
  const first = (logprobs as Json | null | undefined)?.token_logprobs;
  const nats = Array.isArray(first) && typeof first[0] === "number" ? -first[0] : null;
  const ids = Array.isArray(token_ids) && token_ids.every((id) => Number.isInteger(id)) ? token_ids : null;
  return { ids, text: textIn(text ?? "", "`text`"), firstNats: nats };
}

/** `/generate`, with log-probabilities from the first token on. */
export const SGLANG: Dialect = {
  name: "sglang",
  called: "SGLang",
  prompt: "ids",
  likeliest: true,
  spare: 1,
  path: "/generate",
  of: "root",
  score: ({ ids, likeliest }) => ({
    input_ids: [...ids],
    sampling_params: { max_new_tokens: 1, temperature: 0 },
    return_logprob: true,
    logprob_start_len: 0,
    top_logprobs_num: likeliest,
  }),
  read(answer, prompted) {
    const told = objectIn(objectIn(answer, "it").meta_info, "`meta_info`");
    const list = listOf(told.input_token_logprobs, "`input_token_logprobs`", prompted);
    const tops = prompted.likeliest > 0 ? listOf(told.input_top_logprobs, "`input_top_logprobs`", prompted) : [];
    const nats = new Float64Array(list.length).fill(Number.NaN, 0, 1);
    const likeliest: Likely[][] = [];
    for (const [place, one] of list.entries()) {
      const [logprob, id] = listIn(one, `token ${count(place)}`);
      if (id !== prompted.ids[place])
        throw strange(`token ${count(place)} is ${shown(id)}, ${prompted.ids[place]} was sent`);
      if (place === 0) refuseFirst(logprob);
      else nats[place] = natsOf(logprob, place);
      if (prompted.likeliest === 0) continue;
      const all = place === 0 ? [] : listIn(tops[place], `token ${count(place)}`).map((top) => likelyOf(top, place));
      likeliest.push(sorted(all, prompted.likeliest));
    }
    return { nats, likeliest };
  },
  goOn: ({ ids }, tokens) => ({
    input_ids: [...ids],
    sampling_params: { max_new_tokens: tokens, ...GREEDY },
    return_logprob: true,
  }),
  continued(answer) {
    const whole = objectIn(answer, "it");
    const told = objectIn(whole.meta_info, "`meta_info`");
    const list = listIn(told.output_token_logprobs, "`output_token_logprobs`").map((one) => listIn(one, "a token"));
    const ids = list.map(([, id]) => id as number);
    const first = list[0]?.[0];
    return { ids, text: textIn(whole.text ?? "", "`text`"), firstNats: typeof first === "number" ? -first : null };
  },
};

function likelyOf(top: unknown, place: number): Likely {
  const [logprob, id] = listIn(top, `token ${count(place)}`);
  if (!Number.isInteger(id)) throw strange(`token ${count(place)} has a likeliest token ${shown(id)}`);
  return { id: id as number, nats: natsOf(logprob, place) };
}

/**
 * `/generate` of Text Generation Inference, which takes texts and tells what it made of them: ids other than ours end the run.
 * Where a prompt opens with BOS and ours does not, BOS is set aside, and with it what it says of our first token.
 */
export const TGI: Dialect = {
  name: "tgi",
  called: "TGI",
  prompt: "text",
  opens: true,
  likeliest: false,
  spare: 0,
  path: "/generate",
  of: "root",
  score: ({ text }) => ({
    inputs: text,
    parameters: { max_new_tokens: 1, do_sample: false, decoder_input_details: true },
  }),
  read(answer, prompted) {
    const { prefill } = objectIn(objectIn(answer, "it").details, "`details`");
    const told = listIn(prefill, "`prefill`").map((one) => objectIn(one, "a token"));
    const { ids } = prompted;
    const opened = told.length === ids.length + 1 && told[1].id === ids[0];
    const list = listOf(opened ? told.slice(1) : told, "`prefill`", prompted);
    const nats = new Float64Array(list.length).fill(Number.NaN, 0, 1);
    for (const [place, one] of list.entries()) {
      const { id, logprob } = one as Json;
      if (id !== ids[place])
        throw strange(
          `it cuts the text otherwise: token ${count(place)} is ${shown(id)}, where ${ids[place]} was meant`,
        );
      if (place > 0) nats[place] = natsOf(logprob, place);
      else if (!opened) refuseFirst(logprob);
    }
    return { nats, likeliest: [] };
  },
  goOn: ({ text }, tokens) => ({
    inputs: text,
    parameters: { max_new_tokens: tokens, do_sample: false, repetition_penalty: 1, details: true },
  }),
  continued(answer) {
    const whole = objectIn(answer, "it");
    const list = listIn(objectIn(whole.details, "`details`").tokens, "`tokens`").map((one) => objectIn(one, "a token"));
    const ids = list.map(({ id }) => id);
    const first = list[0]?.logprob;
    return {
      ids: ids.every((id): id is number => Number.isInteger(id)) ? ids : null,
      text: textIn(whole.generated_text ?? "", "`generated_text`"),
      firstNats: typeof first === "number" ? -first : null,
    };
  },
};

/**
 * The prompt echoed with its log-probabilities. Tokens come as texts, which have to make up the prompt's; a server that says
 * ids says those that were sent.
 * @param prompt what the server takes
 */
export const echo = (prompt: Dialect["prompt"]): Dialect => ({
  name: "openai",
  called: "an OpenAI-compatible server",
  prompt,
  likeliest: false,
  spare: 1,
  path: "/completions",
  of: "base",
  score: ({ ids, text }, model) => ({
    model,
    prompt: prompt === "ids" ? [...ids] : text,
    echo: true,
    logprobs: 1,
    max_tokens: 1,
    temperature: 0,
  }),
  read(answer, prompted) {
    const { logprobs, prompt_token_ids } = choiceOf(answer);
    const told = objectIn(logprobs, "`logprobs`");
    const tokens = listIn(told.tokens, "`tokens`");
    const values = listIn(told.token_logprobs, "`token_logprobs`");
    // one token was drawn behind the prompt
    const length = prompted.ids.length;
    if (tokens.length !== values.length || values.length < length || values.length > length + 1)
      throw strange(
        `it has ${counted(values.length, "value")} of ${counted(tokens.length, "token")}, where ${count(length)} were sent and one more drawn`,
      );
    if (Array.isArray(prompt_token_ids) && !prompted.ids.every((id, place) => prompt_token_ids[place] === id))
      throw strange("the server says other tokens than those that were sent");
    const texts = tokens.slice(0, length).map((one, place) => textIn(one, `token ${count(place)}`));
    refuseOtherTexts(texts, prompted.text);
    refuseFirst(values[0]);
    const nats = Float64Array.from(values.slice(0, length), (value, place) =>
      place === 0 ? Number.NaN : natsOf(value, place),
    );
    return { nats, likeliest: [] };
  },
  goOn: ({ ids, text }, tokens, model) => ({
    model,
    prompt: prompt === "ids" ? [...ids] : text,
    max_tokens: tokens,
    temperature: 0,
    logprobs: 1,
  }),
  continued: (answer) => continuedOf(choiceOf(answer)),
});

/** Bytes that are no character by themselves come as U+FFFD, or spelt: there, only what is whole is compared. */
function refuseOtherTexts(texts: readonly string[], text: string): void {
  const said = texts.join("");
  if (said === text || said.trimStart() === text.trimStart()) return;
  if (texts.some((one) => one.includes("\ufffd") || one.startsWith("bytes:"))) return;
  const at = [...said].findIndex((character, index) => character !== [...text][index]);
  throw strange(
    `its tokens make ${shown(said.slice(Math.max(0, at - 10), at + 30))} where ${shown(text.slice(Math.max(0, at - 10), at + 30))} was sent: it cuts the text otherwise`,
  );
}
