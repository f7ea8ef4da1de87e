/**
 * `lossyscope demo`: the whole way on the specimen that comes with the tool, a small model trained on the almanac, whose
 * entropy is known (METHODS §9). Writes held-out pages of that world beside the report, measures the specimen on them, and
 * says how the measurement is repeated without the demo.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "@commander-js/extra-typings";
import { writeAtomic } from "../files/atomic.ts";
import { ioFault } from "../files/faults.ts";
import { findRun } from "../measure/checkpoints.ts";
import { measure } from "../measure/measure.ts";
import { openModel } from "../measure/model.ts";
import { validatePlan } from "../measure/plan.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { createProgress } from "../report/progress.ts";
import { createWorld, documents, type SizeName, type World } from "../text/almanac/almanac.ts";
import { deliver, prepareDelivery } from "./deliver.ts";
import { interruptible } from "./interrupt.ts";
import { seed, threads } from "./options.ts";

const TITLE =
  "This is a specimen: a small model that has read nothing but the almanac of a fictional country. " +
  "It is measured on pages that it has not read, and of the real world it knows nothing.";

/** A training run, the world that it was trained on, and how many held-out pages of that world are measured. */
export interface Specimen {
  readonly run: string;
  readonly seed: number;
  readonly size: SizeName;
  readonly pages: { readonly known: number; readonly unseen: number };
}

/** As `npm run specimens` makes it; so many pages take well under a minute on two cores. */
const MAIN: Specimen = {
  run: fileURLToPath(new URL("../../specimens/main", import.meta.url)),
  seed: 7,
  size: "medium",
  pages: { known: 400, unseen: 200 },
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

/** Writes the first held-out pages of a split. @returns the file */
async function writePages(world: World, split: "known" | "unseen", pages: number, folder: string): Promise<string> {
  const path = join(folder, `${split}.jsonl`);
  let text = "";
  let left = pages;
  for (const page of documents(world, split)) {
    if (left-- === 0) break;
    text += `${JSON.stringify(page)}\n`;
  }
  await writeAtomic(path, text);
  return path;
}

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
      const progress = { ...createProgress(process.stderr, { quiet }), message() {} };
      const delivery = { out, json, keep: [] };
      await prepareDelivery(delivery);
      const pages = join(out, "pages");
      await mkdir(pages, { recursive: true }).catch((error) => Promise.reject(ioFault(error, `make ${pages}`)));
      const work = mkdtempSync(join(tmpdir(), "lossyscope-demo-"));
      try {
        await interruptible(async (signal) => {
          const world = createWorld(specimen.seed, specimen.size);
          const known = await writePages(world, "known", specimen.pages.known, pages);
          const unseen = await writePages(world, "unseen", specimen.pages.unseen, pages);
          const text = [
            { path: known, domain: "known" },
            { path: unseen, domain: "unseen" },
          ];
          const model = await openModel(folder, { offline: true, signal });
          const request = { model, points: null, title: TITLE, threads, work, resume: false, progress, signal };
          await deliver(await measure({ ...request, plan: validatePlan({ text, seed }) }), delivery);
          const again = ["measure", fromHere(folder), "--domain", `known=${known}`, "--domain", `unseen=${unseen}`];
          if (seed !== 0) again.push("--seed", String(seed));
          process.stderr.write(`the same by hand: lossyscope ${again.map(quoted).join(" ")}\n`);
        });
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    });
}
