/**
 * `lossyscope/almanac`: text whose entropy is known (METHODS §9): a world from a seed, its pages with both floors, its facts as
 * questions.
 */
export {
  type AlmanacDocument,
  type AlmanacFact,
  type Census,
  census,
  documents,
  type Floors,
  facts,
  floors,
  parse,
  type StatedFact,
  statedFacts,
} from "./almanac.ts";
export type { Page } from "./page.ts";
export { createWorld, type Entity, SIZES, type SizeName, SPLITS, type Split, type World } from "./world.ts";
