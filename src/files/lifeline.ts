/**
 * What a child process does so that it never outlives its parent, and never ends before it is told to. A main thread that
 * computes hears nothing, not even that its channel was closed: a second thread looks whether the parent is still there.
 */
import { Worker } from "node:worker_threads";

/** Room for a timer. */
const LIMITS = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 };

/** Ends this process within a quarter of a second after its parent, whatever it is doing, and leaves signals to the parent. */
export function liveAsChild(): void {
  const thread = new Worker(new URL("./lifeline-thread.js", import.meta.url), {
    workerData: process.ppid,
    execArgv: [],
    resourceLimits: LIMITS,
  });
  thread.unref();
  // Where there is no memory for a thread, the closed channel still ends a process that is not computing.
  thread.on("error", () => {});
  // A Ctrl-C reaches the whole process group of a terminal, and what `timeout` sends, too: the parent decides when to stop.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
}
