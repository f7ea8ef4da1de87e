/** Text from a model in one call. */
import { type ContinueOptions, continueText } from "../decode/text.ts";
import { atPrecision, type Model } from "../ports/model.ts";
import { machineOf, opened, type Run } from "./given.ts";

/** What generating takes where nothing is said: the most probable token each time. */
export const GENERATION = { maxTokens: 128, temperature: 0, topP: 1, seed: 0 } as const;

export interface GenerateTextOptions
  extends Omit<Run, "progress">,
    Partial<Pick<ContinueOptions, keyof typeof GENERATION>> {
  /** what to go on from; nothing where not given */
  readonly prompt?: string;
  /** `fast`: what meets codes of weights is rounded to 8 bits; exactly where not given */
  readonly precision?: "fast";
}

/**
 * Goes on from a prompt, token by token.
 * @returns what is added to the text, in pieces that are whole characters
 * @throws LossyscopeError as `openModel`; `usage` for a prompt without room after it; `memory`, `engine`; `interrupted`
 */
export async function* generate(model: string | Model, options: GenerateTextOptions = {}): AsyncGenerator<string> {
  const { prompt = "", threads, signal, offline, precision, ...how } = options;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const machine = { threads: machineOf({ threads }).threads, signal };
  const tokens = continueText(atPrecision(await opened(model, { offline, signal }), precision), {
    ...GENERATION,
    ...how,
    ...machine,
    prompt,
  });
  for await (const { bytes } of tokens) {
    const text = decoder.decode(bytes, { stream: true });
    if (text !== "") yield text;
  }
  const rest = decoder.decode();
  if (rest !== "") yield rest;
}
