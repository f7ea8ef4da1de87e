/**
 * `lossyscope/lab`: training, distillation and capacity, with nothing filled in but `TRAINING`: runs from files to
 * checkpoints, the config of a student, and strings memorised.
 */
export {
  type Capacity,
  type CapacityRun,
  type CapacitySettings,
  memorised,
  type Plateau,
  plateauOf,
} from "./capacity.ts";
export { retention, studentConfig } from "./distil.ts";
export { type MemoriseJob, memorise, uniformStrings } from "./memorise.ts";
export type { Prepared } from "./prepare.ts";
export { checkpointSteps, rateAt, type Schedule } from "./schedule.ts";
export { type CheckpointReport, type Trained, type TrainingJob, type TrainingSettings, train } from "./trainer.ts";
export {
  prepareTraining,
  readConfig,
  runTraining,
  settingsOf,
  TRAINING,
  type TrainingPlan,
  type TrainingRun,
} from "./training.ts";
export { heldOutBitsPerByte, unigramBitsPerByte } from "./validate.ts";
