/**
 * `lossyscope`: what a program most often wants, with the rest filled in. Further functions are in the subpaths
 * (`lossyscope/measure`, `/profile`, `/report`, `/info`, `/store`, `/models`, `/tokenizer`, `/safetensors`).
 */
export { type Choice, choose } from "./atlas/choose.ts";
export { type Comparison, compare } from "./atlas/compare.ts";
export { gate } from "./atlas/gate.ts";
export { predict } from "./atlas/predict.ts";
export type { CalibrationSet } from "./atlas/sets.ts";
export type { Named } from "./atlas/text.ts";
export { type MeasureOptions, measure } from "./library/measure.ts";
export { estimate } from "./measure/estimate.ts";
export { type Fault, LossyscopeError } from "./numeric/errors.ts";
export type { Capability, Model } from "./ports/model.ts";
export { type ProgressSink, SILENT } from "./ports/progress.ts";
export type { Profile } from "./profile/profile.ts";
export { figureAt, parseProfile } from "./profile/read.ts";
export { VERSION } from "./profile/version.ts";
export { type OpenOptions, openModel } from "./references/open.ts";
export { renderReport } from "./report/html.ts";
export { createProgress } from "./report/progress.ts";
export { renderTerminal } from "./report/terminal.ts";
export { readProfile } from "./store/profiles.ts";
export { defaultAtlas, loadSet } from "./store/sets.ts";
