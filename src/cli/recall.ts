/** `lossyscope recall MODEL --text PATH…`: what comes back of a text, word for word, in gist, or by guessing. */

import { downloadProgress } from "../library/download.ts";
import { dryRun, foresightOf } from "../measure/foresight/foresee.ts";
import { validatePlan } from "../measure/plan.ts";
import { defaultWorkFolder } from "../measure/running/run-folder.ts";
import { stagesOf } from "../measure/stages.ts";
import { atPrecision } from "../ports/model.ts";
import type { Profile } from "../profile/profile.ts";
import { openModel } from "../references/open.ts";
import { headline } from "../report/headline.ts";
import { remembered } from "../report/recall.ts";
import { measureInto, measurementOutputs } from "./deliver.ts";
import { foretelling, printForesight } from "./foresight.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { named, readingCommand, readingPlan } from "./measuring.ts";
import { atLeast, counts, fast, fastPlan, unseenText } from "./options.ts";
import { placesOf } from "./outputs.ts";
import { optionOf } from "./plan-names.ts";
import { progressOf } from "./progress.ts";
import { servedOf, withServedOptions } from "./served-options.ts";

/** What the plan takes for an option that is not given; the help shows it. */
const DEFAULT = validatePlan({ text: [{ path: "-" }] }).recall;

/** What comes back; where nothing could be asked, what the text costs. */
const recallLine = (profile: Profile): string =>
  (profile.recall && remembered(profile.recall)[0]) ?? headline(profile).claim;

export function recallCommand() {
  return withServedOptions(readingCommand("recall"))
    .summary("see what comes back of a text: verbatim, in gist or by guessing")
    .description(
      "Shows MODEL the beginnings of passages of a text it was trained on and compares what it writes with what follows there; says what of it anybody would guess, and how well seen text is told from unseen.",
    )
    .argument(
      "<model>",
      "folder in the Hugging Face layout, a GGUF file (its path, org/name:Q4_K_M or ollama:NAME), org/name[@revision] or its address on the Hub, or the address of a server (http://host:8000/v1)",
    )
    .optionsGroup(GROUP.read)
    .addOption(unseenText())
    .optionsGroup(GROUP.measured)
    .option("--prefix <tokens,...>", "tokens of the prompts", counts, DEFAULT.prefixes)
    .option("--length <tokens>", "tokens of the continuation", atLeast(1), DEFAULT.length)
    .option("--passages <n>", "passages to ask for, at every prefix length", atLeast(1), DEFAULT.passages)
    .addOption(fast())
    .option("-o, --out <folder>", "writes profile.json and report.html there")
    .option("--json [file]", "writes the profile to a file, or to standard output")
    .option("--report <file>", "writes the report, one HTML file")
    .action(async (name, options, command) => {
      const progress = progressOf(options);
      await interruptible(async (signal) => {
        const plan = validatePlan(
          {
            ...readingPlan(options, command.getOptionValueSource("context") === "cli"),
            unseen: named(options.unseen),
            with: ["recall"],
            recall: { prefixes: options.prefix, length: options.length, passages: options.passages },
            plane: null,
            geometry: false,
            ...fastPlan(options),
            baselines: false,
          },
          optionOf,
        );
        const { threads, resume } = options;
        const outputs = measurementOutputs(options, [], [], recallLine);
        await outputs.prepare(options);
        progress.announce(stagesOf(plan, outputs.paths));
        const opened = await openModel(name, {
          offline: options.offline,
          signal,
          onDownload: downloadProgress(progress),
          served: servedOf(options),
        });
        const model = atPrecision(opened, plan.precision);
        const work = options.work ?? defaultWorkFolder();
        const places = placesOf(options, outputs.paths);
        const request = { model, plan, points: null, threads, work, resume, outputs: places, progress, signal };
        if (options.dryRun) {
          const { run, rates } = await dryRun({ ...request, root: work, option: "--work" });
          return printForesight(foresightOf([run], rates), outputs.paths, options);
        }
        await measureInto(outputs, { ...request, onForesight: foretelling(options, outputs.paths, progress) });
      });
    });
}
