/** How long two models will take side by side, and on how much memory, as far as a dry run of each has looked. */
import type { Two } from "../../engines/lockstep.ts";
import { PROCESS_BYTES } from "../../engines/memory.ts";
import type { Rates } from "../../engines/trial.ts";
import { needed } from "../../numeric/needs.ts";
import { sum } from "../../numeric/sums.ts";
import type { Model } from "../../ports/model.ts";
import type { ForeseenRun } from "../../profile/foresight.ts";
import type { WindowBatch } from "../../text/corpus.ts";
import { longestOf } from "../../text/windows.ts";
import { sharedVocabulary } from "../../tokenizer/same.ts";
import { plainly } from "../foresight/plainly.ts";
import { countPass, passSeconds, REFERENCE, togetherSeconds } from "../foresight/work.ts";
import { openTokenizer, type Prepared, type PrepareRequest } from "../prepare.ts";
import { LIKE_LLAMA_CPP_KL, LOCKSTEP } from "../stages.ts";
import { type Course, courseOver, type NotTogether, notTogether } from "./course.ts";

/** What it would take where two cannot be read together. */
export const ONE_VOCABULARY = "two models of one vocabulary, and room for both";

/** A model that a dry run has looked at. */
export interface LookedAt {
  readonly model: Model;
  readonly prepared: Pick<Prepared, "tokenizer" | "subject" | "likeLlamaCpp">;
}

/** Seconds by stage. @param rates of this machine; a usual one's where it was not tried */
export function lockstepSeconds(
  models: readonly [Model, Model],
  { models: decoders, batches, vocabulary, likeLlamaCpp }: Course,
  threads: number,
  rates: Rates = REFERENCE,
): Readonly<Record<string, number>> {
  if (decoders === null) return {};
  const passOf = (own: readonly WindowBatch[]) => pairSeconds(models, decoders, own, vocabulary, { threads, rates });
  return {
    [LOCKSTEP]: passOf(batches),
    ...(likeLlamaCpp && { [LIKE_LLAMA_CPP_KL]: passOf(likeLlamaCpp.batches) }),
  };
}

function pairSeconds(
  models: readonly [Model, Model],
  decoders: Two,
  batches: readonly WindowBatch[],
  vocabulary: number,
  { threads, rates }: { readonly threads: number; readonly rates: Rates },
): number {
  const outputs = { losses: true, shares: 0, moments: false };
  const passes = decoders.map(({ spec }, side) =>
    passSeconds(
      { rates, threads, spec, weightBytes: models[side].weightFileBytes },
      countPass(spec, batches, longestOf(batches)),
      outputs,
    ),
  );
  const rows = sum(batches.flatMap(({ windows }) => windows.map(({ ids, fresh }) => ids.length - fresh)));
  return sum(passes) + togetherSeconds({ rates, threads }, rows, vocabulary);
}

/**
 * Adds to what the second model will do by itself that it is read beside the first.
 * @param figure what it is called where it will be missing
 * @returns it with what will be missing where the two cannot be read together
 * @throws LossyscopeError whatever would stop it before the models run
 */
export function withLockstep(
  run: ForeseenRun,
  [p, q]: readonly [LookedAt, LookedAt],
  threads: number,
  rates: Rates,
  figure = LOCKSTEP,
): ForeseenRun {
  const [reference, model] = [p.model, q.model];
  const { subject, tokenizer, likeLlamaCpp } = p.prepared;
  const course = ((): Course | NotTogether => {
    try {
      const shared = sharedVocabulary([tokenizer, q.prepared.tokenizer], [reference.vocabulary, model.vocabulary]);
      if ("absent" in shared) return shared;
      return courseOver({ reference, model, plan: subject.plan }, { ...subject, tokenizer, likeLlamaCpp, ...shared });
    } catch (error) {
      return notTogether(error);
    }
  })();
  if ("absent" in course) {
    const missing = needed(figure, false, "pair of models", course.absent, ONE_VOCABULARY);
    return { ...run, missing: [...run.missing, plainly(missing)] };
  }
  if (course.models === null) return run;
  const stages = Object.entries(lockstepSeconds([reference, model], course, threads, rates));
  const seconds = sum(stages.map(([, one]) => one));
  return {
    ...run,
    stages: [...run.stages, ...stages.map(([label, one]) => ({ label, seconds: one }))],
    seconds: run.seconds === null ? null : run.seconds + seconds,
    memoryBytes: run.memoryBytes === null ? null : Math.max(run.memoryBytes, PROCESS_BYTES + course.memoryBytes),
  };
}

/**
 * The same of a measurement that names a reference, which has the text in the model's own tokens so far.
 * @returns the run as it is where none is named
 * @throws LossyscopeError as `withLockstep`; as opening the reference's tokenizer does
 */
export async function besideReference(
  run: ForeseenRun,
  {
    model,
    reference,
    plan,
    threads,
    prepared,
    rates,
  }: Pick<PrepareRequest, "model" | "reference" | "plan"> & {
    readonly threads: number;
    readonly prepared: Prepared;
    readonly rates: Rates;
  },
): Promise<ForeseenRun> {
  if (!reference) return run;
  const { tokenizer, chat } = await openTokenizer(reference, plan);
  chat?.close();
  const first = { model: reference, prepared: { ...prepared, tokenizer } };
  return withLockstep(run, [first, { model, prepared }], threads, rates, "lockstep");
}
