/** `lossyscope/measure`: what the commands do, as functions. */

export {
  type Engine,
  type EngineContext,
  type EngineReport,
  type EngineRequest,
  refuseUngiven,
} from "../ports/engine.ts";
export type { Capability, Model, ModelDigests, Runs } from "../ports/model.ts";
export type { HeadRequest, LayerMoments, Likeliest, Need, Observation } from "../ports/observation.ts";
export { type ProgressSink, SILENT, type Stage } from "../ports/progress.ts";
export type { Plan } from "../profile/plan.ts";
export { type OpenOptions, openModel } from "../references/open.ts";
export { type FactOptions, type FactSet, readFacts } from "../text/facts.ts";
export { findRun, type RunCheckpoint, type TrainingRun } from "./checkpoints/checkpoints.ts";
export { measureRun, type RunRequest } from "./checkpoints/trajectory.ts";
export { type FactsRequest, measureFacts } from "./facts/facts.ts";
export type { LockstepRequest, NotTogether } from "./lockstep/course.ts";
export { measureLockstep } from "./lockstep/lockstep.ts";
export { type Measurement, type MeasureRequest, measure } from "./measure.ts";
export { validatePlan } from "./plan.ts";
export { defaultWorkFolder } from "./running/run-folder.ts";
export { type MergeRequest, merge, openParts, type Parts } from "./shards/merge.ts";
export { measureShard, type ShardRequest } from "./shards/shard.ts";
export { Shard } from "./shards/share.ts";
export { type AskedPoint, askedPoints, type Tries } from "./squeeze/points.ts";
export type { SqueezeRequest } from "./squeeze/request.ts";
export { measureSqueezing } from "./squeeze/squeeze.ts";
export type { WriteRequest } from "./squeeze/write.ts";
export { type EstimatedLayer, type EstimateOptions, type Estimation, estimate } from "./states/estimate.ts";
export { type Passage, passagesOfDocuments, passagesOfIds, type StatesRequest, writeStates } from "./states/states.ts";
