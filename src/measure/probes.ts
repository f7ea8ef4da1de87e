/** The probes that a plan asks for, over the documents it is about. What they take in memory and on the disk is theirs to say. */

import type { SpillPlace } from "../files/spill.ts";
import { isMet } from "../numeric/needs.ts";
import { CodingProbe } from "../probes/coding/coding.ts";
import type { Expectations } from "../probes/passages/expectations.ts";
import { GeometryProbe, type GeometryRows, geometryRows } from "../probes/geometry/geometry.ts";
import { KeptStates } from "../probes/states/kept-states.ts";
import { PlaneProbe } from "../probes/plane/plane.ts";
import { positionNeed } from "../probes/plane/plane-needs.ts";
import { type Units, unitsOf } from "../text/units.ts";
import { expectationsOf } from "./expectations.ts";
import type { Subject } from "./prepare.ts";

/** Null: not asked for, or not possible, which the needs of the subject's text say (`needs.ts`). */
export interface Probes {
  readonly units: Units;
  readonly coding: CodingProbe;
  readonly plane: PlaneProbe | null;
  readonly geometry: { readonly probe: GeometryProbe; readonly rows: GeometryRows } | null;
  readonly kept: KeptStates | null;
  readonly expectations: Expectations | null;
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
  return {
    units,
    coding: new CodingProbe(documents, { vocabulary: model.vocabulary, prefixed: prefix !== null }),
    plane: planeProbe(subject, units, place),
    geometry: rows && { rows, probe: new GeometryProbe(rows, shape) },
    kept: plan.keep.includes("states") ? new KeptStates(documents, shape, plan.seed, place) : null,
    expectations: expectationsOf(subject, spell),
  };
}

/** The plane, or null where the text has no position for it. */
function planeProbe(
  { model, plan, documents, prefix, reference }: Subject,
  units: Units,
  place: SpillPlace,
): PlaneProbe | null {
  if (!plan.plane || !reference) return null;
  const { allPositions, frontier } = plan.plane;
  const shared = { documents, prefix, units, allPositions };
  if (!isMet(positionNeed(shared))) return null;
  return new PlaneProbe(
    {
      ...reference,
      ...shared,
      layers: model.layers + 1,
      width: model.width,
      preNorm: plan.preNorm,
      seed: plan.seed,
      frontier,
    },
    place,
  );
}
