/**
 * Patterns come with the model, and one that backtracks can take longer than anybody waits for a few characters: work with a
 * tokenizer is ended when its time is up (`files/in-time.ts`), and the error names what was at work. What may take long by
 * rights, a text of many megabytes, is a generator that gives way every `LOT` characters, so that whoever waits for it can do
 * something else meanwhile.
 */
import { inTime, OutOfTime, patienceFor } from "../files/in-time.ts";
import { count, timeText } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";

let running: string | null = null;

/** Says what is at work from now on, as tokenizer.json writes it; null: nothing of which it can be said. */
export function runs(pattern: string | null): void {
  running = pattern;
}

/** Work that gives way now and then. */
export type InTurns<T> = Generator<undefined, T>;

/** Characters between two places where work gives way. */
export const LOT = 1 << 13;
/** How long it goes on before somebody else has a turn. */
const TURN_MILLISECONDS = 15;

/** Does the work at one go. */
export function atOnce<T>(work: Generator<unknown, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/**
 * @param texts that the work is about
 * @throws LossyscopeError `unsupported` where it takes longer than any tokenizer does; what the work throws
 */
export function patiently<T>(texts: readonly string[], work: () => T): T {
  running = null;
  return within(patienceOf(texts), texts, work);
}

/**
 * The same of one text in turns, the time between them not counted.
 * @param rest what is waited for between two turns; where it throws, the work ends
 * @throws LossyscopeError as `patiently`; what `rest` throws
 */
export async function patientlyInTurns<T>(text: string, work: InTurns<T>, rest: () => Promise<void>): Promise<T> {
  running = null;
  for (let left = patienceOf([text]); ; await rest()) {
    const began = performance.now();
    const step = within(left, [text], () => {
      for (;;) {
        const one = work.next();
        if (one.done || performance.now() - began > TURN_MILLISECONDS) return one;
      }
    });
    if (step.done) return step.value;
    left = Math.max(1, left - (performance.now() - began));
  }
}

const charactersIn = (texts: readonly string[]): number => texts.reduce((sum, { length }) => sum + length, 0);
const patienceOf = (texts: readonly string[]): number => patienceFor(charactersIn(texts));

function within<T>(left: number, texts: readonly string[], work: () => T): T {
  try {
    return inTime(left, work);
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    const what = running === null ? "the tokenizer" : `the tokenizer's pattern ${shown(running)}`;
    const about = texts.length === 1 ? "a text" : `${count(texts.length)} texts`;
    throw new LossyscopeError(
      "unsupported",
      `${what} was not through with ${about} of ${count(charactersIn(texts))} characters in ${timeText(patienceOf(texts) / 1000)}`,
      "use the tokenizer that the model's authors published, or leave that text out",
    );
  }
}
