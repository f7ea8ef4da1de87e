/** How a profile was computed, in a sentence, where not exactly. */
import { figure } from "../numeric/amounts.ts";
import type { Precision } from "../profile/precision.ts";
import { count } from "./format.ts";

export function precisionSentence({ kind, difference }: Precision): string {
  const { tokens, bitsPerByte, largest, kl, agreement } = difference;
  const sign = bitsPerByte < 0 ? "−" : "+";
  return (
    `Computed with --precision ${kind}, not exactly: on ${count(tokens)} tokens of the first windows ${sign}${figure(Math.abs(bitsPerByte))} ` +
    `bits per byte, ${figure(largest)} bits on a token at most, KL ${figure(kl)} bits a token, ` +
    `the same first choice before ${figure(100 * agreement)} % of them.`
  );
}
