/** What llama-perplexity would report, in a sentence and in its own form: for people who compare with its figures. */
import { count, counted } from "../numeric/amounts.ts";
import type { Coding } from "../profile/coding.ts";

/** @returns without a full stop; `like.why` says why it differs from our own figures */
export function llamaCppSentence(like: NonNullable<Coding["likeLlamaCpp"]>): string {
  const { version, perplexity, standardError, chunks, context, tokens } = like;
  const own = `PPL = ${perplexity.toFixed(4)} +/- ${standardError.toFixed(5)}`;
  const over = `${counted(chunks, "chunk")} of ${count(context)} tokens, ${count(tokens)} of them scored`;
  return `llama-perplexity of llama.cpp ${version} would report ${own} (${over})`;
}
