/**
 * What the figures of a measurement take, gathered from the rooms that give them, before the model runs: from the text, its
 * tokens and the plan alone. Those that are not met are foretold before a run, and are the profile's refusals after it; what is
 * refused beyond them, only the run could show.
 */
import type { DecoderSpec } from "../models/spec.ts";
import { type Need, unmet } from "../numeric/needs.ts";
import { codingNeeds } from "../probes/coding/coding.ts";
import { geometryRows } from "../probes/geometry/geometry.ts";
import { geometryNeeds } from "../probes/geometry/geometry-needs.ts";
import { planeNeeds } from "../probes/plane/plane-needs.ts";
import type { Prefix, TokenizedDocument } from "../text/corpus.ts";
import type { Fact } from "../text/facts.ts";
import { unitsOf } from "../text/units.ts";
import { roomOf } from "../text/windows.ts";
import { almanacNeeds } from "../probes/almanac/almanac.ts";
import { baselineNeeds } from "./baselines.ts";
import { factsNeeds } from "./facts/figures.ts";
import { knowledgeNeeds } from "../probes/almanac/knowledge.ts";
import type { Plan } from "./plan.ts";
import { recallNeeds } from "./recall/needs.ts";

/** What decides before the model runs which figures there will be. */
export interface Ground {
  readonly plan: Plan;
  readonly spec: Pick<DecoderSpec, "width" | "positions" | "embedding">;
  readonly context: number;
  readonly overlap: number;
  readonly prefix: Prefix | null;
  readonly documents: readonly TokenizedDocument[];
  /** null where none was given */
  readonly unseen: readonly TokenizedDocument[] | null;
  /** null where none are asked for */
  readonly facts: readonly Fact[] | null;
}

/** Needs of all figures that the plan asks for and that are not met, in the order of the profile's sections. */
export function unmetNeeds(ground: Ground): Need[] {
  const { plan, documents, prefix, facts } = ground;
  const units = unitsOf(documents.map(({ ids }) => ids.length));
  const { plane } = plan;
  const pages = almanacNeeds(documents, plan.seed);
  return unmet([
    ...codingNeeds(documents, units),
    ...(plan.baselines ? baselineNeeds(documents) : []),
    ...(plane
      ? planeNeeds({
          documents,
          prefix,
          units,
          allPositions: plane.allPositions,
          frontier: plane.frontier !== null,
        })
      : []),
    ...(plan.geometry ? shapeNeeds(ground) : []),
    ...pages,
    ...(pages.length > 1 ? knowledgeNeeds(documents) : []),
    ...(plan.with.includes("recall") ? recallNeeds({ ...ground, units, positions: ground.spec.positions }) : []),
    ...(facts ? factsNeeds(facts) : []),
  ]);
}

function shapeNeeds({ plan, spec, documents, prefix, context, overlap }: Ground): Need[] {
  const lengths = documents.map(({ ids }) => ids.length);
  return geometryNeeds({
    documents,
    rows: geometryRows(lengths, spec.width, plan.seed),
    ...roomOf(prefix, context, overlap),
    learnedPositions: spec.embedding.positions !== undefined,
  });
}
