/** `lossyscope measure MODEL --text PATH…`: the main command. Parses, calls `measure/`, prints and writes. */
import { Option } from "@commander-js/extra-typings";
import { downloadProgress } from "../library/download.ts";
import { dryRun, foresightOf } from "../measure/foresight/foresee.ts";
import { settlePrecision } from "../measure/precision.ts";
import { defaultWorkFolder } from "../measure/running/run-folder.ts";
import { measureShard, refuseUnshared } from "../measure/shards/shard.ts";
import { stagesOf, stagesOfShard } from "../measure/stages.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { atPrecision } from "../ports/model.ts";
import { PRECISIONS } from "../profile/precision.ts";
import type { ServedOptions } from "../references/endpoint.ts";
import { openModel } from "../references/open.ts";
import { SET_NAMES } from "../text/concept-sets.ts";
import { measureInto, measurementOutputs } from "./deliver.ts";
import { factsPlan, withFactOptions } from "./fact-options.ts";
import { foretelling, printForesight } from "./foresight.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { likeOption, likePlan, measuringCommand, named, readPlan } from "./measuring.ts";
import { atLeast, modelName, quantity, shard, unseenText } from "./options.ts";
import { oneLine } from "./output.ts";
import { placesOf } from "./outputs.ts";
import { progressOf } from "./progress.ts";
import { servedOf, withServedOptions } from "./served-options.ts";

export function measureCommand() {
  return withServedOptions(withFactOptions(measuringCommand("measure")))
    .summary("measure a model on a text: the compression profile")
    .description(
      "Measures how small MODEL makes a text, what its weights cost, what every layer keeps of its input and knows of what comes next, and the shape of the space.",
    )
    .argument(
      "<model>",
      "folder in the Hugging Face layout, a GGUF file (its path, org/name:Q4_K_M or ollama:NAME), org/name[@revision] or its address on the Hub, or the address of a server (http://host:8000/v1)",
    )
    .optionsGroup(GROUP.read)
    .addOption(unseenText())
    .optionsGroup(GROUP.model)
    .option(
      "--reference <model>",
      "also reads the text with that model beside it, token by token: how far MODEL is from it",
    )
    .option("--name <name>", "what the profile calls the model (default: the folder's name, or org/name)", modelName)
    .option("--training-tokens <n>", "tokens the model was trained on", quantity)
    .option("--training-bytes <n>", "bytes the model was trained on", quantity)
    .optionsGroup(GROUP.measured)
    .addOption(
      new Option("--with <what...>", "measures that too")
        .choices(["next-token", "spread", "sharing", "recall", "facts"])
        .default([] as string[]),
    )
    .addOption(likeOption())
    .option(
      "--pairs <file>",
      "which of two completions costs less, and what layers tell of it: prompt, chosen, rejected in JSON lines",
    )
    .option("--limit-pairs <n>", "pairs at most, drawn by seed; 0: all", atLeast(0), 1024)
    .option(
      "--concepts <sets...>",
      `how concepts lie in every layer: ${SET_NAMES.join(", ")}, or files of concept, text in JSON lines`,
    )
    .addOption(
      new Option(
        "--precision <how>",
        "exact; sliced or int8: products by two whole numbers of 8 bits a value, or by one, where a trial finds that they pay; fast: what meets codes of weights (GGUF) is rounded to 8 bits, as llama.cpp does. What it costs is measured",
      )
        .choices(["exact", ...PRECISIONS])
        .default("exact" as const),
    )
    .option("--fast", "the same as --precision fast", false)
    .option("--no-trial", "takes --precision sliced or int8 even where exact products are faster on this machine")
    .option(
      "--stream-weights",
      "holds one block of the weights at a time, slowly; by itself where the model does not fit into memory",
      false,
    )
    .option("--entropy", "reads all weights and adds their entropy-coded size", false)
    .addOption(
      new Option("--keep <what...>", "writes per-token losses or reservoir states beside the profile")
        .choices(["losses", "states"])
        .default([] as string[]),
    )
    .option("--shard <i/n>", "measures a share of the plan and leaves a part in --out, for `lossyscope merge`", shard)
    .option("-o, --out <folder>", "writes profile.json and report.html there")
    .option("--json [file]", "writes the profile to a file, or to standard output")
    .option("--report <file>", "writes the report, one HTML file")
    .option("--store <place>", "also puts the profile into a store: a folder, or postgres://… (`lossyscope store`)")
    .action(async (name, options, command) => {
      const progress = progressOf(options);
      await interruptible(async (signal) => {
        const { plan, points } = await readPlan(options, command.getOptionValueSource("context") === "cli", {
          ...likePlan(options),
          ...precisionPlan(options),
          entropy: options.entropy,
          trainingTokens: options.trainingTokens ?? null,
          trainingBytes: options.trainingBytes ?? null,
          keep: options.keep,
          with: options.with,
          unseen: named(options.unseen),
          facts: await factsPlan(options),
          ...(options.concepts && { concepts: options.concepts }),
          ...(options.pairs !== undefined && { pairs: { path: options.pairs, limit: options.limitPairs || null } }),
        });
        const { threads, resume } = options;
        // Of a dry run `--json` is the foresight's.
        const json = options.dryRun && options.json === true ? undefined : options.json;
        if (options.reference !== undefined) refuseReadOnce(options.text);
        const share = options.shard && { shard: options.shard, out: placeOfPart({ ...options, json }) };
        const outputs = measurementOutputs(options, options.keep);
        if (!share) await outputs.prepare(options);
        const beside = options.reference !== undefined;
        progress.announce(share ? stagesOfShard(plan, share.shard.index === 1) : stagesOf(plan, outputs.paths, beside));
        const open = (called: string, served?: ServedOptions) =>
          openModel(called, { offline: options.offline, signal, onDownload: downloadProgress(progress), served });
        const opened = await open(name, servedOf(options));
        const own = { ...opened, name: options.name ?? opened.name };
        const reference = options.reference === undefined ? undefined : await open(options.reference);
        const places = placesOf(options, outputs.paths);
        const context = { threads, progress, signal };
        const { settled, ...computed } =
          share || options.dryRun
            ? { model: atPrecision(own, plan.precision), plan, settled: null }
            : await settlePrecision({ model: own, plan, tries: options.trial, ...context });
        const streaming = options.streamWeights ? ("always" as const) : ("if needed" as const);
        const request = { ...computed, reference, points, resume, streaming, outputs: places, ...context };
        if (options.dryRun) {
          if (share) refuseUnshared(request);
          const [root, option] = share
            ? ([share.out, "--out"] as const)
            : ([options.work ?? defaultWorkFolder(), "--work"] as const);
          const { run, rates } = await dryRun({ ...request, shard: share?.shard, root, option });
          return printForesight(foresightOf([run], rates), share ? [] : outputs.paths, options);
        }
        const onForesight = foretelling(options, share ? [] : outputs.paths, progress);
        if (share) {
          const part = await measureShard({ ...request, ...share, onForesight, replace: options.force });
          if (options.quiet) process.stdout.write(oneLine(part));
          else process.stderr.write(`wrote ${part}\n`);
          return;
        }
        await measureInto(
          outputs,
          { ...request, settled, onForesight, work: options.work ?? defaultWorkFolder() },
          options.store,
        );
      });
    });
}

/** A plan says nothing of what is exact. */
function precisionPlan({ precision, fast }: { readonly precision: string; readonly fast: boolean }) {
  const kind = fast ? "fast" : precision;
  return kind === "exact" ? {} : { precision: kind };
}

/** @throws LossyscopeError `usage` where the text can be read once alone: the reference reads it in tokens of its own */
function refuseReadOnce(text: readonly string[]): void {
  if (text.includes("-"))
    throw new LossyscopeError("usage", "standard input can be read once, not for the reference too", "pass a file");
}

/** @throws LossyscopeError `usage` where a shard is asked for what only the whole measurement has */
function placeOfPart({ out, json, report, work, store }: Readonly<Partial<Record<string, unknown>>>): string {
  if (store !== undefined)
    throw new LossyscopeError(
      "usage",
      "a shard has no profile for --store",
      "add the merged one with lossyscope store add",
    );
  const [not] = Object.entries({ json, report, work }).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (not === "work") {
    throw new LossyscopeError("usage", "a shard works in the folder of its part", "leave out --work");
  }
  if (not !== undefined) {
    throw new LossyscopeError("usage", `a shard has no profile for --${not}`, `pass --${not} to lossyscope merge`);
  }
  if (out === undefined) throw new LossyscopeError("usage", "a shard leaves a part", "say where with --out");
  return String(out);
}
