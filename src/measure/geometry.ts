/** The geometry section of a profile (METHODS §3): the probe's layers, and the embedding matrix. */
import { setImmediate } from "node:timers/promises";
import { LossyscopeError } from "../numeric/errors.ts";
import type { GeometryProbe, GeometryRows } from "../probes/geometry/geometry.ts";
import type { Geometry } from "../profile/geometry.ts";
import type { Profile } from "../profile/profile.ts";
import type { TokenizedDocument } from "../text/corpus.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type EmbeddingOptions, embeddingGeometry } from "./embedding.ts";
import type { OpenModel } from "./model.ts";

export interface GeometryOptions {
  readonly signal?: AbortSignal;
  readonly onLayer: (done: number, layers: number) => void;
}

/** @throws LossyscopeError as the probe does; `interrupted` */
export async function geometrySection(
  { probe, rows }: { readonly probe: GeometryProbe; readonly rows: GeometryRows },
  model: Profile["model"],
  embedding: Geometry["embedding"],
  { signal, onLayer }: GeometryOptions,
): Promise<Geometry> {
  const layers: Geometry["layers"] = [];
  for (const layer of probe.finish()) {
    layers.push(layer);
    onLayer(layers.length, model.layers + 1);
    await setImmediate();
    if (signal?.aborted) {
      throw new LossyscopeError("interrupted", `stopped after ${layers.length} layers of the geometry`);
    }
  }
  return { width: model.width, states: rows.states, layers, embedding };
}

/** @throws LossyscopeError `io` where the weights cannot be read; `interrupted` */
export async function embeddingSection(
  { spec, checkpoint }: OpenModel,
  documents: readonly TokenizedDocument[],
  tokenizer: Tokenizer,
  options: EmbeddingOptions,
): Promise<Geometry["embedding"]> {
  const counts = new Int32Array(spec.vocabulary);
  for (const { ids } of documents) for (const id of ids) counts[id]++;
  const decoder = new TextDecoder();
  const textOf = (id: number): string =>
    decoder.decode(tokenizer.bytesOf(id)) || (tokenizer.contentOf(id) ?? `id ${id}`);
  return embeddingGeometry(spec, checkpoint.weights, counts, textOf, options);
}
