/** What a profile says of recall (METHODS §5), in the words and lines that terminal and report share. */
import type { Interval } from "../profile/figures.ts";
import type { Occurrences, Recall } from "../profile/recall.ts";
import { count, counted, figure, interval, percent, sentence, shareOf, wrap } from "./format.ts";
import { proseWidth } from "./terminal-options.ts";
import { fitsWhole, type TextTable, tableLines } from "./text-table.ts";

const negated = ({ value, low, high }: Interval): Interval => ({
  value: value && -value,
  low: high && -high,
  high: low && -low,
});

/** `1`, `2–3` */
export const span = ({ from, to }: Pick<Occurrences, "from" | "to">): string =>
  from === to ? count(from) : `${count(from)}–${count(to)}`;

/** The findings in sentences, what is remembered first. Plain text. */
export function remembered({ passages, verbatim, memorised, gist, membership }: Recall): string[] {
  const last = verbatim.at(-1);
  if (!last) return [];
  const asked = `Shown ${counted(last.prefix, "token")}, it goes on word for word in ${shareOf(last.exact)} of ${counted(passages, "passage")}`;
  const found = [
    last.guess === null
      ? `${asked}; which of them anybody would guess cannot be told here.`
      : last.exact.value === 0
        ? `${asked}.`
        : memorised.value === last.exact.value
          ? `${asked}, none of which statistics of letters would guess.`
          : `${asked}; ${shareOf(memorised)} are memory and no guess.`,
  ];
  if (gist && gist.inexact.difference.value !== null)
    found.push(
      `What else comes back has a cosine of ${figure(gist.inexact.truth.value)} to the truth and ${figure(gist.inexact.control.value)} to another document: ${interval(gist.inexact.difference)} apart.`,
    );
  if (membership) {
    const { gap, auc, warning } = membership;
    const less = gap.value !== null && gap.value < 0;
    found.push(
      `The text costs ${interval(less ? negated(gap) : gap)} bits per byte ${less ? "less" : "more"} than text never seen; the loss tells the two apart with an area of ${interval(auc.loss)}, where 0.5 is chance.`,
    );
    if (warning) found.push(sentence(warning));
  }
  return found;
}

const HEADS = ["prompt", "exact", "not guessed", "to a difference", "guessed"];

/** For the terminal: a line a prefix length, with intervals where there is room for them, and the sentences. */
export function recallLines(recall: Recall, width: number): string[] {
  const prose = proseWidth(width);
  const tableOf = (write: (share: Interval) => string): TextTable => ({
    head: HEADS,
    rows: recall.verbatim.map(({ prefix, exact, memorised, commonPrefix, guess }) => [
      counted(prefix, "token"),
      write(exact),
      write(memorised),
      percent(commonPrefix.value),
      percent(guess?.commonPrefix.value ?? null),
    ]),
  });
  const full = tableOf(shareOf);
  return [
    ...wrap(
      `What comes back of the text: ${counted(recall.passages, "passage")} of ${counted(recall.length, "token")}`,
      prose,
    ),
    ...tableLines(fitsWhole(full, width) ? full : tableOf(({ value }) => percent(value)), width),
    ...remembered(recall).flatMap((text) => wrap(text, prose)),
    ...(recall.interval.absent === null ? [] : wrap(sentence(recall.interval.absent), prose)),
  ];
}
