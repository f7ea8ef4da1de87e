/**
 * `lossyscope`: what a program most often wants, with the rest filled in. The subpaths have what it is made of, with nothing
 * filled in.
 */
export type { Choice } from "./atlas/choose.ts";
export type { Comparison } from "./atlas/compare.ts";
export type { Check } from "./atlas/gate.ts";
export type { Predictions } from "./atlas/predict.ts";
export type { Named } from "./atlas/text.ts";
export type { Compressed } from "./decode/compress.ts";
export type { Decompressed } from "./decode/decompress.ts";
export type { Trained } from "./lab/trainer.ts";
export {
  type CompressFileOptions,
  compress,
  type DecompressFileOptions,
  decompress,
} from "./library/codec.ts";
export { estimate } from "./library/estimate.ts";
export { type GenerateTextOptions, generate } from "./library/generate.ts";
export type { GivenProfile, Text } from "./library/given.ts";
export { type LockstepOptions, lockstep } from "./library/lockstep.ts";
export {
  type FactsOptions,
  facts,
  type MeasureOptions,
  measure,
  type RecallOptions,
  recall,
  type TrajectoryOptions,
  trajectory,
} from "./library/measure.ts";
export {
  type ChooseOptions,
  choose,
  compare,
  type ForeseeOptions,
  type GateOptions,
  gate,
  predict,
} from "./library/profiles.ts";
export { type SqueezeOptions, squeeze, type WriteOptions } from "./library/squeeze.ts";
export { type TrainOptions, train } from "./library/train.ts";
export type { Estimation } from "./measure/states/estimate.ts";
export { type Fault, LossyscopeError } from "./numeric/errors.ts";
export type { Capability, Model } from "./ports/model.ts";
export type { ProgressSink } from "./ports/progress.ts";
export type { Facts } from "./profile/facts.ts";
export type { Lockstep } from "./profile/lockstep.ts";
export type { Profile } from "./profile/profile.ts";
export { figureAt, parseProfile } from "./profile/read.ts";
export type { Squeezing } from "./profile/squeeze.ts";
export type { Trajectory } from "./profile/trajectory.ts";
export { VERSION } from "./profile/version.ts";
export { type OpenOptions, openModel } from "./references/open.ts";
export { renderReport } from "./report/html.ts";
export { createProgress } from "./report/progress.ts";
export { renderTerminal } from "./report/terminal.ts";
export { readProfile } from "./store/profiles.ts";
