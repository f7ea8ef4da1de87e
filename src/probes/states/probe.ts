/** States kept for comparing models (METHODS §12): `kept-states.ts` as a probe of the list. */
import { z } from "zod";
import { type ProbeKind, snapshotOf } from "../../ports/probe.ts";
import { chooseRows, KeptStates, keptBytes } from "./kept-states.ts";

const SNAPSHOT = z.object({ order: z.array(z.number().int().nonnegative()) });

export const STATES: ProbeKind = {
  name: "states",
  needs: () => [],
  diskBytes: ({ plan, documents, model }) =>
    plan.keep.includes("states")
      ? keptBytes(chooseRows(documents, plan.seed).length, { layers: model.layers + 1, width: model.width })
      : 0,
  stages: () => [],
  create({ documents, model, plan }, { place }) {
    if (!plan.keep.includes("states")) return null;
    const kept = new KeptStates(documents, { layers: model.layers + 1, width: model.width }, plan.seed, place);
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
