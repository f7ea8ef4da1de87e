/** `lossyscope measure MODEL --text PATH…`: the main command. Parses, calls `measure/`, prints and writes. */
import { Option } from "@commander-js/extra-typings";
import { measure } from "../measure/measure.ts";
import { openModel } from "../measure/model.ts";
import { defaultWorkFolder } from "../measure/run-folder.ts";
import { createProgress } from "../report/progress.ts";
import { deliver, prepareDelivery } from "./deliver.ts";
import { downloadProgress } from "./download.ts";
import { interruptible } from "./interrupt.ts";
import { measuringCommand, named, readPlan } from "./measuring.ts";
import { quantity, unseenText } from "./options.ts";

export function measureCommand() {
  return measuringCommand("measure")
    .summary("measure a model on a text: the compression profile")
    .description(
      "Measures how small MODEL makes a text, what its weights cost, what every layer keeps of its input and knows of what comes next, and the shape of the space.",
    )
    .argument("<model>", "folder in the Hugging Face layout, or org/name[@revision] from the Hub")
    .addOption(new Option("--like <tool>", "also says what another tool would report").choices(["lm-eval"]))
    .option("--entropy", "reads all weights and adds their entropy-coded size", false)
    .option("--training-tokens <n>", "tokens the model was trained on", quantity)
    .option("--training-bytes <n>", "bytes the model was trained on", quantity)
    .addOption(new Option("--with <what...>", "measures that too").choices(["recall"]).default([] as string[]))
    .addOption(unseenText())
    .addOption(
      new Option("--keep <what...>", "writes per-token losses or reservoir states beside the profile")
        .choices(["losses", "states"])
        .default([] as string[]),
    )
    .option("-o, --out <folder>", "writes profile.json and report.html there")
    .option("--json [file]", "writes the profile to a file, or to standard output")
    .option("--report <file>", "writes the report, one HTML file")
    .action(async (name, options, command) => {
      const progress = createProgress(process.stderr, { quiet: options.quiet });
      await interruptible(async (signal) => {
        const { plan, points } = await readPlan(options, command.getOptionValueSource("context") === "cli", {
          likeLmEval: options.like === "lm-eval",
          entropy: options.entropy,
          trainingTokens: options.trainingTokens ?? null,
          trainingBytes: options.trainingBytes ?? null,
          keep: options.keep,
          with: options.with,
          unseen: named(options.unseen),
        });
        await prepareDelivery(options);
        const model = await openModel(name, {
          offline: options.offline,
          signal,
          onDownload: downloadProgress(progress),
        });
        await measure({
          model,
          plan,
          points,
          threads: options.threads,
          work: options.work ?? defaultWorkFolder(),
          resume: options.resume,
          progress,
          signal,
          deliver: (measurement) => deliver(measurement, options),
        });
      });
    });
}
