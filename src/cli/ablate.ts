/** `lossyscope ablate MODEL --domain NAME=PATH…` or `--concepts SET…`: what taking parts of a model away does to each domain or concept. */
import { Option } from "@commander-js/extra-typings";
import { downloadProgress } from "../library/download.ts";
import { type AblationOptions, FILLS, type Fill, masksOf, measureAblation } from "../measure/ablation/ablation.ts";
import { type ConceptTexts, conceptTexts } from "../measure/ablation/concept-texts.ts";
import { dryRun, foresightOf } from "../measure/foresight/foresee.ts";
import { validatePlan } from "../measure/plan.ts";
import { defaultWorkFolder } from "../measure/running/run-folder.ts";
import { ABLATION_MASKS, ABLATION_SITES, PASS, stagesOfAblation } from "../measure/stages.ts";
import { SITE_KINDS, type SiteKind } from "../models/ablation.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { sum } from "../numeric/sums.ts";
import type { Ablation } from "../profile/ablation.ts";
import type { ForeseenRun } from "../profile/foresight.ts";
import { openModel } from "../references/open.ts";
import { ablationClaim, ablationLines } from "../report/ablation.ts";
import { framed } from "../report/frame.ts";
import { ablationSections } from "../report/sections/ablation.ts";
import { forTerminal, terminalOptions } from "../report/terminal-options.ts";
import { SET_NAMES } from "../text/concept-sets.ts";
import { readConcepts } from "../text/concepts.ts";
import { printForesight } from "./foresight.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { readingCommand, readingPlan } from "./measuring.ts";
import { atLeast, part } from "./options.ts";
import { document, Outputs, placesOf } from "./outputs.ts";
import { optionOf } from "./plan-names.ts";
import { progressOf } from "./progress.ts";

export function ablateCommand() {
  return readingCommand("ablate")
    .summary("take parts of a model away, and see what needs them")
    .description(
      "Finds the MLP units (or heads, or blocks) of MODEL that contribute to one domain of a text, or one concept, more than to the others, replaces what they give by its mean, and measures what that does to each, beside as many other parts that contribute as much. Half of each domain's documents choose the parts, the other half shows the effect.",
    )
    .argument(
      "<model>",
      "folder in the Hugging Face layout, a GGUF file (its path, org/name:Q4_K_M or ollama:NAME), or org/name[@revision] or its address on the Hub",
    )
    .optionsGroup(GROUP.measured)
    .option(
      "--concepts <sets...>",
      `concepts in place of a text's domains: ${SET_NAMES.join(", ")}, or files of concept, text in JSON lines`,
    )
    .addOption(new Option("--sites <what>", "what is taken away").choices([...SITE_KINDS]).default("units" as SiteKind))
    .option("--share <size>", "part of all of them that is taken away of each domain", part, 0.01)
    .option("--draws <n>", "draws of matched parts that each is held against", atLeast(5), 20)
    .addOption(
      new Option("--fill <what>", "what stands in the stead of what is taken away")
        .choices([...FILLS])
        .default("mean" as Fill),
    )
    .option("-o, --out <folder>", "writes ablation.json and ablation.html there")
    .option("--json [file]", "writes the figures to a file, or to standard output")
    .option("--report <file>", "writes the report, one HTML file")
    .action(async (name, options, command) => {
      const progress = progressOf(options);
      await interruptible(async (signal) => {
        if (options.concepts && options.text.length + options.domain.length > 0)
          throw new LossyscopeError(
            "usage",
            "effects are compared between the domains of a text or between concepts",
            "leave out one of --concepts and --text or --domain",
          );
        // The sets are the text.
        const read = { ...options, text: options.concepts ?? options.text };
        const plan = validatePlan(
          {
            ...readingPlan(read, command.getOptionValueSource("context") === "cli"),
            plane: null,
            geometry: false,
            baselines: false,
          },
          optionOf,
        );
        const outputs = new Outputs<Ablation>(options, {
          text: forPeople,
          line: ablationClaim,
          json: document,
          page: pageOf,
          names: { json: "ablation.json", page: "ablation.html" },
        });
        await outputs.prepare(options);
        progress.announce(stagesOfAblation(outputs.paths));
        const { offline, threads, resume } = options;
        const model = await openModel(name, { offline, signal, onDownload: downloadProgress(progress) });
        const work = options.work ?? defaultWorkFolder();
        const ablation: AblationOptions = {
          sites: options.sites as SiteKind,
          share: options.share,
          draws: options.draws,
          fill: options.fill as Fill,
        };
        const concepts = options.concepts
          ? conceptTexts(await readConcepts(options.concepts, plan.seed), plan.seed)
          : null;
        const given = {
          model,
          plan,
          points: null,
          threads,
          outputs: placesOf(options, outputs.paths),
          progress,
          signal,
        };
        if (options.dryRun) {
          const { run, rates } = await dryRun({
            ...given,
            ...(concepts && { given: concepts.sources }),
            root: work,
            option: "--work",
          });
          return printForesight(
            foresightOf([foreseen(run, domainsOf(plan.text, concepts), ablation.draws)], rates),
            outputs.paths,
            options,
          );
        }
        const found = await measureAblation({ ...given, ablation, concepts, work, resume });
        await outputs.deliver(found, progress);
        outputs.say();
      });
    });
}

/** As many as are named, two at least. */
const domainsOf = (text: readonly { readonly domain: string | null }[], concepts: ConceptTexts | null): number =>
  concepts ? concepts.names.length : Math.max(2, new Set(text.map(({ domain }) => domain)).size);

/** Half of the text is seen once, the other half under every mask. */
function foreseen(run: ForeseenRun, domains: number, draws: number): ForeseenRun {
  const pass = run.stages.find(({ label }) => label === PASS)?.seconds ?? 0;
  const stages = [
    { label: ABLATION_SITES, seconds: pass / 2 },
    { label: ABLATION_MASKS, seconds: (pass / 2) * masksOf(domains, draws) },
  ];
  return {
    ...run,
    stages,
    seconds: run.seconds === null ? null : sum(stages.map(({ seconds }) => seconds)),
    missing: [],
  };
}

function pageOf(found: Ablation): string {
  const kind = `${found.sites} of ${found.model} taken away, on ${found.corpus}`;
  return framed(kind, `${found.model}: parts taken away`, ablationClaim(found), [], ablationSections(found));
}

function forPeople(found: Ablation): string {
  const terminal = terminalOptions(process.stdout, process.env);
  const lines = ablationLines(found, terminal.width).map((line) => `${line}\n`);
  return forTerminal(lines.join(""), terminal);
}
