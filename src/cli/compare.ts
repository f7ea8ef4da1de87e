/** `lossyscope compare PROFILE PROFILE…`: models on one text, and where they differ (METHODS §12). */
import { Command } from "@commander-js/extra-typings";
import { compare } from "../atlas/compare.ts";
import { writeAtomic } from "../files/atomic.ts";
import { comparisonBlocks } from "../report/atlas/comparison.ts";
import { comparisonPage } from "../report/atlas/pages.ts";
import { hand } from "./findings.ts";
import { seed } from "./options.ts";
import { readProfiles } from "./profiles.ts";

export function compareCommand() {
  return new Command("compare")
    .summary("compares models on one text, and shows where they differ")
    .description(
      "Compares the models of the profiles with the first one: bits per byte with a paired bootstrap, by domain, the documents and passages where they differ most. The tokenizers may differ; the text may not.",
    )
    .argument("<profile...>", "two or more profiles of one text; the first is the baseline")
    .option("--common", "leaves out documents that a profile lacks", false)
    .option("--seed <n>", "seed of the resampling", seed, 0)
    .option("--report <file>", "writes the comparison as a page, one HTML file")
    .option("--json [file]", "writes it to a file, or to standard output")
    .option("--markdown [file]", "writes it as Markdown")
    .action(async (files, { common, seed, report, json, markdown }) => {
      const given = await readProfiles(files);
      const found = compare(given, { seed, common });
      if (report !== undefined)
        await writeAtomic(
          report,
          comparisonPage(
            found,
            given.map(({ profile }) => profile),
          ),
        );
      await hand(found, comparisonBlocks(found), { json, markdown });
    });
}
