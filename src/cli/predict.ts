/** `lossyscope predict PROFILE… --set NAME`: what a measured model will score, with intervals (METHODS §10). */
import { Command } from "@commander-js/extra-typings";
import { isForeseenBy, nothingForeseen, predict } from "../atlas/predict.ts";
import { type Named, requireDistinct } from "../atlas/text.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { predictionBlocks } from "../report/atlas/prediction.ts";
import { loadSet, setNames } from "../store/sets.ts";
import { formsOf } from "./findings.ts";
import { GROUP } from "./groups.ts";
import { atlasOption, force, penalty, seed } from "./options.ts";
import { Outputs } from "./outputs.ts";
import { readProfiles } from "./profiles.ts";

export function predictCommand() {
  return new Command("predict")
    .summary("foresee scores from a profile and a calibration set")
    .description(
      "Predicts what the models of the profiles score, from the calibration set NAME: 90 % intervals by leaving out whole families, with the coverage such intervals had on families held out.",
    )
    .argument("<profile...>", "files that `lossyscope measure --json` wrote, or folders that --out wrote")
    .optionsGroup(GROUP.foreseen)
    .requiredOption("--set <name>", "calibration set (`lossyscope atlas` lists them)")
    .option("--area <name...>", "areas to predict (default: all)")
    .option("--predictors <name...>", "predictors in place of the set's own")
    .option("--ridge <penalty>", "penalty on standardised slopes in place of the set's own", penalty)
    .option("--extrapolate", "predicts outside the set's range and for other texts, without any claim", false)
    .addOption(atlasOption())
    .option("--seed <n>", "seed of the resampling", seed, 0)
    .option("--json [file]", "writes the predictions to a file, or to standard output")
    .option("--markdown [file]", "writes them as Markdown")
    .addOption(force())
    .action(async (files, { set: name, area, predictors, ridge, extrapolate, atlas, seed, ...asked }) => {
      const outputs = new Outputs(asked, formsOf({ blocks: predictionBlocks }));
      await outputs.prepare();
      const given = await readProfiles(files);
      requireDistinct(given);
      const found = predict(
        await loadSet(name, atlas),
        given.map(({ profile }) => profile),
        { areas: area, predictors, ridge, extrapolate, seed },
      );
      await outputs.deliver(found);
      const reasons = nothingForeseen(found);
      if (reasons !== null)
        throw new LossyscopeError(
          "input",
          `nothing is foreseen from ${name}: ${reasons}`,
          await otherWays(given, atlas),
        );
    });
}

/** The sets that foresee something of one of the models, or what else there is to do. */
async function otherWays(given: readonly Named[], atlas: string): Promise<string> {
  const sets = await Promise.all((await setNames(atlas)).map(({ name }) => loadSet(name, atlas)));
  const fitting = sets.filter((set) => given.some(({ profile }) => isForeseenBy(set, profile)));
  return fitting.length > 0
    ? `pass --set ${fitting.map(({ name }) => name).join(" or ")}`
    : "no set of the atlas fits; make one of your own with `lossyscope atlas add`, or pass --extrapolate, which claims nothing";
}
