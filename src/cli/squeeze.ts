/** `lossyscope squeeze MODEL --text PATH…`: how much further a model can be squeezed, and what goes first (METHODS §7). */
import { basename, isAbsolute } from "node:path";
import { type CommandUnknownOpts, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { downloadProgress } from "../library/download.ts";
import { DTYPES, sensitivityAmong, TRIES, triedPoints, writeRequest } from "../library/squeeze.ts";
import { validatePlan } from "../measure/plan.ts";
import { defaultWorkFolder } from "../measure/running/run-folder.ts";
import { budgetNamed, mixableApart, mixedName } from "../measure/squeeze/budget.ts";
import { foreseeSqueezing } from "../measure/squeeze/foresee.ts";
import { percentages, refuseImpossible, SPARED } from "../measure/squeeze/points.ts";
import { measureSqueezing } from "../measure/squeeze/squeeze.ts";
import { announceSqueezing } from "../measure/squeeze/stages.ts";
import { WRITE_FORMATS } from "../measure/squeeze/write.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type Model, requireDecoder } from "../ports/model.ts";
import { SILENT } from "../ports/progress.ts";
import type { Squeezing } from "../profile/squeeze.ts";
import { openModel } from "../references/open.ts";
import { squeezePage } from "../report/squeeze/page.ts";
import { squeezeBlocks, squeezeClaim } from "../report/squeeze/text.ts";
import { factsPlan, withFactOptions } from "./fact-options.ts";
import { formsOf } from "./findings.ts";
import { foretelling, printForesight } from "./foresight.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { named, readingCommand, readingPlan } from "./measuring.ts";
import { atLeast, counts } from "./options.ts";
import { Outputs, placesOf } from "./outputs.ts";
import { optionOf } from "./plan-names.ts";
import { progressOf } from "./progress.ts";

/** What the plan takes for an option that is not given; the help shows it. */
const RECALL = validatePlan({ text: [{ path: "-" }] }).recall;

/** `q4,Q4_K`: names one after the other, of which each option value may hold some. */
const names = (text: string, before: readonly string[] = []): string[] => [
  ...before,
  ...text.split(",").map((one) => one.trim()),
];

/** A reader of ours as one of the command line's. */
const reading =
  <T>(read: (text: string) => T) =>
  (text: string): T => {
    try {
      return read(text);
    } catch (error) {
      if (error instanceof LossyscopeError) throw new InvalidArgumentError(`${error.said}: ${error.next}`);
      throw error;
    }
  };

/** `0.99,0.9` or `128,64`. */
function ranks(text: string): number[] {
  const found = text.split(",").map((one) => Number(one.trim()));
  if (found.every((one) => (one > 0 && one < 1) || (Number.isSafeInteger(one) && one >= 1))) return found;
  throw new InvalidArgumentError("expected shares of energy below 1, or ranks");
}

export function squeezeCommand() {
  return withFactOptions(readingCommand("squeeze"))
    .summary("squeeze a model further, and see what goes first")
    .description(
      "Squeezes the weights of MODEL in several ways, without a copy on the disk, and holds each beside the original on the text, token by token: KL divergence and bits per byte against bits a parameter, the frontier, what goes first. A point that was measured is kept until all are: --resume goes on with the next one.",
    )
    .argument(
      "<model>",
      "folder in the Hugging Face layout, a GGUF file (its path, org/name:Q4_K_M or ollama:NAME), or org/name[@revision] or its address on the Hub",
    )
    .optionsGroup(GROUP.squeezed)
    .option(
      "--try <names,...>",
      `rounding to so many bits (q8 … q2, in each of --groups; q4g32, q4g32a, q4row), GGUF types (Q8_0, Q6_K, Q5_K, Q4_K, Q4_0, Q3_K, Q2_K) (default: ${TRIES.join(",")})`,
      names,
    )
    .option(
      "--groups <sizes,...>",
      "values of a row that share a scale, or row (default: those of 32,64,128 that divide all rows)",
      names,
    )
    .option("--asymmetric", "tries every rounding with zero points as well", false)
    .option(
      "--prune <percent,...>",
      "sets the smallest values of the blocks' matrices to zero: 10,30,50 or 10..70",
      reading(percentages),
    )
    .option("--nm <n:m,...>", "leaves n of every m values of a row: 2:4", names)
    .option("--rank <shares,...>", "keeps so much of each matrix's energy (0.99,0.9), or so many ranks (128)", ranks)
    .option(
      "--calibration <path...>",
      "other text of the same kind: --prune, --nm and --rank are then tried by what the inputs of the matrices are like as well (wanda50, wanda2:4, svdllm0.9)",
    )
    .option("--drop-blocks <n,...>", "leaves out so many blocks, the least harmful first", counts)
    .option("--trim-vocabulary [path...]", "leaves out the tokens that neither the text needs nor the texts named here")
    .option("--also <model...>", "files that somebody else made of this model, as points of their own")
    .addOption(
      new Option("--spare <parts...>", "leaves these as they are at every point")
        .choices(SPARED)
        .default([] as (typeof SPARED)[number][]),
    )
    .option(
      "--sensitivity [name]",
      "squeezes each block and each kind of matrix alone as well (default: the least rounding tried)",
    )
    .option("--bound", "sets the Gaussian yardstick of the weights' error beside the points", false)
    .option(
      "--budget <size>",
      "mixes the types tried, part by part, within so many bits a parameter (4.5) or bytes (90MB)",
      reading(budgetNamed),
    )
    .option("--write <place>", "writes --point as a folder, or as a file that ends in .gguf, and reads it back")
    .option("--point <name>", "the point that --write writes: q4g32, Q4_K, or mixed4.5 of --budget 4.5")
    .addOption(
      new Option(
        "--format <name>",
        "what --write writes: values that transformers reads, codes that compressed-tensors reads, or GGUF (default: by the name)",
      ).choices(WRITE_FORMATS),
    )
    .addOption(
      new Option(
        "--dtype <name>",
        "type of what --write writes as values (default: float32 for what was changed, all else as it is)",
      ).choices(Object.keys(DTYPES) as (keyof typeof DTYPES)[]),
    )
    .optionsGroup(GROUP.measured)
    .addOption(
      new Option("--with <what...>", "asks every point for passages of the text too, as recall does")
        .choices(["recall"])
        .default([] as "recall"[]),
    )
    .option("--prefix <tokens>", "tokens of the prompts of --with recall", atLeast(1), RECALL.prefixes.at(-1)!)
    .option("--length <tokens>", "tokens of the passages", atLeast(1), RECALL.length)
    .option("--passages <n>", "passages to ask for", atLeast(1), RECALL.passages)
    .option("-o, --out <folder>", "writes squeeze.json and report.html there")
    .option("--json [file]", "writes the points to a file, or to standard output")
    .option("--markdown [file]", "writes them as Markdown")
    .option("--report <file>", "writes the report, one HTML file")
    .action(async (name, options, command) => {
      const facts = await factsPlan(options);
      const plan = validatePlan(
        {
          ...readingPlan(options, command.getOptionValueSource("context") === "cli"),
          ...{ facts, with: [...options.with, ...(facts ? ["facts"] : [])] },
          recall: { prefixes: [options.prefix], length: options.length, passages: options.passages },
          ...{ plane: null, geometry: false, baselines: false },
        },
        optionOf,
      );
      const { offline, threads, work = defaultWorkFolder(), resume, spare, bound } = options;
      const outputs = new Outputs<Squeezing>(options, {
        ...formsOf({ blocks: squeezeBlocks, page: squeezePage, line: squeezeClaim }),
        names: { json: "squeeze.json", page: "report.html" },
      });
      await outputs.prepare(options);
      const progress = progressOf(options);
      await interruptible(async (signal) => {
        const open = (one: string) => openModel(one, { offline, signal, onDownload: downloadProgress(progress) });
        const model = await open(name);
        const { spec } = requireDecoder(model, "squeezing");
        const also: Model[] = [];
        for (const one of options.also ?? []) also.push(await open(one));
        const { write, point, budget = null } = options;
        const isMixed = point !== undefined && budget !== null && point === mixedName(budget);
        if ((write === undefined) !== (point === undefined))
          throw new LossyscopeError(
            "usage",
            "--write takes the --point that is written, and the reverse",
            "pass both or neither",
          );
        if (write === undefined && (options.format ?? options.dtype) !== undefined)
          throw new LossyscopeError("usage", "--format and --dtype say how --write writes", "pass --write and --point");
        const calibration = options.calibration ? named(options.calibration) : null;
        const tried = { ...options, patterns: options.nm };
        const all = triedPoints(tried, spec, isMixed ? undefined : point, also.length > 0);
        const { points, mixable } = budget ? mixableApart(all, spec, spare) : { points: all, mixable: [] };
        refuseImpossible(points, spec, spare, calibration !== null);
        const sensitivity = sensitivityAmong(options.sensitivity, points);
        const request = {
          ...{ model, plan, points, also, spared: spare, sensitivity, bound, work, resume, threads, progress, signal },
          ...{ calibration, budget, mixable },
          write:
            write === undefined
              ? null
              : writeRequest({ path: write, point: point!, format: options.format, dtype: options.dtype }),
          keep: Array.isArray(options.trimVocabulary) ? named(options.trimVocabulary) : [],
          outputs: placesOf(options, [...outputs.paths, ...(write === undefined ? [] : [write])]),
          commandOf: (point: string) =>
            again(
              command as unknown as CommandUnknownOpts,
              name,
              point,
              also.some((one) => one.name === point),
            ),
        };
        if (options.dryRun) return printForesight(await foreseeSqueezing(request), outputs.paths, options);
        const onForesight = foretelling(options, outputs.paths, progress);
        if (onForesight) onForesight(await foreseeSqueezing({ ...request, progress: SILENT }));
        announceSqueezing(request, outputs.paths);
        await measureSqueezing({ ...request, deliver: (found) => outputs.deliver(found, progress) });
        outputs.say();
      });
    });
}

/** Options that say what is read, and how: those of them that were given make a point again. */
const READ = ["text", "domain", "field", "splitOn", "limitBytes", "limitDocuments", "sample", "invalidUtf8", "chat"];
const HOW = ["specialTokens", "context", "overlap", "batchTokens", "seed", "spare", "facts", "template", "templates"];
const ASKED = ["limitFacts", "prompts", "with", "prefix", "length", "passages"];

/** As a shell takes it; what is typed absolutely is told by its own name, so that nothing says where it lay. */
function word(value: unknown): string {
  const text = String(value);
  const told = isAbsolute(text) ? basename(text) : text;
  return /^[\w./:=@%+,-]+$/.test(told) ? told : `'${told.replaceAll("'", "'\\''")}'`;
}

function again(command: CommandUnknownOpts, model: string, point: string, isFile: boolean): string {
  const byInputs = /^(?:wanda|svdllm)/.test(point) && !isFile ? ["calibration"] : [];
  const given = [...READ, ...HOW, ...byInputs, ...ASKED].flatMap((key) => {
    if (command.getOptionValueSource(key) !== "cli") return [];
    const option = command.options.find((one) => one.attributeName() === key)!;
    const value = command.getOptionValue(key);
    if (value === true) return [option.long!];
    const values = Array.isArray(value) ? value : [value];
    return option.variadic ? [option.long!, ...values.map(word)] : values.flatMap((one) => [option.long!, word(one)]);
  });
  return ["lossyscope squeeze", word(model), ...given, isFile ? "--also" : "--try", word(point)].join(" ");
}
