/**
 * `lossyscope/info`: the estimators on plain arrays, without files or models: soft assignment, informations held out,
 * plug-in and by chance, the frontier, the shape of a cloud of states. Runs in a browser.
 */
export { assign, type ReferencePoints, referencePoints } from "./assignment.ts";
export { type ChanceDraws, chanceDraws } from "./chance.ts";
export {
  type CorpusFrontier,
  corpusFrontier,
  type FrontierOptions,
  type FrontierPoint,
  frontierAt,
  type LabelPairs,
} from "./frontier.ts";
export {
  type Information,
  type LayerInformations,
  layerInformations,
  type MeasuredInformation,
  type Optimality,
  optimality,
  type Resampling,
} from "./informations.ts";
export { denseKeys, type LabelTree, labelTree } from "./labels.ts";
export { type AssignmentTable, type LayerSums, layerSums, type Population, type TreeSums } from "./layer.ts";
export { type Neighbour, nearestRows, type Packing, packing } from "./packing.ts";
export { type CloudShape, cloudShape, type MomentSums, type SpectrumShape } from "./spectrum.ts";
export { allFitted, type Split, splitUnits } from "./split.ts";
export { type TemperatureRule, temperature } from "./temperature.ts";
export { type IntrinsicDimension, twoNN } from "./twonn.ts";
