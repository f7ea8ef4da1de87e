/** `lossyscope merge PART…`: the parts that shards of one plan left, joined to the profile that one run would have given. */
import { Command } from "@commander-js/extra-typings";
import { merge, openParts } from "../measure/shards/merge.ts";
import { stagesOfMerge } from "../measure/stages.ts";
import { deliver, measurementOutputs } from "./deliver.ts";
import { interruptible } from "./interrupt.ts";
import { force, quiet, threads } from "./options.ts";
import { progressOf } from "./progress.ts";

export function mergeCommand() {
  return new Command("merge")
    .summary("join the parts of a measurement made in shards")
    .description(
      "Joins what `lossyscope measure --shard i/n --out FOLDER` left to the profile that one run would have given, every figure to the last digit. Runs no model, and needs neither its files nor the text. The parts are only read, and stay where they are.",
    )
    .argument("<part...>", "folders that the shards wrote to, in any order")
    .option("-o, --out <folder>", "writes profile.json and report.html there, and what the plan keeps beside them")
    .option("--json [file]", "writes the profile to a file, or to standard output")
    .option("--report <file>", "writes the report, one HTML file")
    .addOption(force())
    .addOption(threads())
    .addOption(quiet())
    .action(async (folders, { threads, quiet, ...asked }) => {
      const parts = openParts(folders);
      const outputs = measurementOutputs({ ...asked, quiet }, parts.keep);
      await outputs.prepare();
      const progress = progressOf({ quiet });
      progress.announce(stagesOfMerge(parts.parts[0].plan, outputs.paths));
      await interruptible((signal) =>
        merge(parts, { threads, progress, signal, deliver: (measurement) => deliver(measurement, outputs, progress) }),
      );
    });
}
