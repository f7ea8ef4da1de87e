/**
 * Text before and after a model that reads tokens: a prompt as ids, generated ids as the bytes they stand for. Bytes need
 * not end with a character; a streaming `TextDecoder` puts those of several tokens together.
 */

import { requireMemory } from "../engines/memory.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type QuietContext, quietContext } from "../ports/context.ts";
import { type Model, requireDecoder } from "../ports/model.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type GenerateOptions, generate } from "./generate.ts";
import { sessionBytes } from "./memory.ts";
import { productsAt } from "./quickest.ts";
import { DecodingSession } from "./session.ts";

const SPACE = 0x20;

/**
 * What a token stands for, but for a leading space that is the tokenizer's own.
 * @param previous the token before it; null where a text starts
 */
export function writtenBytes(tokenizer: Tokenizer, id: number, previous: number | null): Uint8Array {
  const bytes = tokenizer.bytesOf(id);
  return bytes[0] === SPACE && tokenizer.opensWithSpace(previous) ? bytes.subarray(1) : bytes;
}

export interface ContinueOptions extends QuietContext, Omit<GenerateOptions, "ends"> {
  readonly prompt: string;
}

/**
 * Goes on from a prompt, in a process of the runtime's own.
 * @returns each new token with the bytes it adds to the text
 * @throws LossyscopeError as the tokenizer, `DecodingSession` and `generate` do; `usage` for a prompt without room after it;
 * `memory`
 */
export async function* continueText(
  model: Model,
  { prompt, ...options }: ContinueOptions,
): AsyncGenerator<{ readonly id: number; readonly bytes: Uint8Array }> {
  const { spec, weights, precision } = requireDecoder(model, "writing token by token");
  const tokenizer = await model.tokenizer();
  const ends = await model.ends();
  const { prefix } = tokenizer;
  const ids = [...(prefix ? [prefix.id] : []), ...tokenizer.encode(prompt).ids];
  const positions = spec.positions ?? Number.POSITIVE_INFINITY;
  if (ids.length > positions)
    throw new LossyscopeError(
      "usage",
      `the prompt is ${count(ids.length)} tokens long, the model has ${count(positions)} positions`,
      "pass a shorter --prompt",
    );
  const longest = Math.min(positions, ids.length + options.maxTokens);
  const load = { rows: 1, longest, together: ids.length, products: productsAt(precision) };
  requireMemory(sessionBytes(spec, weights, load), "pass a shorter --prompt, or a smaller --max-tokens");
  const session = await DecodingSession.open({
    spec,
    weights,
    precision,
    ...quietContext(options),
    prediction: "logits",
    longest,
  });
  try {
    let previous = prompt === "" ? null : ids[ids.length - 1];
    for await (const [id] of generate(session, [ids], { ...options, ends })) {
      if (id === null) return;
      yield { id, bytes: writtenBytes(tokenizer, id, previous) };
      previous = id;
    }
  } finally {
    await session.close();
  }
}
