/** `lossyscope train --text … --config config.json --out DIR`: a model from scratch, with its checkpoints. */
import { requireFree } from "../lab/checkpoint.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { atLeast } from "./options.ts";
import { resultLine } from "./output.ts";
import { progressOf } from "./progress.ts";
import { prepareRun, readConfig, secondsOf, trainingCommand, trainingStages, trainShown } from "./training.ts";

const TRAINING = "training";

export function trainCommand() {
  return trainingCommand("train")
    .summary("train a model from scratch, with its checkpoints")
    .description(
      "Trains the model that config.json describes on a text, and leaves checkpoints in the Hugging Face layout at step 0, at steps evenly apart in their logarithm, and at the end. A run that is stopped goes on with --resume, to the same weights.",
    )
    .optionsGroup(GROUP.model)
    .option("--tokenizer <folder>", "takes the tokenizer of a model (default: trains one on the text)")
    .option(
      "--vocabulary <n>",
      "tokens of the tokenizer that is trained (default: the config's vocab_size)",
      atLeast(1),
    )
    .action(async (options) => {
      const progress = progressOf(options);
      await interruptible(async (signal) => {
        const { tokenizer = null, vocabulary = null } = options;
        requireFree(options.out, { resume: options.resume, replace: options.force });
        progress.announce(trainingStages(TRAINING));
        const config = await readConfig(options.config);
        const prepared = await prepareRun(options, config, { tokenizer, vocabulary }, progress);
        progress.expect({ [TRAINING]: secondsOf(options, prepared) });
        const { last } = await trainShown({ options, prepared, out: options.out, label: TRAINING, progress, signal });
        process.stdout.write(
          options.json
            ? `${JSON.stringify(last)}\n`
            : resultLine(
                `${last.folder}${last.heldOutBitsPerByte === null ? "" : `  ${last.heldOutBitsPerByte.toFixed(4)} bits per byte held out`}`,
              ),
        );
      });
    });
}
