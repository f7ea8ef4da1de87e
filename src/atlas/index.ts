/**
 * `lossyscope/atlas`: what is read off profiles: comparisons, thresholds, choices, trajectories, and scores foreseen from
 * calibration sets. Runs in a browser.
 */
export { type OwnSet, ownSet } from "./add.ts";
export { type Candidate, type Choice, choose, type Facts, type LicenceOf, parseFacts } from "./choose.ts";
export {
  type CompareOptions,
  type Comparison,
  compare,
  type Difference,
  differenceBetween,
  withSimilarities,
} from "./compare.ts";
export { type AreaFit, type FitOptions, fitArea } from "./fit.ts";
export { type Check, gate, parseThreshold, type Threshold } from "./gate.ts";
export type { Constraints } from "./limits.ts";
export { type Predictions, type PredictOptions, predict } from "./predict.ts";
export { type Rivalry, rivalry } from "./rivals.ts";
export { parseScores, type Score } from "./scores.ts";
export { type CalibrationRow, type CalibrationSet, parseSet, type SetDescription } from "./sets.ts";
export { type Named, requireDistinct, requireOneText } from "./text.ts";
export { type MeasuredRun, type MeasuredStep, trajectoryOf } from "./trajectory.ts";
