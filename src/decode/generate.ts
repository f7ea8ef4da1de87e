/**
 * Text from a model: prompts in, one token a step and row out, until a token that ends a text, the number asked for, or the
 * model's last position. A row's tokens depend on its prompt, its place and the seed, not on what shares the batch (to
 * rounding). Text in and text out is `text.ts`'s.
 */
import { LossyscopeError } from "../numeric/errors.ts";
import { random } from "../numeric/random.ts";
import { type Sampling, sample } from "./sampling.ts";
import type { DecodingSession } from "./session.ts";

export interface GenerateOptions extends Sampling {
  readonly seed: number;
  /** per row */
  readonly maxTokens: number;
  /** ids that end a row; they are not part of it */
  readonly ends: ReadonlySet<number>;
  /** told every new token of a row; true ends the row after it */
  readonly stop?: (row: number, id: number) => boolean;
}

/**
 * @param prompts ids of every row, prefix included, at least one
 * @returns at every step the new token of each row, null where the row has ended
 * @throws LossyscopeError `usage` for a prompt without tokens; as `DecodingSession.advance`
 */
export async function* generate(
  session: DecodingSession,
  prompts: readonly ArrayLike<number>[],
  { seed, maxTokens, ends, stop, ...sampling }: GenerateOptions,
): AsyncGenerator<readonly (number | null)[]> {
  if (prompts.some(({ length }) => length === 0))
    throw new LossyscopeError(
      "usage",
      "there is nothing to go on from: this model's texts open with no token",
      "pass a --prompt",
    );
  session.restart();
  const streams = prompts.map((_, row) => random(seed, "generate", row));
  const ended = prompts.map(() => false);
  const longest = Math.max(...prompts.map(({ length }) => length));
  const steps = Math.min(maxTokens, session.longest - longest + 1);
  let rows = prompts;
  for (let step = 0; step < steps; step++) {
    const logits = await session.advance(rows);
    const tokens = logits.map((row, b) => {
      if (ended[b]) return null;
      const id = sample(row, sampling, streams[b]);
      if (ends.has(id)) {
        ended[b] = true;
        return null;
      }
      ended[b] = stop?.(b, id) ?? false;
      return id;
    });
    if (tokens.some((id) => id !== null)) yield tokens;
    if (ended.every(Boolean)) return;
    // A row that has ended goes on reading its last token: rows do not see each other.
    rows = tokens.map((id, b) => [id ?? rows[b][rows[b].length - 1]]);
  }
}
