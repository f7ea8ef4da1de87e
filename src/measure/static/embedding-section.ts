/** The embedding matrix of a profile's geometry (METHODS §3), from the weights alone. */

import type { Decoder } from "../../ports/model.ts";
import type { Geometry } from "../../profile/geometry.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { type EmbeddingOptions, embeddingGeometry } from "./embedding.ts";

/** @throws LossyscopeError `io` where the weights cannot be read; `interrupted` */
export async function embeddingSection(
  { spec, weights }: Decoder,
  documents: readonly TokenizedDocument[],
  tokenizer: Tokenizer,
  options: EmbeddingOptions,
): Promise<Geometry["embedding"]> {
  const counts = new Int32Array(spec.vocabulary);
  for (const { ids } of documents) for (const id of ids) counts[id]++;
  const decoder = new TextDecoder();
  const textOf = (id: number): string =>
    decoder.decode(tokenizer.bytesOf(id)) || (tokenizer.contentOf(id) ?? `id ${id}`);
  return embeddingGeometry(spec, weights, counts, textOf, options);
}
