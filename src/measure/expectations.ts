/**
 * Which tokens of the shown text are asked what was likeliest there, and how tokens are spelt for people. A bounded number of
 * tokens, those that a reader of the report meets first: what it costs does not grow with the text.
 */
import { isUtf8 } from "node:buffer";
import { Expectations, type Stretch } from "../probes/passages/expectations.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { passageSpans } from "../probes/passages/passages.ts";
import type { Subject } from "./prepare.ts";

/** Likeliest tokens that are kept of a place. */
export const LIKELIEST = 3;
const MOST_TOKENS = 12_288;

/** @param spell for a probe that sees observations; what is only restored has its names */
export function expectationsOf(
  { documents, plan, model }: Subject,
  spell: (token: number) => string = (token) => `#${token}`,
): Expectations | null {
  if (!plan.keepText) return null;
  let room = MOST_TOKENS;
  const stretches = passageSpans(documents, { seed: plan.seed }).flatMap(({ document, first, last }): Stretch[] => {
    const taken = Math.min(room, last - first);
    room -= taken;
    return taken > 0 ? [{ document: document.index, first, last: first + taken }] : [];
  });
  return new Expectations(stretches, Math.min(LIKELIEST, model.vocabulary), spell);
}

/** The text of a token; bytes that are no text by themselves in hexadecimal. */
export function spelling(tokenizer: Pick<Tokenizer, "bytesOf" | "contentOf">): (token: number) => string {
  return (token) => {
    const bytes = Buffer.from(tokenizer.bytesOf(token));
    if (bytes.length === 0) return tokenizer.contentOf(token) ?? `#${token}`;
    return isUtf8(bytes) ? bytes.toString("utf8") : `<${bytes.toString("hex").toUpperCase()}>`;
  };
}
