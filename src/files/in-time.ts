/**
 * Work in this thread that hostile input can make endless (a regular expression that tries every way to match, a loop of a
 * length that a file names), ended by V8 where it stands when its time is up: what it has changed by then stays changed, and
 * none of its `finally` blocks runs. A call costs about 60 µs (docs/decisions/patterns.md).
 */
import { cpus, loadavg } from "node:os";
import { type Context, createContext, Script } from "node:vm";

/** Thrown in place of an answer. */
export class OutOfTime extends Error {
  override readonly name = "OutOfTime";
}

const script = new Script("work()");
let context: (Context & { work?: () => void }) | undefined;

/**
 * @param work synchronous; may itself call this
 * @throws OutOfTime, and whatever the work throws
 */
export function inTime<T>(milliseconds: number, work: () => T): T {
  context ??= createContext({});
  let answer: T;
  context.work = () => {
    answer = work();
  };
  try {
    script.runInContext(context, { timeout: Math.ceil(milliseconds) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException)?.code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new OutOfTime(`not done in ${milliseconds} ms`);
  } finally {
    context.work = undefined;
  }
  return answer!;
}

const processors = cpus().length;
/** How many want each processor, where more do than there are: time by the wall passes so much faster than work is done. */
const crowding = (): number => Math.min(MOST_CROWDED, Math.max(1, loadavg()[0] / processors));
const MOST_CROWDED = 30;

/**
 * What a walk over a text may take, in milliseconds: ten times what the slowest tokenizer needs, and three seconds; more on a
 * machine that has other things to do.
 * @param crowd how many want each processor, at least 1
 */
export const patienceFor = (characters: number, crowd = crowding()): number => crowd * (3_000 + characters / 50);
