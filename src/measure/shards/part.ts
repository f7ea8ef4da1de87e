/**
 * A part of a measurement: the folder of a shard's run that has come to its end, `<id of the plan>.<i>-of-<n>`. It holds the
 * rows of the plane and the kept states, `state` with what the probes have seen, and `part`, written last, which says whose
 * it is. The first one has in `subject` what is needed once: the text and its tokens, and what comes of the model's files.
 */

import type { LmEvalNats } from "../lm-eval/lm-eval.ts";
import type { Subject } from "../prepare.ts";
import type { Execution } from "../running/execution.ts";
import type { StaticFigures } from "../static/static-figures.ts";

/** Files of a part beside those of its run. */
export const PART = "part";
export const SUBJECT = "subject";
/** Names of the folders of parts. */
export const PART_FOLDER = /^[0-9a-f]{16}\.\d+-of-\d+$/;

/** Whose a part is, and what it knows that its run does not say. */
export interface Part {
  readonly id: string;
  /** place from 1 */
  readonly index: number;
  readonly count: number;
  /** what the id stands for, to tell in what two differ */
  readonly plan: Subject["plan"];
  readonly digests: Readonly<Record<string, string | null>>;
  /** under the name that parts have had for it from the first */
  readonly ran: Execution;
  /** nats of each batch, as `LmEvalTally.snapshot` has them; null where they were not asked for */
  readonly likeLmEval: ReadonlyMap<number, LmEvalNats> | null;
  /** as `LlamaCppTally.snapshot` has them; likewise */
  readonly likeLlamaCpp: Float32Array | null;
}

/** What a plan needs once, in the first part. */
export interface Whole {
  readonly subject: Subject;
  /** likewise */
  readonly asides: StaticFigures;
}
