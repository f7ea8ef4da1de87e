/** Bits per byte of a model on held-out documents (METHODS §1), by the engine and the probe that measure models. */

import { scoreDocuments } from "../engines/score.ts";
import { sum } from "../numeric/sums.ts";
import type { QuietContext } from "../ports/context.ts";
import type { Model } from "../ports/model.ts";
import type { Prefix, TokenizedDocument } from "../text/corpus.ts";

/**
 * What a code for single tokens would take, their frequencies those of the text that was trained on with ½ added to each
 * (Krichevsky & Trofimov 1981): the zero of retention (METHODS §8).
 * @param vocabulary V
 */
export function unigramBitsPerByte(
  trained: readonly TokenizedDocument[],
  heldOut: readonly TokenizedDocument[],
  vocabulary: number,
): number {
  const counts = new Float64Array(vocabulary).fill(0.5);
  for (const { ids } of trained) for (const id of ids) counts[id]++;
  const all = Math.log2(sum(counts));
  const bits = heldOut.map(
    ({ ids, repairs }) => sum(Array.from(ids, (id) => all - Math.log2(counts[id]))) + repairs.bits,
  );
  return sum(bits) / sum(heldOut.map(({ bytes }) => bytes));
}

/** Tokens that go through the model together. */
const BATCH_TOKENS = 2048;

export interface Coded<Document> extends QuietContext {
  /** each at its own `index` */
  readonly documents: readonly Document[];
  readonly prefix: Prefix | null;
  /** tokens of a window; later ones re-read half of it */
  readonly context: number;
}

/**
 * Nats of every token of every document; ln V for a first token that no prefix predicts.
 * @throws LossyscopeError as the engine does; `interrupted`
 */
export async function lossesOf(
  model: Model,
  coded: Coded<Pick<TokenizedDocument, "index" | "id" | "ids">>,
): Promise<readonly Float32Array[]> {
  const overlap = Math.floor(coded.context / 2) - 1;
  return (await scoreDocuments({ ...coded, model, overlap, batchTokens: BATCH_TOKENS })).losses;
}

/**
 * Bits per byte of a model on documents that it was not trained on.
 * @throws LossyscopeError as `lossesOf` does
 */
export async function heldOutBitsPerByte(model: Model, validation: Coded<TokenizedDocument>): Promise<number> {
  const { documents } = validation;
  const losses = await lossesOf(model, validation);
  const bits = documents.map(({ index, repairs }) => sum(losses[index]) / Math.LN2 + repairs.bits);
  return sum(bits) / sum(documents.map(({ bytes }) => bytes));
}
