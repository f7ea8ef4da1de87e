/** What lm-evaluation-harness would report, in a sentence: for people who compare with its figures. */
import type { Coding } from "../profile/coding.ts";
import { figure } from "./format.ts";

type LikeLmEval = NonNullable<Coding["likeLmEval"]>;
type Figures = Pick<LikeLmEval, "bitsPerByte" | "bytePerplexity" | "wordPerplexity">;

/** Two of its own runs are told apart further down than figures with an interval are. */
const DIGITS = 5;

const figures = ({ bitsPerByte, bytePerplexity, wordPerplexity }: Figures): string =>
  `${figure(bitsPerByte, DIGITS)} bits per byte, byte perplexity ${figure(bytePerplexity, DIGITS)}, word perplexity ${figure(wordPerplexity, DIGITS)}`;

/** @returns without a full stop; `like.why` says why it differs from our own figures */
export function lmEvalSentence(like: LikeLmEval): string {
  const tool = `lm-evaluation-harness${like.version === undefined ? "" : ` ${like.version}`}`;
  const without = like.withoutBos ? `; with add_bos_token=False ${figures(like.withoutBos)}` : "";
  return `${tool} would report ${figures(like)}${without}`;
}
