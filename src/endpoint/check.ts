/**
 * What a server has to show before it is believed (METHODS §1.7): twenty known tokens are read several times, alone and among
 * others; what comes behind a token must not change what is said of it; a token that is another must be charged otherwise; and
 * a token that the server draws by itself must cost behind the same prompt what it said when it drew it. A cache that hands
 * out what it held of another prompt, values that stand a position off, values of other tokens, and values that change from
 * call to call do not pass.
 */
import { count, figure } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { mean } from "../numeric/sums.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Scorer } from "./scorer.ts";

/** Plain English, of which the first tokens are read; and one with characters of several bytes, that tokenizers are told apart by. */
export const KNOWN =
  "The capital of France is Paris, and the capital of Italy is Rome. The capital of Spain is Madrid, and the capital of Greece is Athens.";
const TELLING = "In 1905, naïve cafés\n\tsold 3.14 “fish” — 漢字, 🙂 don't  you   know?";

/** Tokens that are known. */
const TOKENS = 20;
/** The token that is another in one of the prompts, and how many more another one has. */
const OTHER_AT = 11;
const MORE = 6;
/** Prompts that the server goes on with, in tokens. */
const LED = [7, 13, TOKENS] as const;

/**
 * Nats by which a token may change from call to call, in the mean and at most. A bfloat16 server in which prompts meet others
 * in every batch stays below a fifth of the first.
 */
export const MOST_CHANGE = { mean: 0.05, one: 1 } as const;
/** Nats between what the server says of a token that it draws, and of the same token in a prompt. */
const MOST_APART = 0.3;

/** The tokens that servers are tried with. */
export const knownTokens = (tokenizer: Pick<Tokenizer, "encode">): Int32Array =>
  tokenizer.encode(KNOWN).ids.slice(0, TOKENS + MORE);

const refused = (said: string, next: string): LossyscopeError =>
  new LossyscopeError("engine", `the server does not pass the test before the run: ${said}`, next);

/** How far two readings of the same tokens lie apart, in nats. */
export function apart(a: ArrayLike<number>, b: ArrayLike<number>): { readonly mean: number; readonly one: number } {
  const differences = Array.from(a, (value, place) => Math.abs(value - b[place])).filter((one) => !Number.isNaN(one));
  return { mean: differences.length === 0 ? 0 : mean(differences), one: Math.max(0, ...differences) };
}

export const changes = ({ mean: inTheMean, one }: ReturnType<typeof apart>): boolean =>
  inTheMean > MOST_CHANGE.mean || one > MOST_CHANGE.one;

export const changeText = ({ mean: inTheMean, one }: ReturnType<typeof apart>): string =>
  `by ${figure(inTheMean)} nats a token and ${figure(one)} at most, where ${MOST_CHANGE.mean} and ${MOST_CHANGE.one} are allowed`;

/**
 * @param tokens `knownTokens`
 * @returns nats of the known tokens, to know the server's model by later
 * @throws LossyscopeError `engine` with what was seen; `network`, `interrupted`
 */
export async function checkServer(
  scorer: Scorer,
  tokens: Int32Array,
  tokenizer: Pick<Tokenizer, "bytesOf" | "vocabularySize">,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  if (tokens.length < TOKENS)
    throw new LossyscopeError(
      "model",
      `the tokenizer makes ${count(tokens.length)} tokens of a sentence that should have ${TOKENS}`,
      "name the tokenizer of the served model with --tokenizer",
    );
  const known = tokens.slice(0, TOKENS);
  const read = async (ids: Int32Array): Promise<Float64Array> =>
    (await scorer.score({ ids, what: "the tokens of the test before the run", signal })).nats;
  const other = known.slice();
  other[OTHER_AT] = known[1];
  const first = await read(known);
  const together = await Promise.all([tokens, other, known, known.slice(0, OTHER_AT), known].map(read));
  const [longer, changed, again, shorter, andAgain] = together;
  for (const one of [again, andAgain]) {
    const moved = apart(first, one);
    if (changes(moved))
      throw refused(
        `the same ${TOKENS} tokens, read again among other prompts, change ${changeText(moved)}`,
        "serve the model without what makes it so: speculative decoding, sampling, a cache of prefixes (vLLM: --no-enable-prefix-caching), or several models behind one address",
      );
  }
  refuseStale(first, changed);
  for (const [what, one, length] of [
    ["tokens that stand behind them", longer, TOKENS],
    ["a token that stands behind them", changed, OTHER_AT],
    ["the end of the prompt behind them", shorter, OTHER_AT],
  ] as const) {
    const moved = apart(first.subarray(0, length), one);
    if (changes(moved))
      throw refused(
        `what tokens cost changes with ${what}, ${changeText(moved)}`,
        "serve a model that reads from left to right, without a cache that answers for other prompts",
      );
  }
  for (const length of LED) await checkContinuation(scorer, known.subarray(0, length), tokenizer, signal);
  return first;
}

/** A prompt that has another token in one place has other costs from there on. */
function refuseStale(first: Float64Array, changed: Float64Array): void {
  const same = (from: number): boolean => changed.subarray(from).every((nats, i) => nats === first[from + i]);
  if (same(OTHER_AT))
    throw refused(
      `a prompt in which token ${OTHER_AT} is another costs the same from there on, to the last digit: it is answered from a cache`,
      "start the server without its cache of prefixes (vLLM: --no-enable-prefix-caching)",
    );
  if (first[OTHER_AT] === changed[OTHER_AT] && !same(OTHER_AT + 1))
    throw refused(
      `a token in place ${OTHER_AT} that is another costs the same, and those behind it do not: values stand a position late`,
      "serve the model with vLLM or SGLang",
    );
}

/** What the server draws behind a prompt, put behind it, must cost what it said. */
async function checkContinuation(
  scorer: Scorer,
  ids: Int32Array,
  tokenizer: Pick<Tokenizer, "bytesOf" | "vocabularySize">,
  signal: AbortSignal | undefined,
): Promise<void> {
  const what = "the tokens of the test before the run";
  const { ids: drawn, text, firstNats } = await scorer.goOn({ ids, what, signal }, 1);
  const id = drawn?.[0] ?? tokenOf(text, tokenizer);
  if (firstNats === null || id === null)
    throw refused(
      `it does not say how probable the token is that it draws (${shown(text)}), so that nothing tells whether its other values stand where they belong`,
      "serve the model with vLLM or SGLang",
    );
  const { nats } = await scorer.score({ ids: Int32Array.of(...ids, id), what, signal });
  const cost = nats[ids.length];
  if (Math.abs(cost - firstNats) <= MOST_APART) return;
  throw refused(
    `behind ${count(ids.length)} tokens it draws ${shown(text)} at ${figure(firstNats)} nats, and says ${figure(cost)} of the same token in a prompt: its values stand a position off, or are of another model (llama-cpp-python's server has them a position off where no BOS opens the prompt)`,
    "serve the model with vLLM or SGLang, or measure its weights",
  );
}

/** The one token that is written so; null where none or several are. */
function tokenOf(text: string, tokenizer: Pick<Tokenizer, "bytesOf" | "vocabularySize">): number | null {
  const bytes = Buffer.from(text);
  if (bytes.length === 0) return null;
  const found: number[] = [];
  for (let id = 0; id < tokenizer.vocabularySize && found.length < 2; id++)
    if (bytes.equals(tokenizer.bytesOf(id))) found.push(id);
  return found.length === 1 ? found[0] : null;
}

/**
 * Whether the server cuts text as we do, where it can be asked.
 * @throws LossyscopeError `model` where it does not
 */
export async function checkTokenizer(
  { client, dialect, model }: Scorer,
  tokenizer: Pick<Tokenizer, "encode" | "contentOf">,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (dialect.name !== "vllm") return;
  const body = { model, prompt: TELLING, add_special_tokens: false };
  const asking = { path: "/tokenize", of: "root", body, what: "how it cuts text", signal, once: true } as const;
  const answer = await client.ask(asking).catch((error) => {
    if (signal?.aborted) throw error;
    return null;
  });
  const theirs = (answer as { tokens?: unknown } | null)?.tokens;
  if (!Array.isArray(theirs)) return;
  const { ids } = tokenizer.encode(TELLING);
  const length = Math.max(ids.length, theirs.length);
  const place = Array.from({ length }, (_, at) => at).find((at) => ids[at] !== theirs[at]);
  if (place === undefined) return;
  throw new LossyscopeError(
    "model",
    `the server cuts text otherwise than the tokenizer that was named: in place ${place} it has the id ${shown(theirs[place])}, the tokenizer ${ids[place]} (${shown(tokenizer.contentOf(ids[place]))})`,
    "name the tokenizer of the served model with --tokenizer",
  );
}
