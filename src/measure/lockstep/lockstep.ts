/**
 * A text read with two models at a time, P and Q (METHODS §12.1): text → tokens of both → windows of both → one pass → figures.
 * Where the weights of one are not at hand each runs by itself, and what takes the distributions of both is refused.
 *
 * Memory: the text and 8 bytes a token, as any measurement; 8 bytes a token of what the models said; the runtime's, which
 * `engines/lockstep.ts` foresees.
 */
import { readTogether, scoredIn, type Two } from "../../engines/lockstep.ts";
import { scoreDocuments } from "../../engines/score.ts";
import { decoderOf, type Model } from "../../ports/model.ts";
import { withProgress } from "../../ports/progress.ts";
import { LOCKSTEP_SCHEMA, type Lockstep } from "../../profile/lockstep.ts";
import type { WindowBatch } from "../../text/corpus.ts";
import { describeBatch } from "../../text/windows.ts";
import { spelling } from "../preparing/spelling.ts";
import { LOCKSTEP } from "../stages.ts";
import { type Course, courseOf, type LockstepRequest, type NotTogether, notTogether } from "./course.ts";
import { lockstepSeconds } from "./foresee.ts";
import { toldStretches, toldTokens } from "./places.ts";
import { Tally } from "./tally.ts";

/**
 * Reads a text with two models side by side: how far the second is from the first, token by token (METHODS §12.1).
 * @returns what was found, or why the two cannot be read together
 * @throws LossyscopeError by what is wrong with text, options or machine; `engine` where the runtime fails or the divergence
 * comes out negative; `model` where a file changed meanwhile; `interrupted`
 */
export async function measureLockstep(request: LockstepRequest): Promise<Lockstep | NotTogether> {
  const { reference, model, plan, threads } = request;
  const course = await courseOf(request).catch(notTogether);
  if ("absent" in course) return course;
  const { documents, tokenizer, models } = course;
  request.progress.expect({ [LOCKSTEP]: lockstepSeconds([reference, model], course, threads) });
  const tally = new Tally(documents, models !== null);
  const began = performance.now();
  const ran = models ? await together(request, course, models, tally) : await apart(request, course, tally);
  const seconds = (performance.now() - began) / 1000;
  const { extremes, ...figures } = tally.finish({ seed: plan.seed, prefixed: tokenizer.prefix !== null });
  await reference.refuseChanges();
  await model.refuseChanges();
  const telling = { documents, spell: spelling(tokenizer), keepText: plan.keepText };
  return {
    schema: LOCKSTEP_SCHEMA,
    reference: reference.name,
    model: model.name,
    vocabulary: { shared: course.vocabulary, reference: reference.vocabulary, model: model.vocabulary },
    context: course.context,
    overlap: course.overlap,
    ...figures,
    tokens: toldTokens(extremes, telling),
    stretches: toldStretches(tally, models !== null, telling),
    refusals: models ? [] : refusalsOf([reference, model]),
    provenance: { engine: ran.engine, threads, seed: plan.seed, seconds, peakMemoryBytes: ran.peakBytes },
  };
}

interface Ran {
  readonly engine: string;
  readonly peakBytes: number;
}

const bits = (nats: number): number => nats / Math.LN2;

async function together(request: LockstepRequest, course: Course, models: Two, tally: Tally): Promise<Ran> {
  const { threads, progress, signal } = request;
  const { vocabulary, batches, longest, documents } = course;
  const describe = (batch: WindowBatch): string => describeBatch(batch, documents);
  return withProgress(progress, LOCKSTEP, "windows", async (update) => {
    const total = batches.reduce((windows, batch) => windows + batch.windows.length, 0);
    let done = 0;
    const report = await readTogether(
      { models, vocabulary, batches, threads, longest, describe, signal },
      ({ batch, kl, natsP, natsQ, delta, probability, topP, topQ }) => {
        for (const [row, { window, token }] of [...scoredIn(batch)].entries())
          tally.put(window.document, token, {
            delta: bits(delta[row]),
            probability: probability[row],
            p: Math.exp(-natsP[row]),
            q: Math.exp(-natsQ[row]),
            both: { kl: bits(kl[row]), topP: topP[row], topQ: topQ[row] },
          });
        update((done += batch.windows.length), total);
      },
    );
    return { engine: `onnxruntime ${report.version}`, peakBytes: report.peakBytes };
  });
}

/** Each by itself: no more than the losses. */
async function apart(request: LockstepRequest, course: Course, tally: Tally): Promise<Ran> {
  const { reference, model, plan, threads, progress, signal } = request;
  const { documents, tokenizer, context, overlap } = course;
  const { prefix } = tokenizer;
  return withProgress(progress, LOCKSTEP, "windows", async (update) => {
    const one = (given: Model, half: number) =>
      scoreDocuments({
        ...{ model: given, documents, prefix, context, overlap, batchTokens: plan.batchTokens, threads, signal },
        onWindows: (done, total) => update(half * total + done, 2 * total),
      });
    const [p, q] = [await one(reference, 0), await one(model, 1)];
    for (const { index, ids } of documents)
      for (let token = prefix ? 0 : 1; token < ids.length; token++) {
        const [natsP, natsQ] = [p.losses[index][token], q.losses[index][token]];
        const [heldP, heldQ] = [Math.exp(-natsP), Math.exp(-natsQ)];
        const said = { delta: bits(natsQ - natsP), probability: heldQ - heldP, p: heldP, q: heldQ, both: null };
        tally.put(index, token, said);
      }
    const version = p.report?.version ?? "";
    return { engine: version, peakBytes: Math.max(p.report?.peakBytes ?? 0, q.report?.peakBytes ?? 0) };
  });
}

/** KL and first choices take every probability of both. */
function refusalsOf(models: readonly Model[]): Lockstep["refusals"] {
  const without = models.filter((one) => decoderOf(one) === null).map(({ name }) => name);
  const reason = `the weights of ${without.join(" and ")} are not at hand, and losses alone say nothing of other tokens`;
  return ["kl", "klQuantiles", "agreement"].map((figure) => ({ figure, reason }));
}
