/**
 * What every reader promises at the rim, held for mutated files (`mutations.testing.ts`) by the thousand: an answer or an error
 * of ours that a person can read, in bounded time and memory, and nothing left behind.
 */
import fc from "fast-check";
import { vi } from "vitest";
import type { Mutant } from "./mutations.testing.ts";
import { LossyscopeError } from "./numeric/errors.ts";

const SLOWEST_SECONDS = 5;
const MOST_BYTES = 1e9;
const LONGEST_MESSAGE = 1_000;
/** Words that are not ours: of the engine, of libraries, or of a value that nobody looked at. */
const RAW_WORDS =
  /Cannot (?:read|set|destructure|convert|mix)|is not (?:a function|iterable|a constructor)|call stack|Invalid (?:array|string|typed array) length|could not be cloned|[Dd]eserializ|Zod|invalid_|Invalid input|Too (?:small|big)|Unrecognized key|\bundefined\b|\[object |ERR_|\bat \S+ \(?\S+:\d+:\d+/;

/** Mutants are drawn so many at a time: a draw of one costs as much as reading it. */
const TOGETHER = 50;

export interface Held {
  readonly runs: number;
  /** of them, those that were read */
  readonly sound: number;
}

export interface Holding {
  /** another one looks elsewhere (`HOSTILE_SEED`) */
  readonly seed?: number;
  /** times as many mutants (`HOSTILE_TIMES`) */
  readonly times?: number;
  /** what must be the same after every mutant as before the first: names of files, handles that are open */
  readonly left?: () => unknown;
}

/** Takes what libraries print: they have no terminal to speak to. */
function silenced(): unknown[] {
  const printed: unknown[] = [];
  for (const method of ["log", "info", "warn", "error", "debug"] as const)
    vi.spyOn(console, method).mockImplementation((...words) => void printed.push(words));
  return printed;
}

/**
 * Reads mutated files and holds the promise: an answer, or a `LossyscopeError` of under a thousand characters in words of
 * ours; within five seconds, with less than a gigabyte more than before, and nothing left.
 * @param runs mutants; more where `times` asks for it
 * @throws Error naming the mutant that does harm
 */
export async function hold<T>(
  mutants: fc.Arbitrary<Mutant<T>>,
  read: (hostile: T) => unknown,
  runs: number,
  { seed = Number(process.env.HOSTILE_SEED ?? 1), times = Number(process.env.HOSTILE_TIMES ?? 1), left }: Holding = {},
): Promise<Held> {
  const printed = silenced();
  try {
    return await holdAll(mutants, read, Math.ceil(runs * times), { seed, printed, left });
  } finally {
    vi.restoreAllMocks();
  }
}

async function secondsOf(work: () => unknown): Promise<number> {
  const started = performance.now();
  await Promise.resolve()
    .then(work)
    .catch(() => undefined);
  return (performance.now() - started) / 1000;
}

async function holdAll<T>(
  mutants: fc.Arbitrary<Mutant<T>>,
  read: (hostile: T) => unknown,
  runs: number,
  {
    seed,
    printed,
    left,
  }: { readonly seed: number; readonly printed: readonly unknown[]; readonly left: Holding["left"] },
): Promise<Held> {
  let sound = 0;
  const before = { bytes: process.memoryUsage.rss(), left: JSON.stringify(left?.()) };
  for (let run = 0; run < runs; run += TOGETHER) {
    const drawn = fc.sample(mutants, { numRuns: Math.min(TOGETHER, runs - run), seed: seed * 1_000_003 + run });
    for (const { content, how } of drawn) {
      const harm = (what: string, cause?: unknown): Error => new Error(`${what}, by ${how.slice(0, 500)}`, { cause });
      const started = performance.now();
      try {
        await read(content);
        sound++;
      } catch (error) {
        if (!(error instanceof LossyscopeError)) throw harm(String(error), error);
        if (error.message.length >= LONGEST_MESSAGE) throw harm(`${error.message.length} characters of message`, error);
        const raw = RAW_WORDS.exec(error.message);
        if (raw) throw harm(`"${raw[0]}" in the message ${error.message}`, error);
      }
      const seconds = (performance.now() - started) / 1000;
      if (seconds > SLOWEST_SECONDS) {
        // On a machine that is busy with something else anything may take its time once.
        const again = await secondsOf(() => read(content));
        if (again > SLOWEST_SECONDS) throw harm(`${seconds.toFixed(1)} s, and ${again.toFixed(1)} s`);
      }
      const bytes = process.memoryUsage.rss() - before.bytes;
      if (bytes > MOST_BYTES) throw harm(`${(bytes / 1e9).toFixed(2)} GB more than before`);
      if (printed.length > 0) throw harm(`${JSON.stringify(printed)} is printed`);
      const now = JSON.stringify(left?.());
      if (now !== before.left) throw harm(`${now} is left, ${before.left} was there`);
    }
  }
  return { runs, sound };
}
