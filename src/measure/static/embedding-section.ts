/**
 * The embedding matrix of a profile's geometry (METHODS §3), from the weights alone. It waits for nothing that the model
 * says: where a run has a second thread it is looked at while the runtime loads, which takes one.
 *
 * Memory: as `embedding.ts`, beside the runtime where that is `MOST_BESIDE` at most, after it otherwise.
 */
import type { QuietContext } from "../../ports/context.ts";
import type { Decoder } from "../../ports/model.ts";
import type { Geometry } from "../../profile/geometry.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import { type Beside, beside } from "./beside.ts";
import { type EmbeddingOptions, embeddingGeometry } from "./embedding.ts";

/** Bytes of a matrix in float32. */
const MOST_BESIDE = 2 ** 28;

type Embedding = Geometry["embedding"];

/** Whether there is room for it beside the runtime, and a thread. */
export const goesBeside = ({ spec }: Pick<Decoder, "spec">, threads: number): boolean =>
  threads > 1 && 4 * spec.embedding.tokens.shape.reduce((product, size) => product * size, 1) <= MOST_BESIDE;

/** The section on its way, which tells how much of it is done, up to 1. */
export type EmbeddingWork = Beside<Embedding, number>;

/** Begins at once where it goes beside the runtime, else when its result is asked for. */
export const embeddingWork = (
  decoder: Decoder,
  documents: readonly TokenizedDocument[],
  tokenizer: Tokenizer,
  { threads, signal, seed }: QuietContext & { readonly seed: number },
): EmbeddingWork =>
  beside((ended, onShare) => embeddingSection(decoder, documents, tokenizer, { seed, signal: ended, onShare }), {
    signal,
    atOnce: goesBeside(decoder, threads),
  });

/** @throws LossyscopeError `io` where the weights cannot be read; `interrupted` */
async function embeddingSection(
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
