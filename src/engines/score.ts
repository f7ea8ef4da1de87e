/**
 * Documents → windows → batches → engine → losses, for whoever needs no more than one pass that is not gone on with: held-out
 * text of training, unseen text, blocks of a file foretold.
 *
 * Memory: the windows, the losses, and what the engine says.
 */

import { lengthSteps } from "../models/rotary.ts";
import { type QuietContext, quietContext } from "../ports/context.ts";
import type { EngineContext, EngineReport, EngineRequest } from "../ports/engine.ts";
import { eachLoss } from "../ports/losses.ts";
import { decoderOf, type Model } from "../ports/model.ts";
import type { Observation } from "../ports/observation.ts";
import type { Prefix, TokenizedDocument, Window, WindowBatch } from "../text/corpus.ts";
import { batchesOf, describeBatch, longestOf, windowsOf } from "../text/windows.ts";
import { createEngine } from "./create.ts";

/** Windows in batches that never straddle a length from which the model computes otherwise (`models/rotary.ts`). */
export function batchesFor(model: Pick<Model, "runs">, windows: readonly Window[], batchTokens: number): WindowBatch[] {
  const decoder = decoderOf(model);
  return batchesOf(windows, batchTokens, decoder ? lengthSteps(decoder.spec) : []);
}

/** One pass of a model. */
export interface Reading extends QuietContext {
  readonly model: Pick<Model, "runs">;
  readonly batches: readonly WindowBatch[];
  /** where it is not that of the longest window: `EngineContext.longest` */
  readonly longest?: number;
  readonly describe: EngineContext["describe"];
  readonly onWindows?: (done: number, total: number) => void;
}

/**
 * Lets a new engine run the batches.
 * @param take takes the observation of every batch, in order
 * @returns what the engine had to tell; null where there was nothing to run
 * @throws LossyscopeError as `Engine.run` does, and whatever `take` throws
 */
export async function readBatches(
  { model, batches, longest = longestOf(batches), describe, onWindows, ...context }: Reading,
  request: EngineRequest,
  take: (observation: Observation) => void,
): Promise<EngineReport | null> {
  if (batches.length === 0) return null;
  const engine = createEngine(model, { ...quietContext(context), longest, describe });
  const total = batches.reduce((count, { windows }) => count + windows.length, 0);
  let done = 0;
  try {
    for await (const observation of engine.run(batches, request, context.signal)) {
      take(observation);
      onWindows?.((done += observation.batch.windows.length), total);
    }
  } finally {
    await engine.close();
  }
  return engine.report;
}

export interface ScoreRequest extends QuietContext, Pick<Reading, "onWindows"> {
  readonly model: Pick<Model, "runs" | "vocabulary">;
  readonly documents: readonly Pick<TokenizedDocument, "id" | "ids">[];
  readonly prefix: Prefix | null;
  /** tokens of a window, prefix included, and how many a later one re-reads */
  readonly context: number;
  readonly overlap: number;
  /** padded tokens that go through the model together */
  readonly batchTokens: number;
}

export interface Scored {
  /** [tokens] nats of each document, float32 as the engine gave them; ln V for a first token that no prefix predicts */
  readonly losses: readonly Float32Array[];
  /** null where no document has a token */
  readonly report: EngineReport | null;
}

/** @throws LossyscopeError as `readBatches`; `model` on a loss that is no number, naming document, token and window */
export async function scoreDocuments(request: ScoreRequest): Promise<Scored> {
  const { model, documents, prefix, context, overlap, batchTokens } = request;
  const windows = documents.flatMap(({ ids }, document) => windowsOf(document, ids, prefix, context, overlap));
  const batches = batchesFor(model, windows, batchTokens);
  const first = Math.log(model.vocabulary);
  const losses = documents.map(({ ids }) => new Float32Array(ids.length).fill(first, 0, 1));
  const reading = { ...request, batches, describe: (batch: WindowBatch) => describeBatch(batch, documents) };
  const report = await readBatches(reading, { heads: { losses: true, preNorm: false } }, (observation) =>
    eachLoss(observation, documents, ({ document }, token, nats) => {
      losses[document][token] = nats;
    }),
  );
  return { losses, report };
}
