/**
 * What work is done with, whatever the work: passed whole from the command or the program that asks for it down to what runs it,
 * so that what comes to it one day stands here, where it is said and where it is used, and nowhere between.
 */
import type { ProgressSink } from "./progress.ts";

/** Of work that tells nobody how far it is, or does so in its own terms. */
export interface QuietContext {
  /** of the runtime, and of our own work where it is in several */
  readonly threads: number;
  /** stops the work, which then throws `interrupted` */
  readonly signal?: AbortSignal;
}

export interface RunContext extends QuietContext {
  readonly progress: ProgressSink;
}

/** The context of a request, and nothing else of it. */
export const quietContext = ({ threads, signal }: QuietContext): QuietContext => ({ threads, signal });
export const runContext = ({ progress, ...quiet }: RunContext): RunContext => ({ ...quietContext(quiet), progress });
