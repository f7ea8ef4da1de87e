/**
 * Errors a person can act on: what is wrong, with the numbers, and the next step. Every refusal of the tool is a
 * `LossyscopeError`; anything else that reaches the command line is a defect of ours and is shown with its stack.
 */
import { visible } from "./visible.ts";

/** What went wrong, as the command line tells it apart (exit code: usage 2, threshold 3, interrupted 130, others 1). */
export type Fault =
  | "usage"
  | "input"
  | "model"
  | "text"
  | "unsupported"
  | "engine"
  | "network"
  | "io"
  | "memory"
  | "interrupted"
  | "threshold";

/** Characters of the sentence, and of the next step, at most: what a hostile file puts into them must not fill a terminal. */
const LONGEST = { said: 640, next: 320 };
const SHOWN = 80;

const clipped = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** A value from a file as an error shows it: JSON, clipped to 80 characters; one that is not there is nothing. */
export function shown(value: unknown): string {
  if (typeof value === "bigint") return clipped(String(value), SHOWN);
  try {
    return clipped(JSON.stringify(value) ?? (value === undefined ? "nothing" : String(value)), SHOWN);
  } catch {
    return "a value too deeply nested to show";
  }
}

/** What is refused: `fault` says of what kind it is, `said` what is wrong, with the numbers, `next` what to do. */
export class LossyscopeError extends Error {
  override readonly name = "LossyscopeError";
  /** the sentence alone, without the next step */
  readonly said: string;

  /**
   * @param fault what kind of thing went wrong
   * @param message one sentence with the numbers: `tokens cover 10,231 of 10,240 bytes (gap at byte 4,112)`
   * @param next what the user can do about it, as an imperative: `pass --context 2048`
   */
  constructor(
    readonly fault: Fault,
    message: string,
    readonly next?: string,
    options?: ErrorOptions,
  ) {
    // Names and texts of others are in it: they must not move the cursor or colour where it is printed.
    const foreign = (text: string, most: number): string => clipped(visible(clipped(text, most), "\n"), most);
    const said = foreign(message, LONGEST.said);
    const further = foreign(next ?? "", LONGEST.next);
    super(further ? `${said}: ${further}` : said, options);
    this.said = said;
  }
}

/** Marks the end of a closed union: the compiler proves it is never reached. */
export function unreachable(value: never): never {
  throw new Error(`unhandled case ${JSON.stringify(value)}`);
}
