/** Training in one call: `lab/` with everything that a program need not say filled in. */
import { requireFree } from "../lab/checkpoint.ts";
import type { Trained } from "../lab/trainer.ts";
import { prepareTraining, readConfig, runTraining, TRAINING, type TrainingPlan } from "../lab/training.ts";
import { type Machine, machineOf } from "./given.ts";

export interface TrainOptions extends Machine, Partial<Omit<TrainingPlan, "text">> {
  /** files and folders */
  readonly text: string | readonly string[];
  /** config.json of the model as Hugging Face writes it: its path, or what it says */
  readonly config: string | Readonly<Record<string, unknown>>;
  /** folder that checkpoints, log and state go to */
  readonly out: string;
  /** folder of a tokenizer; one is trained on the text where not given */
  readonly tokenizer?: string;
  /** tokens of one that is trained; what the config says where not given */
  readonly vocabulary?: number;
  /** goes on with a run that was stopped */
  readonly resume?: boolean;
  /** takes away a run that the folder holds */
  readonly replace?: boolean;
}

/**
 * Trains a model from scratch, and leaves checkpoints in the Hugging Face layout (METHODS §8).
 * @throws LossyscopeError `usage` where the folder holds a run or something does not fit together; `model`, `text`, `io`,
 * `memory`, `engine`; `interrupted`, after which the same with `resume` goes on to the same weights
 */
export async function train(options: TrainOptions): Promise<Trained> {
  const { text, config: given, out, tokenizer = null, vocabulary = null, resume = false, replace = false } = options;
  const machine = machineOf(options);
  const plan: TrainingPlan = { ...TRAINING, ...defined(options), text: typeof text === "string" ? [text] : text };
  requireFree(out, { resume, replace });
  const config = typeof given === "string" ? await readConfig(given) : given;
  const prepared = await prepareTraining(plan, config, { tokenizer, vocabulary }, { out, progress: machine.progress });
  return runTraining({ ...machine, plan, prepared, out, resume, replace, label: "training" });
}

/** What is given, without what is given as undefined. */
const defined = <Options extends object>(options: Options): Options =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
