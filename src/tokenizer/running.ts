/**
 * Patterns come with the model, and one that backtracks can take longer than anybody waits for a few characters: work with a
 * tokenizer is ended when its time is up (`files/in-time.ts`), and the error names what was at work.
 */
import { inTime, OutOfTime, patienceFor } from "../files/in-time.ts";
import { count, timeText } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";

let running: string | null = null;

/** Says what is at work from now on, as tokenizer.json writes it; null: nothing of which it can be said. */
export function runs(pattern: string | null): void {
  running = pattern;
}

/**
 * @param texts that the work is about
 * @throws LossyscopeError `unsupported` where it takes longer than any tokenizer does; what the work throws
 */
export function patiently<T>(texts: readonly string[], work: () => T): T {
  const characters = texts.reduce((sum, { length }) => sum + length, 0);
  const most = patienceFor(characters);
  running = null;
  try {
    return inTime(most, work);
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    const what = running === null ? "the tokenizer" : `the tokenizer's pattern ${shown(running)}`;
    const about = texts.length === 1 ? "a text" : `${count(texts.length)} texts`;
    throw new LossyscopeError(
      "unsupported",
      `${what} was not through with ${about} of ${count(characters)} characters in ${timeText(most / 1000)}`,
      "use the tokenizer that the model's authors published, or leave that text out",
    );
  }
}
