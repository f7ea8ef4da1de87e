/** Who ran the model, on what, and what it took: one process's part in a measurement, for the provenance. */
import type { Model } from "../../ports/model.ts";

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
  /** whether weights came piece by piece; absent where all were held */
  readonly streams?: true;
}

/** What a server did of it. */
export interface ServedExecution {
  readonly server: string;
  readonly requests: number;
  readonly again: number;
  /** of all prompts that were sent */
  readonly tokens: number;
  /** of a million of them; null where nobody has said it */
  readonly price: number | null;
}

/** Plain data. */
export interface Execution extends ExecutionSoFar {
  /** ISO 8601 */
  readonly started: string;
  /** from the model's start to the end of the work */
  readonly seconds: number;
  /** largest memory of this process */
  readonly ownPeakBytes: number;
  /** absent where the model ran here */
  readonly served?: ServedExecution;
}

/** @param stopwatch when the model's part began, as `performance.now()` has it */
export const executionSince = (
  ran: ExecutionSoFar,
  started: Date,
  stopwatch: number,
  served: Model["served"],
): Execution => ({
  ...ran,
  ...(served && { served: { server: served.server, price: served.price, ...served.sent() } }),
  started: started.toISOString(),
  seconds: (performance.now() - stopwatch) / 1000,
  ownPeakBytes: process.resourceUsage().maxRSS * 1024,
});
