/** The information plane (METHODS §2): `plane.ts` as a probe of the list. */
import { z } from "zod";
import { isMet } from "../../numeric/needs.ts";
import { type FinishContext, type ProbeKind, shapeOf, snapshotOf } from "../../ports/probe.ts";
import type { Plane } from "../../profile/plane.ts";
import { spillBytes } from "./assignment-store.ts";
import { PlaneProbe } from "./plane.ts";
import { countPositions, planeNeeds, positionNeed } from "./plane-needs.ts";

const SNAPSHOT = z.object({ order: z.instanceof(Uint32Array) });

/** The stages of its finish: the layers, and after them what is left of the frontier. */
export const LAYERS = "information plane";
export const FRONTIER = "frontier";

export const PLANE: ProbeKind = {
  name: "plane",
  section: "plane",
  takes: ["assignments"],
  asked: ({ plane }) => plane !== null,
  needs: ({ plan: { plane }, documents, prefix }, units) =>
    plane
      ? planeNeeds({ documents, prefix, units, allPositions: plane.allPositions, frontier: plane.frontier !== null })
      : [],
  diskBytes({ plan: { plane }, model, documents, prefix, reference }) {
    if (!plane || !reference) return 0;
    const positions = countPositions({ documents, prefix, allPositions: plane.allPositions });
    return spillBytes({ layers: shapeOf(model).layers + 1, columns: reference.m * reference.draws, positions });
  },
  stages: ({ plane }) => [...(plane ? [LAYERS] : []), ...(plane?.frontier ? [FRONTIER] : [])],
  create({ model, plan, documents, prefix, reference }, { units, place, points }) {
    if (!plan.plane || !reference) return null;
    const { allPositions, frontier } = plan.plane;
    const shared = { documents, prefix, units, allPositions };
    if (!isMet(positionNeed(shared))) return null;
    const { preNorm, seed } = plan;
    const { layers, width } = shapeOf(model);
    const shape = { layers: layers + 1, width };
    const probe = new PlaneProbe({ ...reference, ...shared, ...shape, preNorm, seed, frontier }, place);
    const orderOf = (snapshot: unknown): Uint32Array => snapshotOf("plane", SNAPSHOT, snapshot).order;
    const { m, draws, temperature } = reference;
    return {
      name: "plane",
      asks: { heads: points ? { assignments: { points, m, draws, epsilon: temperature.epsilon } } : {} },
      observe: (observation) => probe.observe(observation),
      snapshot: () => probe.snapshot(),
      restore: (snapshots) => probe.restore({ order: joined(snapshots.map(orderOf)) }),
      filesOf: (snapshot) => probe.filesOf({ order: orderOf(snapshot) }),
      diskBytes: (batches) => probe.bytesOf(batches),
      beginBeside: (signal) => probe.beginBeside(signal),
      finish: async (context) => ({ sections: { plane: await finish(probe, context) } }),
      close: () => probe.close(),
    };
  },
};

async function finish(probe: PlaneProbe, { threads, progress, signal }: FinishContext): Promise<Plane> {
  let alone = false;
  progress.start(LAYERS, probe.layers, "layers");
  const figures = await probe.finish({
    threads,
    signal,
    onLayers: (done) => progress.update(done),
    onFrontier(steps) {
      if (!alone) progress.start(FRONTIER, null, "steps");
      alone = true;
      progress.update(steps);
    },
  });
  progress.finish();
  return figures;
}

function joined(arrays: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(arrays.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
