/**
 * What it costs to compute otherwise than exactly (METHODS §0 Precision): the first windows of the text through the model both
 * ways, side by side, as two models are read (`engines/lockstep.ts`).
 */
import { lockstepBytes, readTogether, scoredIn, type Two } from "../engines/lockstep.ts";
import { PROCESS_BYTES, requireMemory } from "../engines/memory.ts";
import { sum } from "../numeric/sums.ts";
import { quietContext, type RunContext } from "../ports/context.ts";
import { type Model, requireDecoder } from "../ports/model.ts";
import { withProgress } from "../ports/progress.ts";
import type { Plan } from "../profile/plan.ts";
import type { Precision, PrecisionKind } from "../profile/precision.ts";
import type { TokenizedDocument, WindowBatch } from "../text/corpus.ts";
import { describeBatch, longestOf } from "../text/windows.ts";
import { PRECISION } from "./stages.ts";

/** Slots of the windows that are read both ways, at least, where the text has them. */
const SLOTS = 4096;

interface Sides extends RunContext {
  /** as it is measured */
  readonly model: Model;
  readonly plan: Plan;
}

/** Batches from the first on, until they have so many slots. */
export function firstOf(batches: readonly WindowBatch[]): WindowBatch[] {
  const taken: WindowBatch[] = [];
  let slots = 0;
  for (const batch of batches) {
    if (slots >= SLOTS) break;
    taken.push(batch);
    slots += batch.windows.reduce((total, { ids }) => total + ids.length, 0);
  }
  return taken;
}

/** @throws LossyscopeError `memory` where both do not fit side by side; `engine`; `interrupted` */
export async function measurePrecision(
  kind: PrecisionKind,
  { model, plan, ...context }: Sides,
  documents: readonly TokenizedDocument[],
  all: readonly WindowBatch[],
): Promise<Precision> {
  const decoder = requireDecoder(model, `--precision ${kind}`);
  const models: Two = [{ ...decoder, precision: undefined }, decoder];
  const { vocabulary } = model;
  const batches = firstOf(all);
  const longest = longestOf(batches);
  const needed = lockstepBytes(models, vocabulary, { longest, batchTokens: plan.batchTokens });
  requireMemory(PROCESS_BYTES + needed, "leave out --precision, pass a smaller --batch-tokens");
  const said = { kl: [] as number[], delta: [] as number[], agreed: [] as number[], bytes: [] as number[] };
  await withProgress(context.progress, PRECISION, "windows", async (update) => {
    const total = batches.reduce((windows, batch) => windows + batch.windows.length, 0);
    let done = 0;
    await readTogether(
      {
        ...{ models, vocabulary, batches, longest },
        describe: (batch) => describeBatch(batch, documents),
        ...quietContext(context),
      },
      ({ batch, kl, delta, topP, topQ }) => {
        for (const [row, { window, token }] of [...scoredIn(batch)].entries()) {
          const { byteEnds } = documents[window.document];
          said.kl.push(kl[row] / Math.LN2);
          said.delta.push(delta[row] / Math.LN2);
          said.agreed.push(topP[row] === topQ[row] ? 1 : 0);
          said.bytes.push(byteEnds[token] - (token > 0 ? byteEnds[token - 1] : 0));
        }
        update((done += batch.windows.length), total);
      },
    );
  });
  const tokens = said.delta.length;
  const bytes = sum(said.bytes);
  const share = (total: number, of: number): number => (of > 0 ? total / of : 0);
  return {
    kind,
    difference: {
      tokens,
      bytes,
      bitsPerByte: share(sum(said.delta), bytes),
      largest: said.delta.reduce((most, one) => Math.max(most, Math.abs(one)), 0),
      // Of the same distribution it is 0 up to rounding, which may fall below.
      kl: Math.max(0, share(sum(said.kl), tokens)),
      agreement: share(sum(said.agreed), tokens),
    },
  };
}
