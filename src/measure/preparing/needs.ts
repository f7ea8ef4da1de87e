/**
 * What the figures of a measurement take, gathered from the rooms that give them, before the model runs: from the model, the
 * text, its tokens and the plan alone. Those that are not met are foretold before a run, and are the profile's refusals after it; what is
 * refused beyond them, only the run could show.
 */
import { type Need, unmet } from "../../numeric/needs.ts";
import { type Capability, capabilityNeed } from "../../ports/model.ts";
import type { ProbeGround } from "../../ports/probe.ts";
import { probeNeeds } from "../../probes/index.ts";
import type { ConceptSet } from "../../text/concepts.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import type { Fact } from "../../text/facts.ts";
import type { PairSet } from "../../text/pairs.ts";
import { unitsOf } from "../../text/units.ts";
import { conceptNeeds } from "../concepts/needs.ts";
import { factsNeeds } from "../facts/figures.ts";
import { pairNeeds } from "../pairs/needs.ts";
import { recallNeeds } from "../recall/needs.ts";
import { baselineNeeds } from "../static/baselines.ts";

/** What decides before the model runs which figures there will be. */
export interface Ground extends ProbeGround {
  /** null where none was given */
  readonly unseen: readonly TokenizedDocument[] | null;
  /** null where none are asked for */
  readonly facts: readonly Fact[] | null;
  /** null where none are asked for */
  readonly concepts: ConceptSet | null;
  /** null where none are given */
  readonly pairs: PairSet | null;
}

/** Needs of all figures that the plan asks for and that are not met. */
export function unmetNeeds(ground: Ground): Need[] {
  const { plan, documents, facts, concepts, pairs, model } = ground;
  const { can, positions } = model;
  const units = unitsOf(documents.map(({ ids }) => ids.length));
  /** What figures of a model that is asked questions take. */
  const led = (figure: string, further: () => Need[]): Need[] =>
    can.has("answers") ? further() : [capabilityNeed(figure, can, "answers")];
  /** What figures of a model that shows its inside take. */
  const seen = (figure: string, capability: Capability, further: () => Need[]): Need[] =>
    can.has(capability) ? further() : [capabilityNeed(figure, can, capability)];
  const unitNeeds = (): Need[] => [capabilityNeed("concepts.sharing", can, "pooledUnits")];
  return unmet([
    capabilityNeed("ledger", can, "weights"),
    ...(plan.likeLmEval ? [capabilityNeed("coding.likeLmEval", can, "weights")] : []),
    ...(plan.baselines ? baselineNeeds(documents) : []),
    ...probeNeeds(ground, units),
    ...(plan.with.includes("recall") ? led("recall", () => recallNeeds({ ...ground, units, positions, can })) : []),
    ...(concepts ? seen("concepts", "pooledStates", () => [...conceptNeeds(concepts), ...unitNeeds()]) : []),
    ...(pairs ? pairNeeds(pairs, can, plan.plane !== null) : []),
    ...(facts ? led("facts", () => factsNeeds(facts, plan.seed)) : []),
  ]);
}
