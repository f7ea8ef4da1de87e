/** Who ran the model, on what, and what it took: one process's part in a measurement, for the provenance. */

/** What of it is known when the model has done its part. Plain data. */
export interface ExecutionSoFar {
  readonly node: string;
  readonly platform: string;
  /** what ran the model, with its version */
  readonly engine: string;
  readonly threads: number;
  /** tokens that went through the model in this process, and the seconds of their pass */
  readonly tokens: number;
  readonly passSeconds: number;
  /** largest memory of the engine's processes */
  readonly enginePeakBytes: number;
}

/** Plain data. */
export interface Execution extends ExecutionSoFar {
  /** ISO 8601 */
  readonly started: string;
  /** from the model's start to the end of the work */
  readonly seconds: number;
  /** largest memory of this process */
  readonly ownPeakBytes: number;
}

/** @param stopwatch when the model's part began, as `performance.now()` has it */
export const executionSince = (ran: ExecutionSoFar, started: Date, stopwatch: number): Execution => ({
  ...ran,
  started: started.toISOString(),
  seconds: (performance.now() - stopwatch) / 1000,
  ownPeakBytes: process.resourceUsage().maxRSS * 1024,
});
