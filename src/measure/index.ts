/** `lossyscope/measure`: what the commands do, as functions. */

export type { Capability, Model } from "../ports/model.ts";
export { type ProgressSink, SILENT, type Stage } from "../ports/progress.ts";
export type { Plan } from "../profile/plan.ts";
export { type OpenOptions, openModel } from "../references/open.ts";
export { type FactOptions, type FactSet, readFacts } from "../text/facts.ts";
export { findRun, type RunCheckpoint, type TrainingRun } from "./checkpoints.ts";
export { type EstimatedLayer, type EstimateOptions, type Estimation, estimate } from "./estimate.ts";
export { type FactsRequest, measureFacts } from "./facts/facts.ts";
export { type Measurement, type MeasureRequest, measure } from "./measure.ts";
export { type MergeRequest, merge, openParts, type Parts } from "./merge.ts";
export { validatePlan } from "./plan.ts";
export { defaultWorkFolder } from "./run-folder.ts";
export { measureShard, type ShardRequest } from "./shard.ts";
export { Shard } from "./share.ts";
export { type Passage, passagesOfDocuments, passagesOfIds, type StatesRequest, writeStates } from "./states.ts";
export { measureRun, type RunRequest } from "./trajectory.ts";
