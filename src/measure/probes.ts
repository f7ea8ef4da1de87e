/** The probes that a plan asks for, over the documents it is about. What they take in memory and on the disk is theirs to say. */

import type { SpillPlace } from "../files/spill.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { CodingProbe } from "../probes/coding.ts";
import type { Expectations } from "../probes/expectations.ts";
import { GeometryProbe, type GeometryRows, geometryRows } from "../probes/geometry.ts";
import { KeptStates } from "../probes/kept-states.ts";
import { PlaneProbe } from "../probes/plane.ts";
import type { Profile } from "../profile/profile.ts";
import { type Units, unitsOf } from "../text/units.ts";
import { expectationsOf } from "./expectations.ts";
import type { Subject } from "./prepare.ts";

/** Null: not asked for, or not possible, and then among the refusals. */
export interface Probes {
  readonly units: Units;
  readonly coding: CodingProbe;
  readonly plane: PlaneProbe | null;
  readonly geometry: { readonly probe: GeometryProbe; readonly rows: GeometryRows } | null;
  readonly kept: KeptStates | null;
  readonly expectations: Expectations | null;
  readonly refusals: Profile["refusals"];
}

/**
 * @param spell tokens, where the probes will see any
 * @throws LossyscopeError `io` where the place cannot be used
 */
export function probesOf(subject: Subject, place: SpillPlace, spell?: (token: number) => string): Probes {
  const { documents, model, plan, prefix } = subject;
  const shape = { layers: model.layers + 1, width: model.width };
  const lengths = documents.map(({ ids }) => ids.length);
  const units = unitsOf(lengths);
  const rows = plan.geometry ? geometryRows(lengths, model.width, plan.seed) : null;
  const refusals: Profile["refusals"] = [];
  return {
    units,
    coding: new CodingProbe(documents, { vocabulary: model.vocabulary, prefixed: prefix !== null }),
    plane: planeProbe(subject, units, place, refusals),
    geometry: rows && { rows, probe: new GeometryProbe(rows, shape) },
    kept: plan.keep.includes("states") ? new KeptStates(documents, shape, plan.seed, place) : null,
    expectations: expectationsOf(subject, spell),
    refusals,
  };
}

/** The plane, or null with the reason among the refusals where the text has no position for it. */
function planeProbe(
  { model, plan, documents, prefix, reference }: Subject,
  units: Units,
  place: SpillPlace,
  refusals: Profile["refusals"],
): PlaneProbe | null {
  if (!plan.plane || !reference) return null;
  const { allPositions, frontier } = plan.plane;
  try {
    return new PlaneProbe(
      {
        ...reference,
        documents,
        prefix,
        units,
        layers: model.layers + 1,
        width: model.width,
        allPositions,
        preNorm: plan.preNorm,
        seed: plan.seed,
        frontier,
      },
      place,
    );
  } catch (error) {
    if (!(error instanceof LossyscopeError && error.fault === "text")) throw error;
    refusals.push({ figure: "plane", reason: error.message });
    return null;
  }
}
