/** `lossyscope compare PROFILE PROFILE…`: models on one text, and where they differ (METHODS §12). */
import { Command } from "@commander-js/extra-typings";
import { compare, withSimilarities } from "../atlas/compare.ts";
import { type SimilarityOptions, similarities } from "../atlas/similarity.ts";
import { labelsOf, type Named } from "../atlas/text.ts";
import { writeAtomic } from "../files/atomic.ts";
import { comparisonBlocks } from "../report/atlas/comparison.ts";
import { comparisonPage } from "../report/atlas/pages.ts";
import { createProgress } from "../report/progress.ts";
import { hand } from "./findings.ts";
import { interruptible } from "./interrupt.ts";
import { seed } from "./options.ts";
import { readProfiles } from "./profiles.ts";

export function compareCommand() {
  return new Command("compare")
    .summary("compares models on one text, and shows where they differ")
    .description(
      "Compares the models of the profiles with the first one: bits per byte with a paired bootstrap, by domain, the documents and passages where they differ most, and, where `measure --keep states --out DIR` left the states beside the profiles, how alike their layers are (linear CKA). The tokenizers may differ; the text may not.",
    )
    .argument("<profile...>", "two or more profiles of one text; the first is the baseline")
    .option("--common", "leaves out documents that a profile lacks", false)
    .option("--seed <n>", "seed of the resampling", seed, 0)
    .option("--report <file>", "writes the comparison as a page, one HTML file")
    .option("--json [file]", "writes it to a file, or to standard output")
    .option("--markdown [file]", "writes it as Markdown")
    .option("--quiet", "no progress", false)
    .action(async (files, { common, seed, report, json, markdown, quiet }) => {
      const given = await readProfiles(files);
      const found = withSimilarities(compare(given, { seed, common }), await layersAlike(given, quiet));
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

async function layersAlike(given: readonly Named[], quiet: boolean): ReturnType<typeof similarities> {
  const progress = createProgress(process.stderr, { quiet });
  const labels = labelsOf(given);
  const onProgress: SimilarityOptions["onProgress"] = (pair, done, total) => {
    if (done === 0) progress.start(`comparing layers of ${labels[pair + 1]}`, total, "products");
    progress.update(done);
  };
  try {
    return await interruptible((signal) => similarities(given, { signal, onProgress }));
  } finally {
    progress.finish();
  }
}
