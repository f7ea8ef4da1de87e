/** `lossyscope atlas`: the calibration sets that scores are predicted from: list, fit, add. */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { type OwnSet, ownSet } from "../atlas/add.ts";
import { fitArea } from "../atlas/fit.ts";
import { rivalry } from "../atlas/rivals.ts";
import type { GivenName } from "../atlas/score-names.ts";
import { parseScores } from "../atlas/scores.ts";
import type { CalibrationSet } from "../atlas/sets.ts";
import { ioFault } from "../files/faults.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { fitBlocks, setsBlocks } from "../report/atlas/fit.ts";
import { fitPage } from "../report/atlas/pages.ts";
import { text } from "../report/findings.ts";
import { profilesIn } from "../store/profiles.ts";
import { loadSet, requireFree, setNames, storeSet } from "../store/sets.ts";
import { formsOf } from "./findings.ts";
import { GROUP } from "./groups.ts";
import { atlasOption, collect, force, penalty, seed } from "./options.ts";
import { Outputs } from "./outputs.ts";

export function atlasCommand() {
  return new Command("atlas")
    .summary("list calibration sets: what predicts scores, and how well")
    .description("Lists the calibration sets: the published ones of the package and your own.")
    .enablePositionalOptions()
    .optionsGroup(GROUP.read)
    .addOption(atlasOption())
    .option("--json [file]", "writes the list to a file, or to standard output")
    .addOption(force())
    .action(async ({ atlas, ...asked }) => {
      const outputs = new Outputs(asked, formsOf({ document: listed, blocks: setsBlocks }));
      await outputs.prepare();
      await outputs.deliver(await Promise.all((await setNames(atlas)).map(({ name }) => loadSet(name, atlas))));
    })
    .addCommand(fitCommand())
    .addCommand(addCommand());
}

const listed = (sets: readonly CalibrationSet[]) =>
  sets.map(({ rows, ...set }) => ({ ...set, models: new Set(rows.map(({ model }) => model)).size }));

function fitCommand() {
  return new Command("fit")
    .summary("fit the scores of a set, and say how well they are foreseen")
    .description(
      "Fits the scores of SET: r, ρ, partial r given ln parameters, RMS error on models and families not seen, measured coverage, and the smallest r that could be told from zero.",
    )
    .argument("<set>", "name of a calibration set")
    .optionsGroup(GROUP.foreseen)
    .option("--area <name...>", "areas to fit (default: all)")
    .option("--predictors <name...>", "predictors to fit in place of the set's own")
    .option("--ridge <penalty>", "penalty on standardised slopes in place of the set's own", penalty)
    .option("--rank", "sets all predictors beside each other, on the same models", false)
    .addOption(atlasOption())
    .option("--seed <n>", "seed of the resampling", seed, 0)
    .option("--report <file>", "writes the fits as a page with their pictures, one HTML file")
    .option("--json [file]", "writes the fits to a file, or to standard output")
    .option("--markdown [file]", "writes them as Markdown")
    .addOption(force())
    .action(async (name, { area, predictors, ridge, rank, atlas, seed, ...asked }) => {
      const set = await loadSet(name, atlas);
      const outputs = new Outputs(
        asked,
        formsOf<Fitted>({
          document: ({ fits, rivalries }) => ({ set: name, fits, ...(rank && { rivalries }) }),
          blocks: ({ fits, rivalries }) => fitBlocks(set, fits, rivalries),
          page: ({ fits, rivalries }) => fitPage(set, fits, rivalries),
        }),
      );
      await outputs.prepare();
      const fits = (area ?? Object.keys(set.areas)).map((one) => fitArea(set, one, { predictors, ridge, seed }));
      const rivalries = rank ? fits.map((fit) => rivalry(set, fit.area, seed)) : [];
      await outputs.deliver({ fits, rivalries });
    });
}

interface Fitted {
  readonly fits: readonly ReturnType<typeof fitArea>[];
  readonly rivalries: readonly ReturnType<typeof rivalry>[];
}

function addCommand() {
  return new Command("add")
    .summary("make a set of your own from profiles and scores")
    .description(
      "Makes the calibration set NAME from profiles of one text and what the same models scored: tables with the columns model, benchmark, score, and where known stderr and family, or result files of lm-evaluation-harness.",
    )
    .argument("<name>", "name of the new set")
    .optionsGroup(GROUP.read)
    .requiredOption("--profiles <folder>", "folder of the profiles: a .json a model, or a folder that --out wrote")
    .requiredOption("--scores <file...>", "tables (.csv) and result files of lm-evaluation-harness (.json)")
    .option(
      "--name <profile=score>",
      "the model of a profile that the scores call otherwise: by a name, a path, or their file (repeatable)",
      collect,
      [] as string[],
    )
    .addOption(atlasOption())
    .option("--json [file]", "writes the set's description to a file, or to standard output")
    .option("--force", "replaces your set of that name, and a file that is there", false)
    .action(async (name, { profiles, scores, name: names, atlas, ...asked }) => {
      const outputs = new Outputs(
        asked,
        formsOf<OwnSet>({
          document: ({ description }) => description,
          blocks: ({ notes }) => [text(`Set ${name} in ${join(atlas, name)}.`), ...notes.map(text)],
        }),
      );
      await outputs.prepare();
      await requireFree(name, atlas, asked.force);
      const read = async (file: string) =>
        parseScores(
          await readFile(file, "utf8").catch((error) => Promise.reject(ioFault(error, `read ${file}`))),
          basename(file),
        );
      const set = ownSet(
        name,
        await profilesIn(profiles),
        (await Promise.all(scores.map(read))).flat(),
        names.map(givenName),
      );
      await storeSet(set, atlas, asked.force);
      await outputs.deliver(set);
    });
}

function givenName(entry: string): GivenName {
  const cut = entry.indexOf("=");
  if (cut < 1 || cut === entry.length - 1) {
    throw new LossyscopeError(
      "usage",
      `--name ${entry} is not PROFILE=SCORE`,
      "write --name org/model=/path/in/the/scores",
    );
  }
  return { name: entry.slice(0, cut), written: entry.slice(cut + 1) };
}
