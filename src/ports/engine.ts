/**
 * The port every engine implements: windows in, observations out. An engine states what it can give; a probe that
 * needs more is refused by name before anything runs (DESIGN, 'The way of the data' 5).
 */

import { LossyscopeError } from "../numeric/errors.ts";
import type { WindowBatch } from "../text/corpus.ts";
import type { RunContext } from "./context.ts";
import type { HeadRequest, Need, Observation, Pools } from "./observation.ts";

export interface EngineRequest {
  readonly heads: HeadRequest;
  /** per batch, the rows (fresh slots, in batch order) that count for the moments; absent: all */
  readonly momentRows?: (batch: WindowBatch) => Int32Array;
  /** per batch, the rows whose likeliest tokens are wanted, `heads.likeliest` of them */
  readonly likeliestRows?: (batch: WindowBatch) => Int32Array;
  /** per batch, the rows whose states are wanted */
  readonly stateRows?: (batch: WindowBatch) => Int32Array;
  /** per batch, sums of states, and of what units contribute */
  readonly statePools?: (batch: WindowBatch) => Pools;
  readonly unitPools?: (batch: WindowBatch) => Pools;
}

/** What an engine is made with beside its model. */
export interface EngineContext extends Pick<RunContext, "threads"> {
  /** most tokens of a window that will be run; where losses alone are asked for, its last token is not */
  readonly longest: number;
  /** names a batch for people: `tokens 0 to 511 of "notes.txt"` */
  readonly describe: (batch: WindowBatch) => string;
}

/** What an engine has to tell about itself once it has run. */
export interface EngineReport {
  /** of what runs the model */
  readonly version: string;
  /** seconds on the wall: loading, and running batches */
  readonly loadSeconds: number;
  readonly runSeconds: number;
  /** of the processor, loading included */
  readonly cpuSeconds: number;
  /** largest memory of its processes */
  readonly peakBytes: number;
}

export interface Engine {
  readonly name: string;
  /** what runs the model: `onnxruntime` */
  readonly runtime: string;
  readonly gives: ReadonlySet<Need>;
  readonly width: number;
  /** layers 0..L, so L + 1 */
  readonly layerCount: number;
  /** of the run so far */
  readonly report: EngineReport;
  /**
   * Runs the batches in order and yields one observation a batch, in order.
   * @throws LossyscopeError `unsupported` where more is asked than the engine gives; `engine` naming the last window when
   * the runtime fails, `memory` when it was killed; `interrupted` on abort
   */
  run(batches: Iterable<WindowBatch>, request: EngineRequest, signal?: AbortSignal): AsyncIterable<Observation>;
  /** ends the runtime; idempotent */
  close(): Promise<void>;
}

/**
 * Refuses a request for what an engine does not give.
 * @throws LossyscopeError `unsupported` naming everything that is asked for and not given
 */
export function refuseUngiven(
  { name, gives }: Engine,
  { heads, stateRows, statePools, unitPools }: EngineRequest,
): void {
  const asked: Readonly<Record<Need, boolean>> = {
    losses: heads.losses,
    likeliest: heads.likeliest !== undefined,
    assignments: heads.assignments !== undefined,
    moments: heads.moments === true,
    states: stateRows !== undefined,
    pooledStates: statePools !== undefined,
    pooledUnits: unitPools !== undefined,
  };
  const missing = (Object.keys(asked) as Need[]).filter((need) => asked[need] && !gives.has(need));
  if (missing.length === 0) return;
  throw new LossyscopeError(
    "unsupported",
    `the engine ${name} gives ${[...gives].join(", ")}, not ${missing.join(", ")}`,
    "measure with the model's own weights, or leave out what needs them",
  );
}
