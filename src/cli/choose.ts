/** `lossyscope choose PROFILE…`: which model to take, within constraints (METHODS §11). */

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { choose, parseFacts } from "../atlas/choose.ts";
import { waysText } from "../atlas/limits.ts";
import { predict } from "../atlas/predict.ts";
import { ioFault } from "../files/faults.ts";
import { knownLicence } from "../models/ledger-known.ts";
import { counted } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { choiceBlocks } from "../report/atlas/choice.ts";
import { choicePage } from "../report/atlas/pages.ts";
import { loadSet } from "../store/sets.ts";
import { formsOf } from "./findings.ts";
import { GROUP } from "./groups.ts";
import { atlasOption, collect, force, penalty, quantity, seed } from "./options.ts";
import { type Asked, Outputs } from "./outputs.ts";
import { readProfiles } from "./profiles.ts";

export function chooseCommand() {
  return new Command("choose")
    .summary("find which model to take, within constraints")
    .description(
      "Chooses among the models of the profiles: constraints first, then what is dominated by what, the frontier, cost for the profiles' own text, predicted scores, and a recommendation. Where no candidate meets the constraints it says what each misses and which limits would let one through; then the exit code is 3.",
    )
    .argument("<profile...>", "profiles of one text, one a model: files, or folders that --out wrote")
    .optionsGroup(GROUP.chosen)
    .option("--memory <size>", "weights have to fit into so much memory", quantity)
    .option("--bytes <size>", "weights may be so large as stored", quantity)
    .option("--licence <name>", "a licence that is allowed, or `permissive` (repeatable)", collect, [] as string[])
    .addOption(
      new Option("--license <name>", "the same")
        .argParser(collect)
        .default([] as string[])
        .hideHelp(),
    )
    .option("--tokens-per-second <n>", "least speed, as measured with the profile or given in the table", penalty)
    .option("--max-price <price>", "highest price for a million tokens", penalty)
    .option("--price <file>", "table of model, price (a million tokens), and where known licence and tokens_per_second")
    .optionsGroup(GROUP.foreseen)
    .option("--set <name>", "calibration set to foresee scores from")
    .option("--extrapolate", "foresees scores outside the set's range and for other texts, without any claim", false)
    .addOption(atlasOption())
    .option("--seed <n>", "seed of the resampling", seed, 0)
    .option("--report <file>", "writes the choice as a page, one HTML file")
    .option("--json [file]", "writes it to a file, or to standard output")
    .option("--markdown [file]", "writes it as Markdown")
    .addOption(force())
    .action(async (files, options) => {
      const { atlas, extrapolate, seed } = options;
      const outputs = choiceOutputs(options);
      await outputs.prepare();
      const given = await readProfiles(files);
      const table = options.price;
      const facts =
        table === undefined
          ? []
          : parseFacts(
              await readFile(table, "utf8").catch((error) => Promise.reject(ioFault(error, `read ${table}`))),
              basename(table),
            );
      const licences = [...options.licence, ...options.license];
      const choice = choose(
        given,
        facts,
        {
          memoryBytes: options.memory,
          weightBytes: options.bytes,
          licences: licences.length > 0 ? licences : undefined,
          tokensPerSecond: options.tokensPerSecond,
          price: options.maxPrice,
        },
        seed,
        knownLicence,
      );
      const predictions =
        options.set === undefined
          ? null
          : predict(
              await loadSet(options.set, atlas),
              given.map(({ profile }) => profile),
              { seed, extrapolate },
            );
      await outputs.deliver({ choice, predictions });
      if (choice.recommendation === null) {
        const { excluded, nearest } = choice;
        const said = `none of ${counted(excluded.length, "candidate")} meets the constraints`;
        throw new LossyscopeError("threshold", said, waysText(nearest, excluded));
      }
    });
}

interface Chosen {
  readonly choice: ReturnType<typeof choose>;
  readonly predictions: ReturnType<typeof predict> | null;
}

const choiceOutputs = (asked: Asked): Outputs<Chosen> =>
  new Outputs(
    asked,
    formsOf({
      document: ({ choice, predictions }) => ({ ...choice, predictions }),
      blocks: ({ choice, predictions }) => choiceBlocks(choice, predictions),
      page: ({ choice, predictions }) => choicePage(choice, predictions),
    }),
  );
