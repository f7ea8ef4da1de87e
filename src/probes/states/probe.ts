/** States kept for comparing models (METHODS §12): `kept-states.ts` as a probe of the list. */
import { z } from "zod";
import { type ProbeKind, type ProbeSubject, shapeOf, snapshotOf } from "../../ports/probe.ts";
import { chooseRows, KeptStates, keptBytes } from "./kept-states.ts";

const SNAPSHOT = z.object({ order: z.array(z.number().int().nonnegative()) });

/** [layers, rows, width] of what is kept. */
function statesOf(model: ProbeSubject["model"]): { readonly layers: number; readonly width: number } {
  const { layers, width } = shapeOf(model);
  return { layers: layers + 1, width };
}

export const STATES: ProbeKind = {
  name: "states",
  section: "states",
  takes: ["states"],
  asked: ({ keep }) => keep.includes("states"),
  needs: () => [],
  diskBytes: ({ plan, documents, model }) => keptBytes(chooseRows(documents, plan.seed).length, statesOf(model)),
  stages: () => [],
  create({ documents, model, plan }, { place }) {
    const kept = new KeptStates(documents, statesOf(model), plan.seed, place);
    const orderOf = (snapshot: unknown): readonly number[] => snapshotOf("states", SNAPSHOT, snapshot).order;
    return {
      name: "states",
      asks: { heads: {}, stateRows: (batch) => kept.stateRows(batch) },
      observe: (observation) => kept.observe(observation),
      snapshot: () => kept.snapshot(),
      restore: (snapshots) => kept.restore({ order: snapshots.flatMap(orderOf) }),
      filesOf: (snapshot) => kept.filesOf({ order: orderOf(snapshot) }),
      diskBytes: (batches) => kept.bytesOf(batches),
      finish: async () => ({ sections: {}, keptStates: kept }),
      close: () => kept.close(),
    };
  },
};
