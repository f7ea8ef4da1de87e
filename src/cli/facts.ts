/** `lossyscope facts MODEL --facts FILE`: what a model knows, what it makes up, and whether it knows the difference. */
import { Command } from "@commander-js/extra-typings";
import { timedTrial } from "../engines/trial.ts";
import { downloadProgress } from "../library/download.ts";
import { measureFacts } from "../measure/facts/facts.ts";
import { askingCosts } from "../measure/foresight/costs.ts";
import { foreseenAsking, foresightOf } from "../measure/foresight/foresee.ts";
import { readPlannedFacts } from "../measure/prepare.ts";
import { stagesOfFacts } from "../measure/stages.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { atPrecision } from "../ports/model.ts";
import { openModel } from "../references/open.ts";
import { factLines, knownClaim } from "../report/facts.ts";
import { framed } from "../report/frame.ts";
import { factsSection } from "../report/sections/facts.ts";
import { forTerminal, terminalOptions } from "../report/terminal-options.ts";
import { factsPlan, withFactOptions } from "./fact-options.ts";
import { dryRunOption, foretelling, printForesight } from "./foresight.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { fast, fastPlan, force, quiet, seed, threads } from "./options.ts";
import { document, Outputs } from "./outputs.ts";
import { progressOf } from "./progress.ts";
import { servedOf, withServedOptions } from "./served-options.ts";

export function factsCommand() {
  return withServedOptions(withFactOptions(new Command("facts")))
    .summary("ask what a model knows of given facts, and what it makes up")
    .description(
      "Asks MODEL for facts: how probable it finds each value that a relation can have, and what it answers by itself; by how often training told the fact, with its own confidence beside it and the bits that its weights keep.",
    )
    .argument(
      "<model>",
      "folder in the Hugging Face layout, a GGUF file (its path, org/name:Q4_K_M or ollama:NAME), org/name[@revision] or its address on the Hub, or the address of a server (http://host:8000/v1)",
    )
    .optionsGroup(GROUP.measured)
    .addOption(fast())
    .addOption(threads())
    .option("--seed <n>", "seed of the sample and the resampling", seed, 0)
    .option("--no-text", "leaves the examples out")
    .option("-o, --out <folder>", "writes facts.json and facts.html there")
    .option("--json [file]", "writes the figures to a file, or to standard output")
    .option("--report <file>", "writes the report, one HTML file")
    .addOption(force())
    .addOption(dryRunOption())
    .option("--offline", "downloads nothing", false)
    .addOption(quiet())
    .action(async (name, options) => {
      const { offline, quiet } = options;
      const plan = await factsPlan(options);
      if (plan === null) throw new LossyscopeError("usage", "no facts to ask for", "pass --facts FILE");
      const progress = progressOf({ quiet });
      const outputs = new Outputs<Asked>(options, {
        text: forPeople,
        line: ({ facts }) => knownClaim(facts),
        json: ({ model, revision, facts }) => document({ model, revision, facts }),
        page: pageOf,
        names: { json: "facts.json", page: "facts.html" },
      });
      await outputs.prepare(options);
      await interruptible(async (signal) => {
        const set = await readPlannedFacts(plan, options.seed);
        progress.announce(stagesOfFacts(outputs.paths));
        const opened = await openModel(name, {
          offline,
          signal,
          onDownload: downloadProgress(progress),
          served: servedOf(options),
        });
        const model = atPrecision(opened, fastPlan(options).precision);
        const tokenizer = await model.tokenizer();
        const machine = { model, threads: options.threads, seed: options.seed };
        const onForesight = foretelling(options, outputs.paths, progress);
        if (options.dryRun || onForesight) {
          const rates = await timedTrial(model.width, { threads: options.threads, signal });
          const foresight = foresightOf([foreseenAsking(machine, set, tokenizer, rates)], rates);
          if (options.dryRun) return printForesight(foresight, outputs.paths, options);
          onForesight?.(foresight);
          if (!model.served) progress.expect(askingCosts(machine, { facts: set, tokenizer }, rates));
        }
        const facts = await measureFacts({
          model,
          facts: set,
          threads: options.threads,
          seed: options.seed,
          keepText: options.text,
          progress,
          signal,
        });
        await outputs.deliver({ model: model.name, revision: model.revision, facts, set: set.name }, progress);
        outputs.say();
      });
    });
}

interface Asked {
  readonly model: string;
  readonly revision: string | null;
  readonly facts: Awaited<ReturnType<typeof measureFacts>>;
  /** name of the set of facts */
  readonly set: string;
}

function pageOf({ model, facts, set }: Asked): string {
  const kind = `${model} asked for the facts of ${set}`;
  return framed(kind, `${model}: facts`, knownClaim(facts), [], [factsSection(facts)!]);
}

function forPeople({ facts }: Asked): string {
  const terminal = terminalOptions(process.stdout, process.env);
  const lines = factLines(facts, terminal.width).map((line) => `${line}\n`);
  return forTerminal(lines.join(""), terminal);
}
