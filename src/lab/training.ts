/**
 * A training run from files to a trained model: how it can be asked for and what it takes where nothing is said, its text read
 * and tokenised, and the run itself, which tells how far it is.
 *
 * Memory: `prepare.ts`'s and `trainer.ts`'s.
 */

import { readFile } from "node:fs/promises";
import { almanacPages } from "../almanac/record.ts";
import { sha256 } from "../files/digest.ts";
import { ioFault } from "../files/faults.ts";
import { parseJsonObject } from "../formats/json.ts";
import { specOf } from "../models/config.ts";
import type { StoredDtype } from "../models/untrained.ts";
import { count, figure } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { quietContext, type RunContext } from "../ports/context.ts";
import type { ProgressSink } from "../ports/progress.ts";
import { openFolder } from "../references/folder.ts";
import { saidOfFiles, TextAccount } from "../text/account.ts";
import { AS_THEY_ARE, type ChatRenderer, readDocuments, type SourceDocument } from "../text/documents.ts";
import { loadConversing } from "../tokenizer/conversing.ts";
import { type Prepared, prepare } from "./prepare.ts";
import type { RowOptions } from "./rows.ts";
import type { Schedule } from "./schedule.ts";
import { type Trained, type TrainingJob, type TrainingSettings, train } from "./trainer.ts";
import type { Teacher } from "./training-graph.ts";
import { heldOutBitsPerByte } from "./validate.ts";

/** What a run is trained on, and how. */
export interface TrainingPlan {
  /** files and folders, or `-` for standard input */
  readonly text: readonly string[];
  /** of records, or a path to it such as `a.b`; `text`, else `content` where not given */
  readonly field?: string;
  /** records are conversations, rendered by the tokenizer's own template */
  readonly chat: boolean;
  /** a regular expression that cuts texts into documents */
  readonly splitOn?: string;
  readonly limitBytes?: number;
  /** share of the text that checkpoints are tried on, where `heldOutText` names no other */
  readonly heldOut: number;
  readonly heldOutText?: readonly string[];
  /** tokens of it that are used */
  readonly heldOutTokens: number;
  /** S: tokens of a row */
  readonly context: number;
  readonly pack: RowOptions["packing"];
  /** rows of a step */
  readonly batch: number;
  /** tokens that go through the model together; gradients of several such parts add up */
  readonly runTokens: number;
  /** times that the text is read, 1 where nothing is said; or steps */
  readonly epochs?: number;
  readonly steps?: number;
  /** learning rate after the warm-up */
  readonly rate: number;
  /** steps until the rate is reached; a twentieth of all where not given */
  readonly warmup?: number;
  readonly decay: Schedule["decay"];
  /** the last rate as a share of the rate */
  readonly finalRate: number;
  /** λ, on matrices */
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  /** largest norm of a gradient; 0 for none */
  readonly clip: number;
  /** how many are left behind, evenly apart in ln step */
  readonly checkpoints: number;
  /** takes documents and rows as they come */
  readonly keepOrder: boolean;
  /** what checkpoints are rounded to; training itself stays in float32 */
  readonly dtype: StoredDtype;
  /** of weights, split and order */
  readonly seed: number;
}

/** What a plan takes where it says nothing. */
export const TRAINING: Omit<
  { readonly [Name in keyof TrainingPlan as undefined extends TrainingPlan[Name] ? never : Name]: TrainingPlan[Name] },
  "text"
> = {
  chat: false,
  heldOut: 0.05,
  heldOutTokens: 65536,
  context: 256,
  pack: "stream",
  batch: 32,
  runTokens: 1024,
  rate: 3e-3,
  decay: "cosine",
  finalRate: 0.1,
  weightDecay: 0.1,
  beta1: 0.9,
  beta2: 0.95,
  clip: 1,
  checkpoints: 12,
  keepOrder: false,
  dtype: "float32",
  seed: 0,
};

/** The stage before training. */
export const TEXT = "text and tokenizer";

/**
 * Reads a config.json.
 * @throws LossyscopeError `io`, `model`
 */
export async function readConfig(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, "utf8").catch((error) => Promise.reject(ioFault(error, `read ${path}`)));
  return parseJsonObject(text, (why) => new LossyscopeError("model", `${path} ${why}`));
}

/** @throws LossyscopeError `io`, `text` or `usage` */
async function readText(
  text: readonly string[],
  { field, splitOn, limitBytes }: TrainingPlan,
  out: string,
  chat: ChatRenderer | null,
  progress: ProgressSink,
): Promise<SourceDocument[]> {
  const documents: SourceDocument[] = [];
  let bytes = 0;
  const account = new TextAccount();
  const read = readDocuments({
    text: text.map((path) => ({ path, domain: null })),
    ...AS_THEY_ARE,
    field: field ?? null,
    chat,
    splitOn: splitOn ?? null,
    kinds: [almanacPages],
    limitBytes: limitBytes ?? null,
    outputs: [out],
    account,
  });
  for await (const document of read) {
    documents.push(document);
    progress.update((bytes += Buffer.byteLength(document.text)));
  }
  const said = saidOfFiles(account.summary());
  if (said !== null) progress.message(said);
  return documents;
}

/**
 * What a plan comes to on rows of so many tokens.
 * @throws LossyscopeError `usage` where both steps and epochs are given
 */
export function settingsOf(plan: TrainingPlan, { rows }: Prepared): TrainingSettings {
  const { batch, context, seed, epochs } = plan;
  if (plan.steps !== undefined && epochs !== undefined)
    throw new LossyscopeError("usage", "--steps and --epochs are both given", "pass one of them");
  const wanted = plan.steps === undefined ? Math.ceil((epochs ?? 1) * rows.perEpoch) : plan.steps * batch;
  const steps = Math.max(1, Math.ceil(wanted / batch));
  return {
    steps,
    rows: Math.max(1, wanted),
    batch,
    positions: context,
    runTokens: plan.runTokens,
    schedule: {
      rate: plan.rate,
      warmup: Math.min(plan.warmup ?? Math.ceil(steps / 20), steps),
      decay: plan.decay,
      finalShare: plan.finalRate,
    },
    beta1: plan.beta1,
    beta2: plan.beta2,
    weightDecay: plan.weightDecay,
    clip: plan.clip === 0 ? null : plan.clip,
    checkpoints: plan.checkpoints,
    seed,
  };
}

/** Tokens that a run learns from in all, those read again among them. */
export const tokensOf = ({ rows: wanted }: TrainingSettings, { rows }: Pick<Prepared, "rows">): number =>
  Math.round((wanted / rows.perEpoch) * rows.tokensPerEpoch);

export interface TrainingRun extends RunContext {
  readonly plan: TrainingPlan;
  readonly prepared: Prepared;
  /** the folder that everything goes to */
  readonly out: string;
  readonly resume: boolean;
  /** whether a run that the folder holds is taken away */
  readonly replace: boolean;
  /** of the stage */
  readonly label: string;
  readonly teacher?: Teacher & { readonly digest: string };
  readonly judged?: TrainingJob["judged"];
}

/**
 * Reads and tokenises what a run is trained on.
 * @param config as it was given
 * @param tokenizer folder of one; null: one is trained, with so many tokens or as many as the config says
 * @throws LossyscopeError `usage` for conversations without a tokenizer; as reading and `prepare` do
 */
export async function prepareTraining(
  plan: TrainingPlan,
  config: Readonly<Record<string, unknown>>,
  { tokenizer, vocabulary }: { readonly tokenizer: string | null; readonly vocabulary: number | null },
  { out, progress }: Pick<TrainingRun, "out" | "progress">,
): Promise<Prepared> {
  progress.start(TEXT, null, "bytes");
  if (plan.chat && tokenizer === null)
    throw new LossyscopeError(
      "usage",
      "--chat takes the template of a tokenizer, and one is to be trained",
      "pass --tokenizer",
    );
  const conversing =
    plan.chat && tokenizer !== null
      ? await loadConversing(tokenizer, config, { rows: specOf(config).vocabulary })
      : null;
  const chat = conversing?.chat ?? null;
  const read = (text: readonly string[]): Promise<SourceDocument[]> => readText(text, plan, out, chat, progress);
  const documents = await read(plan.text);
  const heldOut = plan.heldOutText ? await read(plan.heldOutText) : plan.heldOut;
  chat?.close();
  const prepared = await prepare({
    documents,
    config,
    tokenizer,
    vocabulary,
    conversing,
    heldOut,
    heldOutTokens: plan.heldOutTokens,
    positions: plan.context,
    packing: plan.pack,
    shuffled: !plan.keepOrder,
    seed: plan.seed,
  });
  progress.finish();
  return prepared;
}

/**
 * Trains, telling tokens and loss of every step, and every checkpoint in a line.
 * @throws LossyscopeError as `train` does
 */
export async function runTraining(run: TrainingRun): Promise<Trained> {
  const { plan, prepared, resume, replace, progress, teacher, label } = run;
  const settings = settingsOf(plan, prepared);
  const { rows, heldOut, tokenizer } = prepared;
  const total = tokensOf(settings, prepared);
  const begin = (done: number): void => progress.start(label, total, "tokens", done);
  const taught = teacher && { digest: teacher.digest, temperature: teacher.temperature, weight: teacher.weight };
  let tokens = 0;
  try {
    return await train({
      out: run.out,
      config: prepared.config,
      spec: prepared.spec,
      rows,
      settings,
      teacher,
      identity: sha256(JSON.stringify([prepared.digest, settings, taught ?? null])),
      files: prepared.files,
      dtype: plan.dtype,
      ...quietContext(run),
      resume,
      replace,
      validate:
        heldOut.length === 0
          ? null
          : async (folder) => {
              const { prefix } = tokenizer;
              const { context } = plan;
              const model = await openFolder(folder);
              return heldOutBitsPerByte(model, { documents: heldOut, prefix, context, ...quietContext(run) });
            },
      judged: run.judged,
      onStart: (done) => begin((tokens = done.tokens)),
      onStep: (step) => {
        tokens = step.tokens;
        const note = `step ${count(step.step)} of ${count(settings.steps)}, loss ${figure(step.lossNats)}`;
        // Rows of a share of an epoch have about their share of its tokens.
        progress.update(tokens, note, step.step === settings.steps ? tokens : total);
      },
      onCheckpoint: ({ step, folder, heldOutBitsPerByte: bits }) => {
        progress.message(
          `step ${count(step)}: wrote ${folder}${bits === null ? "" : `, held out ${figure(bits, 4)} bits per byte`}`,
        );
      },
    });
  } finally {
    progress.finish();
  }
}
