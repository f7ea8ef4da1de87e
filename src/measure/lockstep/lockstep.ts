/**
 * A text read with two models at a time, P and Q (METHODS §12.1): text → tokens of both → windows of both → one pass → figures.
 * Where the weights of one are not at hand each runs by itself, and what takes the distributions of both is refused.
 *
 * Memory: the text and 8 bytes a token, as any measurement; 8 bytes a token of what the models said; the runtime's, which
 * `engines/lockstep.ts` foresees.
 */
import { readTogether, scoredIn, type Two } from "../../engines/lockstep.ts";
import { scoreDocuments } from "../../engines/score.ts";
import { count } from "../../numeric/amounts.ts";
import { decoderOf, type Model } from "../../ports/model.ts";
import { withProgress } from "../../ports/progress.ts";
import type { LlamaCppDivergence } from "../../profile/llama-cpp-divergence.ts";
import { LOCKSTEP_SCHEMA, type Lockstep } from "../../profile/lockstep.ts";
import type { WindowBatch } from "../../text/corpus.ts";
import { describeBatch, longestOf } from "../../text/windows.ts";
import { DivergenceTally, FEWEST_TOKENS } from "../llama-cpp/divergence.ts";
import { WHOLE_TEXT } from "../llama-cpp/llama-cpp.ts";
import { spelling } from "../preparing/spelling.ts";
import { LIKE_LLAMA_CPP_KL, LOCKSTEP } from "../stages.ts";
import { type Chunks, type Course, courseOf, type LockstepRequest, type NotTogether, notTogether } from "./course.ts";
import { lockstepSeconds } from "./foresee.ts";
import { toldStretches, toldTokens } from "./places.ts";
import { type Said, Tally } from "./tally.ts";

/**
 * Reads a text with two models side by side: how far the second is from the first, token by token (METHODS §12.1).
 * @returns what was found, or why the two cannot be read together
 * @throws LossyscopeError by what is wrong with text, options or machine; `engine` where the runtime fails or the divergence
 * comes out negative; `model` where a file changed meanwhile; `interrupted`
 */
export async function measureLockstep(request: LockstepRequest): Promise<Lockstep | NotTogether> {
  const course = await courseOf(request).catch(notTogether);
  return "absent" in course ? course : lockstepOver(request, course);
}

/** What is said of a token that both scored. */
export type OnSaid = (document: number, token: number, said: Said) => void;

/**
 * The same of a text that was read already.
 * @throws LossyscopeError as `measureLockstep`, of what is left to do
 */
export async function lockstepOver(request: LockstepRequest, course: Course, onSaid?: OnSaid): Promise<Lockstep> {
  const { reference, model, plan, threads } = request;
  const { documents, tokenizer, models } = course;
  request.progress.expect(lockstepSeconds([reference, model], course, threads));
  const tally = new Tally(documents, models !== null);
  const put: OnSaid = (document, token, said) => {
    tally.put(document, token, said);
    onSaid?.(document, token, said);
  };
  const began = performance.now();
  const ran = models ? await together(request, course, models, put) : await apart(request, course, put);
  const like = models && course.likeLlamaCpp && (await likeLlamaCpp(request, course, models, course.likeLlamaCpp));
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
    ...precisionOf([reference, model]),
    context: course.context,
    overlap: course.overlap,
    ...figures,
    tokens: toldTokens(extremes, telling),
    stretches: toldStretches(tally, models !== null, telling),
    ...(plan.likeLlamaCpp && { likeLlamaCpp: like?.found ?? null }),
    refusals: [
      ...(models ? [] : refusalsOf([reference, model])),
      ...(plan.likeLlamaCpp && !like ? [refusalOfLike([reference, model])] : []),
    ],
    provenance: {
      ...{ engine: ran.engine, threads, seed: plan.seed, seconds },
      peakMemoryBytes: Math.max(ran.peakBytes, like?.peakBytes ?? 0),
    },
  };
}

/** How each is computed; nothing where both are exactly. */
function precisionOf(models: readonly [Model, Model]): Pick<Lockstep, "precision"> {
  const [reference, model] = models.map((one) => decoderOf(one)?.precision ?? null);
  return reference === null && model === null ? {} : { precision: { reference, model } };
}

interface Ran {
  readonly engine: string;
  readonly peakBytes: number;
}

const bits = (nats: number): number => nats / Math.LN2;

async function together(request: LockstepRequest, course: Course, models: Two, put: OnSaid): Promise<Ran> {
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
          put(window.document, token, {
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

/** What llama-perplexity --kl-divergence would print: its chunks through both. */
async function likeLlamaCpp(
  { threads, progress, signal }: LockstepRequest,
  { vocabulary }: Course,
  models: Two,
  { corpus, batches }: Chunks,
): Promise<{ readonly found: LlamaCppDivergence; readonly peakBytes: number }> {
  const tally = new DivergenceTally(corpus);
  const describe = (batch: WindowBatch): string => describeBatch(batch, WHOLE_TEXT);
  return withProgress(progress, LIKE_LLAMA_CPP_KL, "windows", async (update) => {
    const total = batches.reduce((windows, batch) => windows + batch.windows.length, 0);
    let done = 0;
    const report = await readTogether(
      { models, vocabulary, batches, threads, longest: longestOf(batches), describe, signal },
      (one) => {
        tally.take(one);
        update((done += one.batch.windows.length), total);
      },
    );
    return { found: tally.finish(), peakBytes: report.peakBytes };
  });
}

/** Each by itself: no more than the losses. */
async function apart(request: LockstepRequest, course: Course, put: OnSaid): Promise<Ran> {
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
        put(index, token, said);
      }
    const version = p.report?.version ?? "";
    return { engine: version, peakBytes: Math.max(p.report?.peakBytes ?? 0, q.report?.peakBytes ?? 0) };
  });
}

/** Why KL and first choices are missing, which take every probability of both; null where they are not. */
function withoutWeights(models: readonly Model[]): string | null {
  const without = models.filter((one) => decoderOf(one) === null).map(({ name }) => name);
  if (without.length === 0) return null;
  return `the weights of ${without.join(" and ")} are not at hand, and losses alone say nothing of other tokens`;
}

const refusalsOf = (models: readonly Model[]): Lockstep["refusals"] =>
  ["kl", "klQuantiles", "agreement"].map((figure) => ({ figure, reason: withoutWeights(models)! }));

const refusalOfLike = (models: readonly Model[]): Lockstep["refusals"][number] => ({
  figure: "likeLlamaCpp",
  reason:
    withoutWeights(models) ??
    `llama-perplexity prints no statistics of fewer than ${count(FEWEST_TOKENS)} scored tokens`,
});
