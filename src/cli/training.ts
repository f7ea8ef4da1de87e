/** What `train` and `distil` share: the options of a run, its stages, and what is known of it before it begins. */

import { basename, join } from "node:path";
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { type Rates, timedTrial } from "../engines/trial.ts";
import { checkpointFolder, RUN_LOG, STATE } from "../lab/checkpoint.ts";
import type { Prepared } from "../lab/prepare.ts";
import { PACKINGS } from "../lab/rows.ts";
import { checkpointSteps, DECAYS } from "../lab/schedule.ts";
import { settingsOf, TEXT, TRAINING, tokensOf } from "../lab/training.ts";
import { foresightOf } from "../measure/foresight/foresee.ts";
import {
  foreseenLearning,
  foreseenText,
  tokensIn,
  trainingSeconds,
  tryingSeconds,
} from "../measure/foresight/training.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { STORED_AS, type StoredDtype } from "../models/untrained.ts";
import type { Stage } from "../ports/progress.ts";
import type { ForeseenRun } from "../profile/foresight.ts";
import type { Progress } from "../report/progress.ts";
import { dryRunOption, foretelling, printForesight } from "./foresight.ts";
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

/** Of a dry run of training. */
export const TRAINS = "for how long, on how much memory, and what it would leave";

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
    .addOption(dryRunOption(TRAINS))
    .option("--json", "writes the result to standard output as JSON", false)
    .addOption(quiet());

export type TrainingOptions = ReturnType<ReturnType<typeof trainingCommand>["opts"]>;

/**
 * Stages of training that are announced.
 * @param labels of runs on the same text
 */
export const trainingStages = (...labels: readonly string[]): Stage[] => [TEXT, ...labels].map((label) => ({ label }));

interface Asking {
  readonly threads: number;
  readonly quiet: boolean;
  readonly dryRun: boolean;
  readonly json?: boolean | string;
}

/** What this machine does, where somebody wants to hear how long a run takes. */
export const timedUnlessQuiet = async (
  { threads, quiet, dryRun }: Asking,
  width: number,
  signal: AbortSignal,
): Promise<Rates | undefined> => (dryRun || !quiet ? timedTrial(width, { threads, signal }) : undefined);

/**
 * Says what runs will do: before them, or instead of them.
 * @returns whether that was all that was asked for
 */
export async function told(
  runs: readonly ForeseenRun[],
  rates: Rates | undefined,
  options: Asking,
  writes: readonly string[],
  progress: Progress,
): Promise<boolean> {
  if (!rates) return false;
  const foresight = foresightOf(runs, rates);
  if (options.dryRun)
    await printForesight(foresight, writes, { json: options.json === false ? undefined : options.json });
  else foretelling(options, writes, progress)?.(foresight);
  return options.dryRun;
}

/** What is known of runs on one text before they begin, where a trial has found what the machine does or none has. */
export class TrainingForesight {
  readonly #options: TrainingOptions;
  readonly #prepared: Prepared;
  readonly #rates: Rates | undefined;
  readonly #steps: readonly number[];

  constructor(options: TrainingOptions, prepared: Prepared, rates?: Rates) {
    this.#options = options;
    this.#prepared = prepared;
    this.#rates = rates;
    this.#steps = checkpointSteps(this.#settings.steps, options.checkpoints);
  }

  get #settings() {
    return settingsOf(this.#options, this.#prepared);
  }

  /** About how long it takes, its checkpoints tried on what is held out. */
  get seconds(): number {
    const { context: positions, runTokens, threads } = this.#options;
    const learner = { spec: this.#prepared.spec, threads, rates: this.#rates };
    const rows = { positions, runTokens };
    return (
      trainingSeconds(learner, { ...rows, tokens: this.#settings.rows * positions }) +
      this.#steps.length * this.heldOutSeconds(this.#prepared.spec)
    );
  }

  /** About how long a model takes with the text that is held out. */
  heldOutSeconds(spec: DecoderSpec): number {
    const { context: positions, runTokens, threads } = this.#options;
    const tokens = tokensIn(this.#prepared.heldOut);
    return tryingSeconds({ spec, threads, rates: this.#rates }, { tokens, positions, runTokens });
  }

  /** @param stages by label, in order */
  run(stages: Readonly<Record<string, number>>, part?: string): ForeseenRun {
    const { config, text, threads, dtype } = this.#options;
    const { spec, heldOut } = this.#prepared;
    const settings = this.#settings;
    const name = text.map((path) => (path === "-" ? "standard input" : basename(path))).join(", ");
    return foreseenLearning({
      spec,
      threads,
      name: basename(config),
      part,
      settings,
      tokens: tokensOf(settings, this.#prepared),
      checkpoints: this.#steps.length,
      dtype,
      state: true,
      heldOutTokens: tokensIn(heldOut),
      stages: Object.entries(stages).map(([label, seconds]) => ({ label, seconds })),
      text: foreseenText(name, this.#prepared),
    });
  }

  /** What a run leaves in its folder. */
  writes(out: string): string[] {
    return [RUN_LOG, STATE, ...this.#steps.map((step) => basename(checkpointFolder(out, step)))].map((name) =>
      join(out, name),
    );
  }
}
