/** Bits per byte of a checkpoint on held-out documents (METHODS §1), by the engine and the probe that measure models. */

import { OnnxEngine } from "../engines/onnx.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { lengthSteps } from "../models/rotary.ts";
import { sum } from "../numeric/sums.ts";
import { eachLoss } from "../probes/coding.ts";
import type { Prefix, TokenizedDocument } from "../text/corpus.ts";
import { batchesOf, windowsOf } from "../text/windows.ts";

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

export interface Coded<Document> {
  /** each at its own `index` */
  readonly documents: readonly Document[];
  readonly prefix: Prefix | null;
  /** tokens of a window; later ones re-read half of it */
  readonly context: number;
  readonly threads: number;
}

/**
 * Nats of every token of every document; ln V for a first token that no prefix predicts.
 * @throws LossyscopeError as checkpoint and engine do; `interrupted`
 */
export async function lossesOf(
  folder: string,
  { documents, prefix, context, threads }: Coded<Pick<TokenizedDocument, "index" | "id" | "ids">>,
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const { config, weights } = await openCheckpoint(folder);
  const spec = specOf(config);
  const overlap = Math.floor(context / 2) - 1;
  const windows = documents.flatMap(({ index, ids }) => windowsOf(index, ids, prefix, context, overlap));
  const engine = new OnnxEngine({
    spec,
    weights,
    threads,
    longest: windows.reduce((most, { ids }) => Math.max(most, ids.length), 0),
    describe: () => "the held-out text",
  });
  const losses = documents.map(({ ids }) => new Float32Array(ids.length).fill(Math.log(spec.vocabulary), 0, 1));
  const heads = { losses: true, preNorm: false };
  try {
    for await (const observation of engine.run(
      batchesOf(windows, BATCH_TOKENS, lengthSteps(spec)),
      { heads },
      signal,
    )) {
      eachLoss(observation, documents, ({ document }, token, nats) => {
        losses[document][token] = nats;
      });
    }
  } finally {
    await engine.close();
  }
  return losses;
}

/** @throws LossyscopeError as `lossesOf` does */
export async function heldOutBitsPerByte(
  folder: string,
  validation: Coded<TokenizedDocument>,
  signal?: AbortSignal,
): Promise<number> {
  const { documents } = validation;
  const losses = await lossesOf(folder, validation, signal);
  const bits = documents.map(({ index, repairs }) => sum(losses[index]) / Math.LN2 + repairs.bits);
  return sum(bits) / sum(documents.map(({ bytes }) => bytes));
}
