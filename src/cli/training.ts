/** What `train` and `distil` share: the options of a run, its stages and how long they take. */

import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import type { Prepared } from "../lab/prepare.ts";
import { PACKINGS } from "../lab/rows.ts";
import { DECAYS } from "../lab/schedule.ts";
import { settingsOf, TEXT, TRAINING } from "../lab/training.ts";
import { trainingSeconds } from "../measure/foresight/costs.ts";
import { STORED_AS, type StoredDtype } from "../models/untrained.ts";
import type { Stage } from "../ports/progress.ts";
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
        .default(TRAINING.dtype),
    )
    .requiredOption("-o, --out <folder>", "where checkpoints, log and state go")
    .optionsGroup(GROUP.read)
    .requiredOption("--text <path...>", "files, folders, or - for standard input")
    .option(
      "--field <name>",
      "field of records that holds the text, or a path to it such as a.b (default: text, else content)",
    )
    .option("--chat", "reads records with messages, rendered by the tokenizer's own chat template", TRAINING.chat)
    .option("--split-on <regex>", "cuts texts into documents")
    .option("--limit-bytes <size>", "reads at most so much text", quantity)
    .optionsGroup(GROUP.tried)
    .option("--held-out <share>", "share of the text that checkpoints are tried on", between(0, 0.9), TRAINING.heldOut)
    .option("--held-out-text <path...>", "text that checkpoints are tried on, instead of a share")
    .option("--held-out-tokens <n>", "tokens of it that are used", atLeast(1), TRAINING.heldOutTokens)
    .optionsGroup(GROUP.trained)
    .option("--context <tokens>", "tokens of a row", atLeast(2), TRAINING.context)
    .addOption(
      new Option("--pack <how>", "rows cut from all documents as one stream, or of one document each")
        .choices(PACKINGS)
        .default(TRAINING.pack),
    )
    .option("--batch <rows>", "rows of a step", atLeast(1), TRAINING.batch)
    .option(
      "--run-tokens <n>",
      "tokens that go through the model together; gradients of parts add up",
      atLeast(1),
      TRAINING.runTokens,
    )
    .option("--epochs <n>", "times that the text is read (default: 1)", between(0, 1e9))
    .option("--steps <n>", "steps, instead of epochs", atLeast(1))
    .option("--rate <number>", "learning rate after the warm-up", between(0, 1e3), TRAINING.rate)
    .option("--warmup <steps>", "steps until the rate is reached (default: a twentieth)", atLeast(0))
    .addOption(new Option("--decay <how>", "how the rate falls after that").choices(DECAYS).default(TRAINING.decay))
    .option("--final-rate <share>", "the last rate as a share of the rate", between(0, 1), TRAINING.finalRate)
    .option("--weight-decay <number>", "on matrices", between(0, 1e3), TRAINING.weightDecay)
    .option("--beta1 <number>", "of AdamW", between(0, 0.999999), TRAINING.beta1)
    .option("--beta2 <number>", "of AdamW", between(0, 0.999999), TRAINING.beta2)
    .option("--clip <norm>", "largest norm of a gradient; 0 for none", between(0, 1e9), TRAINING.clip)
    .option("--checkpoints <n>", "checkpoints that are left, evenly apart in ln step", atLeast(2), TRAINING.checkpoints)
    .option("--keep-order", "takes documents and rows as they come", TRAINING.keepOrder)
    .addOption(threads())
    .option("--seed <n>", "seed of weights, split and order", seed, TRAINING.seed)
    .option("--resume", "goes on with a stopped run", false)
    .option("--force", "replaces a run that the folder holds", false)
    .option("--json", "writes the result to standard output as JSON", false)
    .addOption(quiet());

export type TrainingOptions = ReturnType<ReturnType<typeof trainingCommand>["opts"]>;

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
