/** The geometry section of a profile (METHODS §3): the probe's layers, and the embedding matrix. */
import { setImmediate } from "node:timers/promises";
import { LossyscopeError } from "../numeric/errors.ts";
import type { GeometryProbe, GeometryRows } from "../probes/geometry.ts";
import type { Geometry } from "../profile/geometry.ts";
import type { TokenizedDocument } from "../text/corpus.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { embeddingGeometry } from "./embedding.ts";
import type { OpenModel } from "./model.ts";

export interface GeometryContext {
  readonly model: OpenModel;
  readonly documents: readonly TokenizedDocument[];
  readonly tokenizer: Tokenizer;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onLayer: (done: number, layers: number) => void;
}

/** @throws LossyscopeError as the probe does; `io` where the weights cannot be read; `interrupted` */
export async function geometrySection(
  probe: GeometryProbe,
  { states }: GeometryRows,
  { model: { spec, checkpoint }, documents, tokenizer, seed, signal, onLayer }: GeometryContext,
): Promise<Geometry> {
  const layers: Geometry["layers"] = [];
  for (const layer of probe.finish()) {
    layers.push(layer);
    onLayer(layers.length, spec.blocks.length + 1);
    await setImmediate();
    if (signal?.aborted) {
      throw new LossyscopeError("interrupted", `stopped after ${layers.length} layers of the geometry`);
    }
  }
  const counts = new Int32Array(spec.vocabulary);
  for (const { ids } of documents) for (const id of ids) counts[id]++;
  const decoder = new TextDecoder();
  const textOf = (id: number): string =>
    decoder.decode(tokenizer.bytesOf(id)) || (tokenizer.contentOf(id) ?? `id ${id}`);
  const embedding = await embeddingGeometry(spec, checkpoint.weights, counts, textOf, seed);
  return { width: spec.width, states, layers, embedding };
}
