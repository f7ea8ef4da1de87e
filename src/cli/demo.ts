/**
 * `lossyscope demo`: the whole way on the specimen that comes with the tool, a small model trained on the almanac, whose
 * entropy is known (METHODS §9). Writes held-out pages of that world beside the report, measures the specimen on them, and
 * says how the measurement is repeated without the demo.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { createGzip } from "node:zlib";
import { Command } from "@commander-js/extra-typings";
import { createWorld, documents, facts, type SizeName, type World } from "../almanac/almanac.ts";
import { writeAtomic } from "../files/atomic.ts";
import { ioFault } from "../files/faults.ts";
import { findRun } from "../measure/checkpoints.ts";
import { measure } from "../measure/measure.ts";
import { openModel } from "../measure/model.ts";
import { validatePlan } from "../measure/plan.ts";
import { stagesOf } from "../measure/stages.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { deliver, deliveredFiles, prepareDelivery } from "./deliver.ts";
import { interruptible } from "./interrupt.ts";
import { seed, threads } from "./options.ts";
import { progressOf } from "./progress.ts";

const TITLE =
  "This is a specimen: a small model that has read nothing but the almanac of a fictional country. " +
  "It is measured on pages that it has not read, and of the real world it knows nothing.";

/** A training run, the world that it was trained on, and what of that world the model is measured on. */
export interface Specimen {
  readonly run: string;
  readonly seed: number;
  readonly size: SizeName;
  /** held-out pages about known entities, and about entities never seen */
  readonly pages: { readonly known: number; readonly unseen: number };
  /** facts asked for, of each number of exposures */
  readonly facts: number;
}

/** As `npm run specimens` makes it; so much takes well under a minute on two cores. */
const MAIN: Specimen = {
  run: fileURLToPath(new URL("../../specimens/main", import.meta.url)),
  seed: 7,
  size: "medium",
  pages: { known: 400, unseen: 200 },
  facts: 64,
};

/** @throws LossyscopeError `input` where the run is not there */
async function lastCheckpoint(run: string): Promise<string> {
  if (!existsSync(run)) {
    throw new LossyscopeError(
      "input",
      `the specimen is not there: no folder ${run}`,
      "install again, or make it with `npm run specimens` in a clone (about two hours)",
    );
  }
  return (await findRun([run])).checkpoints.at(-1)!.model;
}

const some = function* <T>(all: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const one of all) {
    if (left-- === 0) return;
    yield one;
  }
};

function* linesOf(records: Iterable<unknown>): Generator<string> {
  for (const record of records) yield `${JSON.stringify(record)}\n`;
}

/** @returns the file */
async function writePages(path: string, world: World, split: "known" | "unseen", count: number): Promise<string> {
  await writeAtomic(path, Array.from(linesOf(some(documents(world, split), count))).join(""));
  return path;
}

/** All facts of the world: only they say of how much the questions are a sample. @returns the file, compressed */
async function writeFacts(path: string, world: World): Promise<string> {
  await writeAtomic(path, Readable.from(linesOf(facts(world))).pipe(createGzip()));
  return path;
}

const PAGES = "pages and facts of the almanac";

/** As a shell takes it. */
const quoted = (argument: string): string =>
  /^[\w./=@:-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;

/** From here, if it lies below. */
const fromHere = (path: string): string => {
  const way = relative(process.cwd(), path);
  return way.startsWith("..") ? path : way;
};

export function demoCommand(specimen: Specimen = MAIN) {
  return new Command("demo")
    .summary("measure a small model that comes with the tool")
    .description(
      "Measures the specimen, a small model trained on the almanac of a fictional country, on pages of the almanac that it has not read, and writes the pages, profile and report. Nothing is downloaded.",
    )
    .option("-o, --out <folder>", "writes profile.json, report.html and the pages there", "lossyscope-report")
    .option("--json [file]", "writes the profile to a file, or to standard output")
    .addOption(threads())
    .option("--seed <n>", "seed of everything random but the pages", seed, 0)
    .option("--quiet", "no progress", false)
    .action(async ({ out, json, threads, seed, quiet }) => {
      const folder = await lastCheckpoint(specimen.run);
      const progress = { ...progressOf({ quiet }), message() {} };
      const delivery = { out, json, keep: [] };
      await prepareDelivery(delivery);
      const pages = join(out, "pages");
      await mkdir(pages, { recursive: true }).catch((error) => Promise.reject(ioFault(error, `make ${pages}`)));
      const work = mkdtempSync(join(tmpdir(), "lossyscope-demo-"));
      try {
        await interruptible(async (signal) => {
          const text = ["known", "unseen"].map((domain) => ({ path: join(pages, `${domain}.jsonl`), domain }));
          const asked = { path: join(pages, "facts.jsonl.gz"), limit: specimen.facts };
          const plan = validatePlan({ text, seed, with: ["facts"], facts: asked });
          progress.announce([{ label: PAGES }, ...stagesOf(plan, deliveredFiles(delivery))]);
          progress.start(PAGES, null, "");
          const world = createWorld(specimen.seed, specimen.size);
          const known = await writePages(join(pages, "known.jsonl"), world, "known", specimen.pages.known);
          const unseen = await writePages(join(pages, "unseen.jsonl"), world, "unseen", specimen.pages.unseen);
          const questions = await writeFacts(join(pages, "facts.jsonl.gz"), world);
          progress.finish();
          const model = await openModel(folder, { offline: true, signal });
          const request = { model, points: null, title: TITLE, threads, work, resume: false, progress, signal };
          await deliver(await measure({ ...request, plan }), delivery, progress);
          const again = ["measure", fromHere(folder), "--domain", `known=${known}`, "--domain", `unseen=${unseen}`];
          again.push("--with", "facts", "--facts", questions, "--limit-facts", String(specimen.facts));
          if (seed !== 0) again.push("--seed", String(seed));
          process.stderr.write(`the same by hand: lossyscope ${again.map(quoted).join(" ")}\n`);
        });
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    });
}
