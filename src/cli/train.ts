/** `lossyscope train --text … --config config.json --out DIR`: a model from scratch, with its checkpoints. */
import { requireFree } from "../lab/checkpoint.ts";
import { prepareTraining, readConfig, runTraining } from "../lab/training.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { atLeast } from "./options.ts";
import { resultLine } from "./output.ts";
import { progressOf } from "./progress.ts";
import { TrainingForesight, timedUnlessQuiet, told, trainingCommand, trainingStages } from "./training.ts";

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
        const { tokenizer = null, vocabulary = null, out, threads, resume, force: replace } = options;
        requireFree(out, { resume, replace });
        progress.announce(trainingStages(TRAINING));
        const config = await readConfig(options.config);
        const prepared = await prepareTraining(options, config, { tokenizer, vocabulary }, { out, progress });
        const rates = await timedUnlessQuiet(options, prepared.spec.width, signal);
        const ahead = new TrainingForesight(options, prepared, rates);
        const stages = { [TRAINING]: ahead.seconds };
        if (await told([ahead.run(stages)], rates, options, ahead.writes(out), progress)) return;
        progress.expect(stages);
        const run = { plan: options, prepared, out, threads, resume, replace };
        const { last } = await runTraining({ ...run, label: TRAINING, progress, signal });
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
