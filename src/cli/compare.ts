/** `lossyscope compare PROFILE|MODEL…`: models on one text, and where they differ (METHODS §12). */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Option } from "@commander-js/extra-typings";
import { compare, withLocksteps, withSimilarities } from "../atlas/compare.ts";
import { labelsOf, type Named } from "../atlas/text.ts";
import { downloadProgress } from "../library/download.ts";
import { dryRun, foresightOf } from "../measure/foresight/foresee.ts";
import { type LookedAt, withLockstep } from "../measure/lockstep/foresee.ts";
import { measure } from "../measure/measure.ts";
import { defaultWorkFolder } from "../measure/running/run-folder.ts";
import { stagesOfLockstep, stagesOfPart } from "../measure/stages.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { canBeAt, eachAtPrecision, type Model as Opened } from "../ports/model.ts";
import { SILENT } from "../ports/progress.ts";
import type { ForeseenRun, Foresight } from "../profile/foresight.ts";
import type { Plan } from "../profile/plan.ts";
import type { Profile } from "../profile/profile.ts";
import { modelCalled, namesGguf } from "../references/called.ts";
import { ggufIn } from "../references/gguf-in.ts";
import { openModel } from "../references/open.ts";
import { comparisonBlocks, comparisonClaim } from "../report/atlas/comparison.ts";
import { comparisonPage } from "../report/atlas/pages.ts";
import type { Progress } from "../report/progress.ts";
import { insteadOf, isFolder, PROFILE } from "../store/profiles.ts";
import { type SimilarityOptions, similarities } from "../store/similarity.ts";
import { earlierOf, type MeasurementOutputs, measurementOutputs } from "./deliver.ts";
import { formsOf } from "./findings.ts";
import { foretelling, printForesight } from "./foresight.ts";
import { nameText } from "./grammar.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { likeOption, likePlan, type MeasuringOptions, measuringCommand, readPlan } from "./measuring.ts";
import { fast, fastPlan } from "./options.ts";
import { type Asked, Outputs, placesOf } from "./outputs.ts";
import { readProfiles } from "./profiles.ts";
import { progressOf } from "./progress.ts";
import { besideFirst, besideOf, readBeside } from "./side-by-side.ts";

const LAYERS = "likeness of layers";

interface Kept extends Asked {
  readonly like: readonly string[];
  readonly keep: readonly string[];
  readonly fast: boolean;
}

export function compareCommand() {
  return measuringCommand("compare")
    .summary("compare models on one text, and show where they differ")
    .description(
      "Compares models with the first one: bits per byte with a paired bootstrap, by domain, the documents and passages where they differ most, and, where their states were kept (`--keep states --out DIR`), how alike their layers are (linear CKA). Takes profiles as they are, and measures models on --text first, with the options of `lossyscope measure`. The tokenizers may differ; the text may not. Models of one vocabulary are then read side by side, token by token: KL divergence from the first, whether both hold the same token for likeliest, and where a copy lost most.",
    )
    .argument("<profile-or-model...>", "two or more, of one text, in files or folders; the first is the baseline")
    .optionsGroup(GROUP.read)
    .option("--common", "leaves out documents that a profile lacks", false)
    .optionsGroup(GROUP.measured)
    .option("--no-lockstep", "skips reading the text with two models at a time")
    .addOption(likeOption())
    .addOption(fast())
    .optionsGroup(GROUP.read)
    .option("-o, --out <folder>", "keeps the profiles of measured models there, each in a folder of its own")
    .addOption(
      new Option("--keep <what...>", "keeps the models' states beside their profiles, to compare layers")
        .choices(["states"])
        .default([] as string[]),
    )
    .option("--report <file>", "writes the comparison as a page, one HTML file")
    .option("--json [file]", "writes it to a file, or to standard output")
    .option("--markdown [file]", "writes it as Markdown")
    .action(async (names, options, command) => {
      const { common, seed, quiet, resume, keep } = options;
      refuseUnmeasurable(names, options);
      const outputs = comparisonOutputs(options);
      const candidates = names.map((name, place) => (isModel(name) ? modelOf(name, place, options) : name));
      const models = candidates.filter((one) => typeof one !== "string");
      const contextAsked = command.getOptionValueSource("context") === "cli";
      const planned =
        models.length === 0
          ? null
          : await readPlan(options, contextAsked, { keep, ...likePlan(options), ...fastPlan(options) });
      const all = [outputs, ...models.map(({ kept }) => kept)];
      for (const one of resume ? [] : all) one.refuseTaken();
      for (const one of all) await one.prepare(options);
      const read = await readProfiles(candidates.filter((one) => typeof one === "string"));
      const progress = progressOf({ quiet });
      const beside = besideFirst(candidates, options);
      if (options.dryRun) return foreseen(models, outputs, options, { planned, beside, progress });
      for (const one of models) progress.announce(stagesOfPart(planned!.plan, partOf(one, models), one.kept.paths));
      for (const one of beside) progress.announce(stagesOfLockstep(planned!.plan, besideOf(one, models)));
      if (keep.length > 0) progress.announce([{ label: LAYERS }]);
      const measured = planned && (await profilesOf(models, outputs, options, { ...planned, progress }));
      progress.enter(null);
      const given = candidates.map((one): Named => {
        if (typeof one === "string") return read.shift()!;
        return { file: one.file, profile: measured!.get(one)! };
      });
      const compared = compare(given, { seed, common });
      const together = planned && (await readBeside(beside, models, { ...planned, outputs: all, progress }, options));
      progress.enter(null);
      const pairs = candidates.slice(1).map((one) => (typeof one === "string" ? null : (together?.get(one) ?? null)));
      const found = withSimilarities(withLocksteps(compared, pairs), await layersAlike(given, progress));
      await outputs.deliver({ found, given });
    });
}

const partOf = (model: Model, all: readonly Model[]): string => `model ${all.indexOf(model) + 1} of ${all.length}`;

interface Compared {
  readonly found: ReturnType<typeof withSimilarities>;
  readonly given: readonly Named[];
}

const comparisonOutputs = ({ json, markdown, report, force, quiet }: Asked): Outputs<Compared> =>
  new Outputs(
    { json, markdown, report, force, quiet },
    formsOf({
      line: ({ found }) => comparisonClaim(found).join("; "),
      document: ({ found }) => found,
      blocks: ({ found }) => comparisonBlocks(found),
      page: ({ found, given }) =>
        comparisonPage(
          found,
          given.map(({ profile }) => profile),
        ),
    }),
  );

/** @throws LossyscopeError `usage` where nothing would be measured; as `dryRun` does */
async function foreseen(
  models: readonly Model[],
  outputs: Outputs<Compared>,
  options: MeasuringOptions & Kept,
  {
    planned,
    beside,
    progress,
  }: {
    readonly planned: Awaited<ReturnType<typeof readPlan>> | null;
    readonly beside: readonly Model[];
    readonly progress: Progress;
  },
): Promise<void> {
  if (!planned) throw new LossyscopeError("usage", "nothing of profiles has to be foretold", "leave out --dry-run");
  const { offline, threads, work: root = defaultWorkFolder() } = options;
  const paths = [outputs, ...models.map(({ kept }) => kept)].flatMap((one) => one.paths);
  const request = { ...planned, threads, root, option: "--work", outputs: placesOf(options, paths), progress } as const;
  const foresight = await interruptible(async (signal) => {
    const runs: ForeseenRun[] = [];
    let first: LookedAt | undefined;
    let rates: Foresight["rates"] | undefined;
    const open = (name: string) => openModel(name, { offline, signal, onDownload: downloadProgress(progress) });
    for (const one of models) {
      const [model, plan] = await asPlanned(one, models, planned.plan, open);
      const found = await dryRun({ ...request, model, plan, signal });
      rates ??= found.rates;
      const looked = { model, prepared: found.prepared };
      const run = first && beside.includes(one) ? withLockstep(found.run, [first, looked], threads, rates) : found.run;
      runs.push({ ...run, part: partOf(one, models) });
      first ??= looked;
    }
    return foresightOf(runs, rates!);
  });
  await printForesight(foresight, paths, options);
}

/**
 * Opens a model, with the plan for it: of those that are set side by side, the ones are computed otherwise that can be.
 * @throws LossyscopeError `unsupported` where none can; as `openModel`
 */
async function asPlanned(
  one: Model,
  all: readonly Model[],
  plan: Plan,
  open: (name: string) => Promise<Opened>,
): Promise<readonly [Opened, Plan]> {
  const model = await open(one.name);
  if (plan.precision === undefined || canBeAt(model, plan.precision)) return [model, plan];
  const others: Opened[] = [];
  for (const { name } of all.filter((other) => other !== one)) others.push(await open(name));
  eachAtPrecision([...others, model], plan.precision);
  const { precision: _exact, ...exact } = plan;
  return [model, exact];
}

/** A model that is to be measured. */
interface Model {
  readonly name: string;
  /** what its profile is known by */
  readonly file: string;
  readonly kept: MeasurementOutputs;
}

function modelOf(name: string, place: number, { out: folder, force, quiet, keep }: Kept): Model {
  const out = folder && join(folder, `${place + 1}-${modelCalled(name).replaceAll(/[^\w.-]+/g, "-")}`);
  const file = out === undefined ? name : join(out, PROFILE);
  return { name, file, kept: measurementOutputs({ out, force, quiet }, keep) };
}

const CONFIG = "config.json";

/**
 * Whether a model is meant, by its folder or its name on the Hub, and not a profile, by its file or the folder that has it.
 * @throws LossyscopeError `usage` where a folder has both, `input` where it has neither
 */
function isModel(name: string): boolean {
  if (!isFolder(name)) return namesGguf(name) || (!existsSync(name) && !name.endsWith(".json") && name.includes("/"));
  const files = readdirSync(name);
  const model = files.includes(CONFIG)
    ? CONFIG
    : (files.find(namesGguf) ?? (files.includes(PROFILE) ? undefined : ggufIn(name)));
  const profile = files.includes(PROFILE);
  if (model && profile) {
    const next = `name ${join(name, PROFILE)}, or move it elsewhere to measure the model`;
    throw new LossyscopeError("usage", `${name} holds a model (${model}) and a profile (${PROFILE})`, next);
  }
  if (!model && !profile) {
    const message = `${name} holds neither a model (${CONFIG}, or a GGUF file) nor a profile (${PROFILE})`;
    throw new LossyscopeError("input", message, insteadOf(name));
  }
  return model !== undefined;
}

/** @throws LossyscopeError `usage` where models come without a text, or what is for models without models */
function refuseUnmeasurable(names: readonly string[], given: MeasuringOptions & Kept): void {
  const { text, domain, out, keep, like, fast } = given;
  const refuse = (message: string, next: string): never => {
    throw new LossyscopeError("usage", message, next);
  };
  const models = names.filter(isModel);
  const texts = text.length + domain.length;
  if (models.length === 0) {
    const options = Object.entries({
      text: texts > 0,
      out: out !== undefined,
      keep: keep.length > 0,
      like: like.length > 0,
      fast,
    });
    const [option] = options.flatMap(([name, there]) => (there ? [name] : []));
    if (option !== undefined) refuse(`--${option} is for models, and these are profiles`, `leave out --${option}`);
    return;
  }
  if (names.length < 2) refuse(`there is nothing to compare ${names[0]} with`, "name two or more models or profiles");
  if (texts === 0) throw nameText(`name a text to measure ${models[0]} on, or its profile`);
  if (keep.length > 0 && out === undefined) refuse("states are kept beside profiles", "pass --out");
  if (models.length > 1 && text.includes("-")) {
    refuse("standard input can be read once, not for every model", "pass a file");
  }
}

/**
 * The profiles of the models: what a run with the same `--out` has left, where `--resume` asks for it, else measured now.
 * @param outputs of the comparison, which are the run's own where those of a model are
 */
async function profilesOf(
  models: readonly Model[],
  outputs: Outputs<Compared>,
  options: MeasuringOptions & Kept,
  { plan, points, progress }: Awaited<ReturnType<typeof readPlan>> & { readonly progress: Progress },
): Promise<ReadonlyMap<Model, Profile>> {
  const { offline, resume, threads, work = defaultWorkFolder() } = options;
  const places = placesOf(
    options,
    [outputs, ...models.map(({ kept }) => kept)].flatMap(({ paths }) => paths),
  );
  return interruptible(async (signal) => {
    const request = { plan, points, outputs: places, progress, signal };
    const open = (name: string) => openModel(name, { offline, signal, onDownload: downloadProgress(progress) });
    const found = new Map<Model, Profile>();
    const looked = { ...request, progress: { ...SILENT, message: progress.message } };
    for (const one of resume ? models.filter(({ kept }) => kept.documents.length > 0) : []) {
      const [model, own] = await asPlanned(one, models, plan, open);
      const earlier = await earlierOf(one.kept, { ...looked, model, plan: own });
      if (earlier === null) continue;
      found.set(one, earlier);
      progress.message(`${one.file} is taken from an earlier run`);
    }
    if (resume && found.size === 0) outputs.refuseTaken();
    else if (resume) outputs.refuseForeign();
    for (const one of models.filter((model) => !found.has(model))) {
      const { name, kept } = one;
      progress.enter(partOf(one, models));
      const [model, own] = await asPlanned(one, models, plan, open);
      progress.message(`measuring ${name}`);
      const { profile } = await measure({
        ...{ ...request, model, plan: own, threads, work, resume },
        onForesight: foretelling(options, kept.paths, progress),
        progress: { ...progress, message() {} },
        async deliver(measurement) {
          await kept.write(measurement, progress);
          kept.say();
        },
      });
      found.set(one, profile);
    }
    return found;
  });
}

async function layersAlike(given: readonly Named[], progress: Progress): ReturnType<typeof similarities> {
  const labels = labelsOf(given);
  let began = false;
  const onProgress: SimilarityOptions["onProgress"] = (pair, done, total) => {
    if (!began) progress.start(LAYERS, given.length - 1, given.length === 2 ? "pair" : "pairs");
    began = true;
    progress.update(pair + done / total, labels[pair + 1]);
  };
  try {
    return await interruptible((signal) => similarities(given, { signal, onProgress }));
  } finally {
    progress.finish();
  }
}
