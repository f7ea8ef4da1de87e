/** What is asked of a run of squeezing. */
import type { RunContext } from "../../ports/context.ts";
import type { Model } from "../../ports/model.ts";
import type { Plan } from "../../profile/plan.ts";
import type { Squeezing } from "../../profile/squeeze.ts";
import type { Transform } from "../../squeeze/transform.ts";
import type { Budget } from "./budget.ts";
import type { AskedPoint, Spared } from "./points.ts";
import type { WriteRequest } from "./write.ts";

export interface SqueezeRequest extends RunContext {
  readonly model: Model;
  readonly plan: Plan;
  readonly points: readonly AskedPoint[];
  /** made by somebody else, of the same vocabulary */
  readonly also: readonly Model[];
  /** what is left as it is at every point */
  readonly spared: readonly Spared[];
  /** what one part at a time is made into; null: not asked for */
  readonly sensitivity: Transform | null;
  /** whether the Gaussian yardstick is taken */
  readonly bound: boolean;
  /** where points are kept until all are measured */
  readonly work: string;
  readonly resume: boolean;
  /** files and folders that the run writes */
  readonly outputs?: readonly string[];
  /** text that says what the inputs of the matrices are like, other than the plan's; null: none */
  readonly calibration?: Plan["text"] | null;
  /** what a plan of several types may take; null: none is made */
  readonly budget?: Budget | null;
  /** types that such a plan may have besides, whose blocks do not divide the rows of all matrices */
  readonly mixable?: readonly Transform[];
  /** text besides the measured one whose tokens a trimmed vocabulary keeps */
  readonly keep?: Plan["text"];
  /** the point that is written, where and as what; null: none */
  readonly write?: WriteRequest | null;
  /** what measures a point again */
  readonly commandOf: (point: string) => string;
  /** hands the result over: what was measured is kept until that is done */
  readonly deliver?: (found: Squeezing) => Promise<void>;
}
