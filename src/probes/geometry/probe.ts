/** The geometry of every layer's states (METHODS §3): `geometry.ts` as a probe of the list. */

import { z } from "zod";
import { capabilityNeed, decoderOf } from "../../ports/model.ts";
import { type FinishContext, type ProbeKind, shapeOf, snapshotOf } from "../../ports/probe.ts";
import type { Geometry } from "../../profile/geometry.ts";
import type { Profile } from "../../profile/profile.ts";
import { roomOf } from "../../text/windows.ts";
import { GeometryProbe, geometryRows } from "./geometry.ts";
import { geometryNeeds } from "./geometry-needs.ts";
import { layerShapes } from "./layer-shapes.ts";

const wide = z.object({ high: z.instanceof(Float64Array), low: z.instanceof(Float64Array) });
const SNAPSHOT = z.object({
  sums: z.array(z.object({ count: z.number().int().nonnegative(), sum: wide, gram: wide, unitSum: wide })),
  states: z.array(z.instanceof(Float32Array)),
  seen: z.instanceof(Uint8Array),
});

/** The stage of its finish. */
export const LAYERS = "geometry";

const lengthsOf = (documents: readonly { readonly ids: Int32Array }[]): number[] =>
  documents.map(({ ids }) => ids.length);

export const GEOMETRY: ProbeKind = {
  name: "geometry",
  section: "geometry",
  takes: ["moments", "states"],
  asked: ({ geometry }) => geometry,
  needs({ plan, model, documents, prefix, context, overlap }) {
    const ground = {
      documents,
      rows: geometryRows(lengthsOf(documents), model.width!, plan.seed),
      ...roomOf(prefix, context, overlap),
      learnedPositions: decoderOf(model)?.spec.embedding.positions !== undefined,
    };
    return [...geometryNeeds(ground), capabilityNeed("geometry.embedding", model.can, "weights")];
  },
  stages: ({ geometry }) => (geometry ? [LAYERS] : []),
  create({ documents, model, plan }) {
    const { layers, width } = shapeOf(model);
    const rows = geometryRows(lengthsOf(documents), width, plan.seed);
    const probe = new GeometryProbe(rows, { layers: layers + 1, width });
    return {
      name: "geometry",
      asks: { heads: { moments: true }, momentRows: rows.momentRows, stateRows: rows.stateRows },
      observe: (observation) => probe.observe(observation),
      snapshot: () => probe.snapshot(),
      restore(snapshots) {
        for (const snapshot of snapshots) probe.restore(snapshotOf("geometry", SNAPSHOT, snapshot));
      },
      async finish(context) {
        const found = await layersOf(probe, layers + 1, context);
        const { embedding } = context.beside;
        return {
          sections: { geometry: { width, states: rows.states, layers: found, embedding } },
          refusals: missingShapes(found, context.foretold),
        };
      },
    };
  },
};

async function layersOf(
  probe: GeometryProbe,
  count: number,
  { progress, signal, threads }: FinishContext,
): Promise<Geometry["layers"]> {
  let done = 0;
  progress.start(LAYERS, count, "layers");
  const layers = await layerShapes(probe.gathered(), { threads, signal, onLayer: () => progress.update(++done) });
  progress.finish();
  return layers;
}

/** Figures of single layers that the states themselves do not allow, whatever the text. */
function missingShapes(layers: Geometry["layers"], foretold: FinishContext["foretold"]): Profile["refusals"] {
  const told = new Set(foretold.map(({ figure }) => figure));
  return layers.flatMap((layer) =>
    (["centred", "twoNN"] as const).flatMap((name) => {
      const figure = `geometry.layers[${layer.layer}].${name}`;
      if (layer[name] !== null || told.has(figure) || told.has(`geometry.layers.${name}`)) return [];
      const reason =
        name === "centred"
          ? "the model gives all tokens one state"
          : "the model gives too many tokens the same state, or makes all their neighbours equally far";
      return [{ figure, reason }];
    }),
  );
}
