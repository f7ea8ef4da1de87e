/**
 * What commands that measure share: the options that make a plan, and the plan made of them. What a command does with
 * the measurement is its own.
 */
import { Command, Option } from "@commander-js/extra-typings";
import { sha256File } from "../files/digest.ts";
import { validatePlan } from "../measure/plan.ts";
import { type GivenPoints, readPoints } from "../measure/preparing/points.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Plan } from "../profile/plan.ts";
import { dryRunOption } from "./foresight.ts";
import { nameText } from "./grammar.ts";
import { GROUP } from "./groups.ts";
import { atLeast, collect, force, quantity, quiet, seed, threads } from "./options.ts";
import { optionOf } from "./plan-names.ts";

function domains(given: readonly string[]): { path: string; domain: string }[] {
  return given.map((entry) => {
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

/** What every command takes that reads a text with a model. */
export const readingCommand = (name: string) =>
  new Command(name)
    .optionsGroup(GROUP.read)
    .option("--text <path...>", "files, folders, or - for standard input", [] as string[])
    .option("--domain <name=path>", "text under a domain of its own (repeatable)", collect, [] as string[])
    .option(
      "--field <name>",
      "field of records that holds the text, or a path to it such as a.b (default: text, else content)",
    )
    .option("--split-on <regex>", "cuts texts into documents")
    .option("--limit-bytes <size>", "reads at most so much text", quantity)
    .option("--limit-documents <n>", "reads at most so many documents", atLeast(1))
    .option("--sample", "takes the limited number of documents from the whole text, by seed", false)
    .addOption(
      new Option("--invalid-utf8 <how>", "what to do with bytes that are no text")
        .choices(["error", "replace"])
        .default(DEFAULT.invalidUtf8),
    )
    .option("--chat", "reads records with messages, rendered by the model's own chat template", false)
    .option("--special-tokens", "reads special tokens written in the text as control tokens", false)
    .optionsGroup(GROUP.measured)
    .option("--context <tokens>", "window length, prefix included", atLeast(2), DEFAULT.context.tokens)
    .option(
      "--overlap <tokens>",
      "tokens that a later window re-reads as context (default: half the window)",
      atLeast(0),
    )
    .option("--batch-tokens <n>", "tokens that go through the model together", atLeast(1), DEFAULT.batchTokens)
    .addOption(threads())
    .option("--seed <n>", "seed of everything random", seed, DEFAULT.seed)
    .addOption(NO_TEXT)
    .option("--work <folder>", "where a run keeps what it needs while it goes on")
    .option("--resume", "goes on with a stopped run", false)
    .addOption(force())
    .addOption(dryRunOption())
    .option("--offline", "downloads nothing", false)
    .addOption(quiet());

export const measuringCommand = (name: string) =>
  readingCommand(name)
    .optionsGroup(GROUP.plane)
    .option(
      "--label <field>",
      "field of JSON records to use as a label of the plane (repeatable)",
      collect,
      [] as string[],
    )
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
    .optionsGroup(GROUP.measured)
    .option("--no-geometry", "skips the geometry")
    .option("--no-baselines", "skips the other compressors");

type ReadingOptions = ReturnType<ReturnType<typeof readingCommand>["opts"]>;
export type MeasuringOptions = ReturnType<ReturnType<typeof measuringCommand>["opts"]>;

/** @throws LossyscopeError `usage` where no text is named */
function texts({ text, domain }: ReadingOptions): { path: string; domain: string | null }[] {
  if (text.length + domain.length === 0) throw nameText();
  return [...named(text), ...domains(domain)];
}

/**
 * The part of a plan that says what is read, and how.
 * @throws LossyscopeError `usage` where no text is named
 */
export const readingPlan = (options: ReadingOptions, contextAsked: boolean) => ({
  text: texts(options),
  field: options.field ?? null,
  splitOn: options.splitOn ?? null,
  limitBytes: options.limitBytes ?? null,
  limitDocuments: options.limitDocuments ?? null,
  sample: options.sample,
  invalidUtf8: options.invalidUtf8,
  specialTokens: options.specialTokens,
  ...(options.chat && { chat: true as const }),
  context: { tokens: options.context, asked: contextAsked },
  overlap: options.overlap ?? null,
  batchTokens: options.batchTokens,
  seed: options.seed,
  keepText: options.keepText ?? true,
});

/** Paths as a plan names them. */
export const named = (paths: readonly string[]): { path: string; domain: null }[] =>
  paths.map((path) => ({ path, domain: null }));

/**
 * @param contextAsked whether `--context` stood on the command line
 * @param further options of the plan that only one command has
 * @throws LossyscopeError `usage` as `validatePlan` does; what reading the reference points throws
 */
export async function readPlan(
  options: MeasuringOptions,
  contextAsked: boolean,
  further: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly plan: Plan; readonly points: GivenPoints | null }> {
  const points = options.referencePoints ? await readPoints(options.referencePoints, sha256File) : null;
  const plan = validatePlan(
    {
      ...further,
      ...readingPlan(options, contextAsked),
      labels: options.label,
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
    },
    optionOf,
  );
  return { plan, points };
}

export const likeOption = () =>
  new Option("--like <tool...>", "also says what another tool would report")
    .choices(["lm-eval", "llama.cpp"])
    .default([] as string[]);

/** What it makes of a plan. */
export const likePlan = ({ like }: { readonly like: readonly string[] }) => ({
  likeLmEval: like.includes("lm-eval"),
  likeLlamaCpp: like.includes("llama.cpp"),
});
