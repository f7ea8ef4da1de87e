/** What a server says of answers to a question: what a tail costs behind a stem, and how it goes on until a text ends. */
import type { Asking } from "../ports/model.ts";

/** Likeliest tokens that a server tells of a place: as many as vLLM allows where nobody has said otherwise. */
export const LIKELIEST_SERVED = 20;

/**
 * Nats of a tail behind a stem; its last token stands for all tokens of a class, of which those count that the server tells.
 * @throws LossyscopeError as `Asking.score`
 */
export async function servedNats(
  asking: Asking,
  {
    stem,
    tail,
    members,
  }: { readonly stem: readonly number[]; readonly tail: readonly number[]; readonly members: ReadonlySet<number> },
  signal: AbortSignal | undefined,
): Promise<number> {
  const ids = Int32Array.of(...stem, ...tail);
  const last = ids.length - 1;
  const { nats, likeliest } = await asking.score(ids, members.size > 1 ? LIKELIEST_SERVED : 0, signal);
  const others = (likeliest[last] ?? []).filter(({ id }) => id !== ids[last] && members.has(id));
  const mass = others.reduce((sum, one) => sum + Math.exp(-one.nats), Math.exp(-nats[last]));
  const before = nats.subarray(stem.length, last).reduce((sum, one) => sum + one, 0);
  return before - Math.log(mass);
}

/** What comes before the first token that ends a text. */
export function untilEnd(ids: readonly number[], ends: ReadonlySet<number>): readonly number[] {
  const end = ids.findIndex((id) => ends.has(id));
  return end === -1 ? ids : ids.slice(0, end);
}
