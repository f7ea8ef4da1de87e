/** What `train` and `distil` share: the options of a run, its text and config, and how it shows how far it is. */

import { readFile } from "node:fs/promises";
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { almanacPages } from "../almanac/record.ts";
import { sha256 } from "../files/digest.ts";
import { ioFault } from "../files/faults.ts";
import { parseJsonObject } from "../formats/json.ts";
import { type Prepared, prepare } from "../lab/prepare.ts";
import { PACKINGS } from "../lab/rows.ts";
import { DECAYS } from "../lab/schedule.ts";
import { type Trained, type TrainingJob, type TrainingSettings, train } from "../lab/trainer.ts";
import type { Teacher } from "../lab/training-graph.ts";
import { heldOutBitsPerByte } from "../lab/validate.ts";
import { trainingSeconds } from "../measure/costs.ts";
import { specOf } from "../models/config.ts";
import { STORED_AS, type StoredDtype } from "../models/untrained.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Stage } from "../ports/progress.ts";
import { openFolder } from "../references/folder.ts";
import { count, figure } from "../report/format.ts";
import type { Progress } from "../report/progress.ts";
import { saidOfFiles, TextAccount } from "../text/account.ts";
import { type ChatRenderer, readDocuments, type SourceDocument } from "../text/documents.ts";
import { loadConversing } from "../tokenizer/conversing.ts";
import { GROUP } from "./groups.ts";
import { atLeast, quantity, quiet, seed, threads } from "./options.ts";

/** A number within bounds. */
export const between =
  (low: number, high: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= low && value <= high))
      throw new InvalidArgumentError(`expected a number from ${low} to ${high}`);
    return value;
  };

export const trainingCommand = (name: string) =>
  new Command(name)
    .optionsGroup(GROUP.model)
    .requiredOption("--config <file>", "config.json of the model, as Hugging Face writes it")
    .addOption(
      new Option("--dtype <type>", "what checkpoints are rounded to; training itself stays in float32")
        .choices(Object.keys(STORED_AS) as StoredDtype[])
        .default("float32" as const),
    )
    .requiredOption("-o, --out <folder>", "where checkpoints, log and state go")
    .optionsGroup(GROUP.read)
    .requiredOption("--text <path...>", "files, folders, or - for standard input")
    .option(
      "--field <name>",
      "field of records that holds the text, or a path to it such as a.b (default: text, else content)",
    )
    .option("--chat", "reads records with messages, rendered by the tokenizer's own chat template", false)
    .option("--split-on <regex>", "cuts texts into documents")
    .option("--limit-bytes <size>", "reads at most so much text", quantity)
    .optionsGroup(GROUP.tried)
    .option("--held-out <share>", "share of the text that checkpoints are tried on", between(0, 0.9), 0.05)
    .option("--held-out-text <path...>", "text that checkpoints are tried on, instead of a share")
    .option("--held-out-tokens <n>", "tokens of it that are used", atLeast(1), 65536)
    .optionsGroup(GROUP.trained)
    .option("--context <tokens>", "tokens of a row", atLeast(2), 256)
    .addOption(
      new Option("--pack <how>", "rows cut from all documents as one stream, or of one document each")
        .choices(PACKINGS)
        .default("stream" as const),
    )
    .option("--batch <rows>", "rows of a step", atLeast(1), 32)
    .option(
      "--run-tokens <n>",
      "tokens that go through the model together; gradients of parts add up",
      atLeast(1),
      1024,
    )
    .option("--epochs <n>", "times that the text is read (default: 1)", between(0, 1e9))
    .option("--steps <n>", "steps, instead of epochs", atLeast(1))
    .option("--rate <number>", "learning rate after the warm-up", between(0, 1e3), 3e-3)
    .option("--warmup <steps>", "steps until the rate is reached (default: a twentieth)", atLeast(0))
    .addOption(new Option("--decay <how>", "how the rate falls after that").choices(DECAYS).default("cosine" as const))
    .option("--final-rate <share>", "the last rate as a share of the rate", between(0, 1), 0.1)
    .option("--weight-decay <number>", "on matrices", between(0, 1e3), 0.1)
    .option("--beta1 <number>", "of AdamW", between(0, 0.999999), 0.9)
    .option("--beta2 <number>", "of AdamW", between(0, 0.999999), 0.95)
    .option("--clip <norm>", "largest norm of a gradient; 0 for none", between(0, 1e9), 1)
    .option("--checkpoints <n>", "checkpoints that are left, evenly apart in ln step", atLeast(2), 12)
    .option("--keep-order", "takes documents and rows as they come", false)
    .addOption(threads())
    .option("--seed <n>", "seed of weights, split and order", seed, 0)
    .option("--resume", "goes on with a stopped run", false)
    .option("--force", "replaces a run that the folder holds", false)
    .option("--json", "writes the result to standard output as JSON", false)
    .addOption(quiet());

export type TrainingOptions = ReturnType<ReturnType<typeof trainingCommand>["opts"]>;

/** @throws LossyscopeError `io`, `text` or `usage` */
async function readText(
  text: readonly string[],
  { field, splitOn, limitBytes, out }: TrainingOptions,
  chat: ChatRenderer | null,
  progress: Progress,
): Promise<SourceDocument[]> {
  const documents: SourceDocument[] = [];
  let bytes = 0;
  const account = new TextAccount();
  const read = readDocuments({
    text: text.map((path) => ({ path, domain: null })),
    field: field ?? null,
    chat,
    splitOn: splitOn ?? null,
    labels: [],
    kinds: [almanacPages],
    limitBytes: limitBytes ?? null,
    limitDocuments: null,
    sample: false,
    invalidUtf8: "error",
    seed: 0,
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

/** @throws LossyscopeError `io`, `model` */
export async function readConfig(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, "utf8").catch((error) => Promise.reject(ioFault(error, `read ${path}`)));
  return parseJsonObject(text, (why) => new LossyscopeError("model", `${path} ${why}`));
}

export function settingsOf(options: TrainingOptions, { rows }: Prepared): TrainingSettings {
  const { batch, context, seed, epochs } = options;
  if (options.steps !== undefined && epochs !== undefined)
    throw new LossyscopeError("usage", "--steps and --epochs are both given", "pass one of them");
  const wanted = options.steps === undefined ? Math.ceil((epochs ?? 1) * rows.perEpoch) : options.steps * batch;
  const steps = Math.max(1, Math.ceil(wanted / batch));
  return {
    steps,
    rows: Math.max(1, wanted),
    batch,
    positions: context,
    runTokens: options.runTokens,
    schedule: {
      rate: options.rate,
      warmup: Math.min(options.warmup ?? Math.ceil(steps / 20), steps),
      decay: options.decay,
      finalShare: options.finalRate,
    },
    beta1: options.beta1,
    beta2: options.beta2,
    weightDecay: options.weightDecay,
    clip: options.clip === 0 ? null : options.clip,
    checkpoints: options.checkpoints,
    seed,
  };
}

export interface Run {
  readonly options: TrainingOptions;
  readonly prepared: Prepared;
  readonly out: string;
  readonly label: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly teacher?: Teacher & { readonly digest: string };
  readonly judged?: TrainingJob["judged"];
}

/** What there is before training. */
export const TEXT = "text and tokenizer";

/**
 * Stages of training that are announced.
 * @param labels of runs on the same text
 */
export const trainingStages = (...labels: readonly string[]): Stage[] => [TEXT, ...labels].map((label) => ({ label }));

/** About how long a run takes. */
export const secondsOf = (options: TrainingOptions, prepared: Prepared): number =>
  trainingSeconds(
    prepared.spec,
    options.threads,
    settingsOf(options, prepared).rows * options.context,
    options.runTokens,
  );

/** @param config as it was given */
export const prepareRun = async (
  options: TrainingOptions,
  config: Readonly<Record<string, unknown>>,
  tokenizer: { readonly tokenizer: string | null; readonly vocabulary: number | null },
  progress: Progress,
): Promise<Prepared> => {
  progress.start(TEXT, null, "bytes");
  if (options.chat && tokenizer.tokenizer === null)
    throw new LossyscopeError(
      "usage",
      "--chat takes the template of a tokenizer, and one is to be trained",
      "pass --tokenizer",
    );
  const conversing =
    options.chat && tokenizer.tokenizer !== null
      ? await loadConversing(tokenizer.tokenizer, config, { rows: specOf(config).vocabulary })
      : null;
  const chat = conversing?.chat ?? null;
  const documents = await readText(options.text, options, chat, progress);
  const heldOut = options.heldOutText ? await readText(options.heldOutText, options, chat, progress) : options.heldOut;
  chat?.close();
  const prepared = prepare({
    documents,
    config,
    ...tokenizer,
    conversing,
    heldOut,
    heldOutTokens: options.heldOutTokens,
    positions: options.context,
    packing: options.pack,
    shuffled: !options.keepOrder,
    seed: options.seed,
  });
  progress.finish();
  return prepared;
};

/** Trains, with a bar that shows rate, time left and loss, and a line for every checkpoint. */
export async function trainShown(run: Run): Promise<Trained> {
  const { options, prepared, progress, signal, teacher, label } = run;
  const settings = settingsOf(options, prepared);
  const { rows, heldOut, tokenizer } = prepared;
  const total = Math.round((settings.rows / rows.perEpoch) * rows.tokensPerEpoch);
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
      dtype: options.dtype,
      threads: options.threads,
      resume: options.resume,
      replace: options.force,
      validate:
        heldOut.length === 0
          ? null
          : async (folder) => {
              const { prefix } = tokenizer;
              const { context, threads } = options;
              return heldOutBitsPerByte(
                await openFolder(folder),
                { documents: heldOut, prefix, context, threads },
                signal,
              );
            },
      judged: run.judged,
      onStart: (done) => begin((tokens = done.tokens)),
      onStep: (step) => {
        tokens = step.tokens;
        progress.update(tokens, `step ${count(step.step)} of ${count(settings.steps)}, loss ${figure(step.lossNats)}`);
      },
      onCheckpoint: ({ step, folder, heldOutBitsPerByte: bits }) => {
        progress.message(
          `step ${count(step)}: wrote ${folder}${bits === null ? "" : `, held out ${figure(bits, 4)} bits per byte`}`,
        );
      },
      signal,
    });
  } finally {
    progress.finish();
  }
}
