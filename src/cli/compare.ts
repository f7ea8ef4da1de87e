/** `lossyscope compare PROFILE|MODEL…`: models on one text, and where they differ (METHODS §12). */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Option } from "@commander-js/extra-typings";
import { compare, withSimilarities } from "../atlas/compare.ts";
import { labelsOf, type Named } from "../atlas/text.ts";
import { writeAtomic } from "../files/atomic.ts";
import { earlierProfile } from "../measure/earlier.ts";
import { measure } from "../measure/measure.ts";
import { openModel } from "../measure/model.ts";
import { defaultWorkFolder } from "../measure/run-folder.ts";
import { stagesOfPart } from "../measure/stages.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { comparisonBlocks } from "../report/atlas/comparison.ts";
import { comparisonPage } from "../report/atlas/pages.ts";
import type { Progress } from "../report/progress.ts";
import { readProfile } from "../store/profiles.ts";
import { type SimilarityOptions, similarities } from "../store/similarity.ts";
import { deliveredFiles, prepareDelivery, writeFiles } from "./deliver.ts";
import { downloadProgress } from "./download.ts";
import { hand } from "./findings.ts";
import { nameText } from "./grammar.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { type MeasuringOptions, measuringCommand, readPlan } from "./measuring.ts";
import { outputsOf } from "./options.ts";
import { progressOf } from "./progress.ts";

const LAYERS = "likeness of layers";

interface Kept {
  readonly out?: string;
  readonly keep: readonly string[];
}

export function compareCommand() {
  return measuringCommand("compare")
    .summary("compare models on one text, and show where they differ")
    .description(
      "Compares models with the first one: bits per byte with a paired bootstrap, by domain, the documents and passages where they differ most, and, where their states were kept (`--keep states --out DIR`), how alike their layers are (linear CKA). Takes profiles as they are, and measures models on --text first, with the options of `lossyscope measure`. The tokenizers may differ; the text may not.",
    )
    .argument("<profile-or-model...>", "two or more, of one text; the first is the baseline")
    .optionsGroup(GROUP.read)
    .option("--common", "leaves out documents that a profile lacks", false)
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
      const { common, seed, report, json, markdown, quiet } = options;
      refuseUnmeasurable(names, options);
      const asked = command.getOptionValueSource("context") === "cli";
      const progress = progressOf({ quiet });
      const places = [...names.keys()].filter((place) => isModel(names[place]));
      const partOf = (place: number): string => `model ${places.indexOf(place) + 1} of ${places.length}`;
      const planned = places.length === 0 ? null : await readPlan(options, asked, { keep: options.keep });
      const files = deliveredFiles({ out: options.out, keep: options.keep });
      for (const place of places) progress.announce(stagesOfPart(planned!.plan, partOf(place), files));
      if (options.keep.length > 0) progress.announce([{ label: LAYERS }]);
      const given: Named[] = [];
      for (const [place, name] of names.entries()) {
        if (!isModel(name)) given.push(await profileOf(name));
        else {
          progress.enter(partOf(place));
          given.push(await measured(name, place, options, { ...planned!, progress }));
        }
      }
      progress.enter(null);
      const found = withSimilarities(compare(given, { seed, common }), await layersAlike(given, progress));
      if (report !== undefined)
        await writeAtomic(
          report,
          comparisonPage(
            found,
            given.map(({ profile }) => profile),
          ),
        );
      await hand(found, comparisonBlocks(found), { json, markdown });
    });
}

/** A folder, or a name on the Hub; anything else is a file's. */
const isModel = (name: string): boolean =>
  existsSync(name) ? statSync(name).isDirectory() : !name.endsWith(".json") && name.includes("/");

const profileOf = async (file: string): Promise<Named> => ({ file, profile: await readProfile(file) });

/** @throws LossyscopeError `usage` where models come without a text, or what is for models without models */
function refuseUnmeasurable(names: readonly string[], { text, domain, out, keep }: MeasuringOptions & Kept): void {
  const refuse = (message: string, next: string): never => {
    throw new LossyscopeError("usage", message, next);
  };
  const models = names.filter(isModel);
  const texts = text.length + domain.length;
  if (models.length === 0) {
    const options = Object.entries({ text: texts > 0, out: out !== undefined, keep: keep.length > 0 });
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

/** Measures a model, or takes the profile that a run with the same `--out` has left. */
async function measured(
  name: string,
  place: number,
  options: MeasuringOptions & Kept,
  { plan, points, progress }: Awaited<ReturnType<typeof readPlan>> & { readonly progress: Progress },
): Promise<Named> {
  return interruptible(async (signal) => {
    const model = await openModel(name, { offline: options.offline, signal, onDownload: downloadProgress(progress) });
    const request = { model, plan, points, outputs: outputsOf(options), progress, signal };
    const out = options.out && join(options.out, `${place + 1}-${model.name.replaceAll(/[^\w.-]+/g, "-")}`);
    const file = out === undefined ? name : join(out, "profile.json");
    const earlier = options.resume && out !== undefined ? await earlierProfile(file, request) : null;
    if (earlier) {
      progress.message(`${file} is taken from an earlier run`);
      return { file, profile: earlier };
    }
    const delivery = { out, keep: options.keep };
    await prepareDelivery(delivery);
    progress.message(`measuring ${name}`);
    const { profile } = await measure({
      ...request,
      threads: options.threads,
      work: options.work ?? defaultWorkFolder(),
      resume: options.resume,
      progress: { ...progress, message() {} },
      async deliver(measurement) {
        const say = await writeFiles(measurement, delivery, progress);
        say();
      },
    });
    return { file, profile };
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
