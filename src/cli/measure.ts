/** `lossyscope measure MODEL --text PATH…`: the main command. Parses, calls `measure/`, prints and writes. */
import { Command, Option } from "@commander-js/extra-typings";
import { sha256File } from "../files/digest.ts";
import { measure } from "../measure/measure.ts";
import { openModel } from "../measure/model.ts";
import { validatePlan } from "../measure/plan.ts";
import { readPoints } from "../measure/points.ts";
import { defaultWorkFolder } from "../measure/run-folder.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { createProgress } from "../report/progress.ts";
import { deliver, prepareDelivery } from "./deliver.ts";
import { downloadProgress } from "./download.ts";
import { interruptible } from "./interrupt.ts";
import { atLeast, collect, quantity, seed, threads } from "./options.ts";

function domains(named: readonly string[]): { path: string; domain: string }[] {
  return named.map((entry) => {
    const cut = entry.indexOf("=");
    if (cut < 1 || cut === entry.length - 1) {
      throw new LossyscopeError("usage", `--domain ${entry} is not NAME=PATH`, "write --domain news=articles/");
    }
    return { path: entry.slice(cut + 1), domain: entry.slice(0, cut) };
  });
}

function temperature(text: string): unknown {
  return /^[\d.]/.test(text) ? Number(text) : text;
}

/** `--text` names the input and `--no-text` the output: the second goes under a name of its own. */
class NoText extends Option<"--no-text"> {
  override attributeName(): string {
    return "keepText";
  }
}
const NO_TEXT = new NoText("--no-text", "leaves all text out of the profile") as unknown as Option<"--no-keep-text">;

/** What the plan takes for an option that is not given; the help shows it. */
const DEFAULT = validatePlan({ text: [{ path: "-" }] });
const PLANE = DEFAULT.plane!;
const FRONTIER = PLANE.frontier!;

export function measureCommand() {
  return new Command("measure")
    .summary("measure a model on a text: the compression profile")
    .description(
      "Measures how small MODEL makes a text, what its weights cost, what every layer keeps of its input and knows of what comes next, and the shape of the space.",
    )
    .argument("<model>", "folder in the Hugging Face layout, or org/name[@revision] from the Hub")
    .option("--text <path...>", "files, folders, or - for standard input", [] as string[])
    .option("--domain <name=path>", "text under a domain of its own (repeatable)", collect, [] as string[])
    .option("--field <name>", "field of JSON records that holds the text (default: text, else content)")
    .option(
      "--label <field>",
      "field of JSON records to use as a label of the plane (repeatable)",
      collect,
      [] as string[],
    )
    .option("--split-on <regex>", "cuts plain files into documents")
    .option("--limit-bytes <size>", "reads at most so much text", quantity)
    .option("--limit-documents <n>", "reads at most so many documents", atLeast(1))
    .option("--sample", "takes the limited number of documents from the whole text, by seed", false)
    .addOption(
      new Option("--invalid-utf8 <how>", "what to do with bytes that are no text")
        .choices(["error", "replace"])
        .default(DEFAULT.invalidUtf8),
    )
    .option("--special-tokens", "reads special tokens written in the text as control tokens", false)
    .option("--context <tokens>", "window length, prefix included", atLeast(2), DEFAULT.context.tokens)
    .option(
      "--overlap <tokens>",
      "tokens that a later window re-reads as context (default: half the window)",
      atLeast(0),
    )
    .option("--batch-tokens <n>", "tokens that go through the model together", atLeast(1), DEFAULT.batchTokens)
    .addOption(threads())
    .option("--seed <n>", "seed of everything random", seed, DEFAULT.seed)
    .option("--points <m>", "reference points of the plane", atLeast(2), PLANE.points)
    .option("--reference-points <file>", "safetensors file with the reference points W [m,d]")
    .option(
      "--reference-seeds <n>",
      "draws of the reference points; further ones show the spread",
      atLeast(1),
      PLANE.draws,
    )
    .option("--temperature <rule>", "bound, exact, leading-order, or a number", String(PLANE.temperature))
    .option("--all-positions", "takes each order's own positions", false)
    .option("--pre-norm", "takes the last layer before the final norm", false)
    .option("--no-plane", "skips the information plane")
    .option("--no-frontier", "skips the information-bottleneck frontier of the corpus")
    .option(
      "--frontier-vocabulary <k>",
      "most frequent tokens that the frontier keeps apart",
      atLeast(2),
      FRONTIER.vocabulary,
    )
    .option("--no-geometry", "skips the geometry")
    .option("--no-baselines", "skips the other compressors")
    .addOption(new Option("--like <tool>", "also says what another tool would report").choices(["lm-eval"]))
    .option("--entropy", "reads all weights and adds their entropy-coded size", false)
    .option("--training-tokens <n>", "tokens the model was trained on", quantity)
    .option("--training-bytes <n>", "bytes the model was trained on", quantity)
    .addOption(
      new Option("--keep <what...>", "writes per-token losses or reservoir states beside the profile")
        .choices(["losses", "states"])
        .default([] as string[]),
    )
    .addOption(NO_TEXT)
    .option("-o, --out <folder>", "writes profile.json and report.html there")
    .option("--json [file]", "writes the profile to a file, or to standard output")
    .option("--report <file>", "writes the report, one HTML file")
    .option("--work <folder>", "where a run keeps what it needs while it goes on")
    .option("--resume", "goes on with a stopped run", false)
    .option("--offline", "downloads nothing", false)
    .option("--quiet", "no progress", false)
    .action(async (name, options, command) => {
      const progress = createProgress(process.stderr, { quiet: options.quiet });
      await interruptible(async (signal) => {
        const points = options.referencePoints ? await readPoints(options.referencePoints, sha256File) : null;
        const plan = validatePlan({
          text: [...options.text.map((path) => ({ path, domain: null })), ...domains(options.domain)],
          field: options.field ?? null,
          splitOn: options.splitOn ?? null,
          labels: options.label,
          limitBytes: options.limitBytes ?? null,
          limitDocuments: options.limitDocuments ?? null,
          sample: options.sample,
          invalidUtf8: options.invalidUtf8,
          specialTokens: options.specialTokens,
          context: { tokens: options.context, asked: command.getOptionValueSource("context") === "cli" },
          overlap: options.overlap ?? null,
          batchTokens: options.batchTokens,
          seed: options.seed,
          plane: options.plane
            ? {
                points: points?.m ?? options.points,
                pointsDigest: points?.digest ?? null,
                draws: options.referenceSeeds,
                temperature: temperature(options.temperature),
                allPositions: options.allPositions,
                frontier: options.frontier ? { ...FRONTIER, vocabulary: options.frontierVocabulary } : null,
              }
            : null,
          geometry: options.geometry,
          preNorm: options.preNorm,
          baselines: options.baselines,
          likeLmEval: options.like === "lm-eval",
          entropy: options.entropy,
          trainingTokens: options.trainingTokens ?? null,
          trainingBytes: options.trainingBytes ?? null,
          keepText: options.keepText ?? true,
          keep: options.keep,
        });
        await prepareDelivery(options);
        const model = await openModel(name, {
          offline: options.offline,
          signal,
          onDownload: downloadProgress(progress),
        });
        await measure({
          model,
          plan,
          points,
          threads: options.threads,
          work: options.work ?? defaultWorkFolder(),
          resume: options.resume,
          progress,
          signal,
          deliver: (measurement) => deliver(measurement, options),
        });
      });
    });
}
