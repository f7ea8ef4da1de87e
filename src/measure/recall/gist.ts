/**
 * Gist recall (METHODS §5): cosines of mean final-layer states. Continuation and truth are each read by themselves, after the
 * prefix that opens a window and without the prompt they share, which would make any two alike; the control is the truth of
 * another document, read in the same way.
 *
 * Memory: 16·d bytes a passage; the engine's.
 */

import { batchesFor, type Reading, readBatches } from "../../engines/score.ts";
import { random } from "../../numeric/random.ts";
import { type QuietContext, quietContext } from "../../ports/context.ts";
import type { Model } from "../../ports/model.ts";
import type { Gist } from "../../profile/recall.ts";
import type { Window, WindowBatch } from "../../text/corpus.ts";
import type { InUnit, Means } from "./means.ts";
import type { Answer } from "./verbatim.ts";

export interface GistRequest extends QuietContext {
  readonly model: Model;
  /** id that opens every window, or null */
  readonly prefix: number | null;
  readonly batchTokens: number;
  readonly preNorm: boolean;
  readonly seed: number;
  readonly onSequences: (done: number, total: number) => void;
}

export interface Cosines extends InUnit {
  readonly exact: boolean;
  readonly truth: number;
  readonly control: number;
}

/** @returns cosines of every answer that has a continuation; null where all come from one document */
export async function gistOf(given: readonly Answer[], request: GistRequest): Promise<Cosines[] | null> {
  const said = given.filter(({ came, truth }) => came.length > 0 && truth.length > 0);
  if (new Set(said.map(({ place }) => place.document.sha256)).size < 2) return null;
  const states = await meanStates([...said.map(({ came }) => came), ...said.map(({ truth }) => truth)], request);
  const [came, truth] = [states.slice(0, said.length), states.slice(said.length)];
  const other = otherDocuments(said, request.seed);
  return said.map(({ unit, model }, i) => ({
    unit,
    exact: model.exact,
    truth: cosine(came[i], truth[i]),
    control: cosine(came[i], truth[other[i]]),
  }));
}

/** For every answer another one, of another document, in a seeded circle. */
function otherDocuments(answers: readonly Answer[], seed: number): number[] {
  const circle = random(seed, "gist control").shuffle([...answers.keys()]);
  const other: number[] = new Array(answers.length);
  const documentOf = (i: number): string => answers[i].place.document.sha256;
  circle.forEach((own, at) => {
    let step = 1;
    while (documentOf(circle[(at + step) % circle.length]) === documentOf(own)) step++;
    other[own] = circle[(at + step) % circle.length];
  });
  return other;
}

export function gistFigures(cosines: readonly Cosines[], means: Means): Gist {
  return {
    passages: cosines.length,
    truth: means.of(cosines, ({ truth }) => truth),
    control: means.of(cosines, ({ control }) => control),
    difference: means.of(cosines, ({ truth, control }) => truth - control),
  };
}

/** NaN where a vector is zero. */
export function cosine(a: Float64Array, b: Float64Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

/** Mean of the final layer's states over each sequence, [d] each. */
async function meanStates(
  sequences: readonly Int32Array[],
  { model, prefix, batchTokens, preNorm, onSequences, ...context }: GistRequest,
): Promise<Float64Array[]> {
  const opening = prefix === null ? [] : [prefix];
  const windows = sequences.map(
    (ids, document): Window => ({
      document,
      ids: Int32Array.from([...opening, ...ids]),
      prefixSlots: opening.length as 0 | 1,
      start: 0,
      fresh: opening.length,
    }),
  );
  const width = model.width!;
  const means = sequences.map(() => new Float64Array(width));
  const reading: Reading = {
    model,
    batches: batchesFor(model, windows, batchTokens),
    ...quietContext(context),
    describe: ({ windows: [{ document }] }) => `passage ${document}`,
    onWindows: onSequences,
  };
  const stateRows = ({ windows: own }: WindowBatch): Int32Array =>
    Int32Array.from({ length: own.reduce((rows, { ids, fresh }) => rows + ids.length - fresh, 0) }, (_, row) => row);
  await readBatches(reading, { heads: { losses: false, preNorm }, stateRows }, ({ batch, states }) => {
    const final = states!.at(-1)!;
    let row = 0;
    for (const { document, ids, fresh } of batch.windows) {
      const mean = means[document];
      const rows = ids.length - fresh;
      for (let r = 0; r < rows; r++, row++) for (let i = 0; i < width; i++) mean[i] += final[row * width + i] / rows;
    }
  });
  return means;
}
