/**
 * `lossyscope demo`: the whole way on the specimen that comes with the tool, a small model trained on the almanac, whose
 * entropy is known (METHODS §9). Writes held-out pages of that world beside the report, measures the specimen on them, and
 * says how the measurement is repeated without the demo.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { Command } from "@commander-js/extra-typings";
import { createWorld, documents, facts, type SizeName } from "../almanac/almanac.ts";
import { writeAtomic } from "../files/atomic.ts";
import { findRun } from "../measure/checkpoints/checkpoints.ts";
import { measure } from "../measure/measure.ts";
import { validatePlan } from "../measure/plan.ts";
import { stagesOf } from "../measure/stages.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { openModel } from "../references/open.ts";
import { PROFILE } from "../store/profiles.ts";
import { deliver, measurementOutputs } from "./deliver.ts";
import { foretelling } from "./foresight.ts";
import { interruptible } from "./interrupt.ts";
import { force, quiet, seed, threads } from "./options.ts";
import { progressOf } from "./progress.ts";

const TITLE =
  "This is a specimen: a small model that has read nothing but the almanac of a fictional country. " +
  "It is measured on pages that it has not read, and of the real world it knows nothing.";

const PAGES = "pages and facts of the almanac";

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
export const MAIN: Specimen = {
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

/** What the specimen is measured on, by file: pages of the world, and all its facts, compressed. */
interface Pages {
  readonly known: string;
  readonly unseen: string;
  /** only all facts say of how much the questions are a sample */
  readonly facts: string;
}

const pagesIn = (out: string): Pages => ({
  known: join(out, "pages", "known.jsonl"),
  unseen: join(out, "pages", "unseen.jsonl"),
  facts: join(out, "pages", "facts.jsonl.gz"),
});

const lines = (records: Iterable<unknown>): Buffer =>
  Buffer.from(Array.from(records, (record) => `${JSON.stringify(record)}\n`).join(""));

/** The pages' content, by file. */
function contentOf({ seed, size, pages }: Specimen, paths: Pages): ReadonlyMap<string, Buffer> {
  const world = createWorld(seed, size);
  return new Map([
    [paths.known, lines(some(documents(world, "known"), pages.known))],
    [paths.unseen, lines(some(documents(world, "unseen"), pages.unseen))],
    [paths.facts, gzipSync(lines(facts(world)))],
  ]);
}

const contentAt = (path: string): Buffer | null => (existsSync(path) ? readFileSync(path) : null);

/** Whether a profile or a report is of a demo. */
const isOfDemo = (path: string): boolean => contentAt(path)?.includes(TITLE) ?? false;

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
    .addOption(quiet())
    .addOption(force())
    .action(async ({ threads, seed, quiet, ...asked }) => {
      const { out } = asked;
      const folder = await lastCheckpoint(specimen.run);
      const shown = progressOf({ quiet });
      const progress = { ...shown, message() {} };
      const pages = pagesIn(out);
      const places = Object.values(pages).map((path) => ({ path, option: "--out" }));
      const outputs = measurementOutputs({ ...asked, quiet }, [], places);
      // what an earlier demo wrote is the demo's own, which can be repeated
      const results = outputs.paths.filter((path) => !places.some((page) => page.path === path));
      outputs.refuseTaken(results.filter((path) => !isOfDemo(path)));
      const work = mkdtempSync(join(tmpdir(), "lossyscope-demo-"));
      try {
        await interruptible(async (signal) => {
          const text = [
            { path: pages.known, domain: "known" },
            { path: pages.unseen, domain: "unseen" },
          ];
          const questions = { path: pages.facts, limit: specimen.facts };
          const plan = validatePlan({ text, seed, with: ["facts"], facts: questions });
          progress.announce([{ label: PAGES }, ...stagesOf(plan, outputs.paths)]);
          progress.start(PAGES, null, "");
          const content = contentOf(specimen, pages);
          const changed = [...content].filter(([path, bytes]) => !contentAt(path)?.equals(bytes));
          if (!isOfDemo(join(out, PROFILE))) outputs.refuseTaken(changed.map(([path]) => path));
          await outputs.prepare({ resume: true });
          for (const [path, bytes] of changed) await writeAtomic(path, bytes);
          progress.finish();
          const model = await openModel(folder, { offline: true, signal });
          const onForesight = foretelling({ quiet }, outputs.paths, shown);
          const about = { model, points: null, title: TITLE, threads, resume: false, onForesight };
          const request = { ...about, work, progress, signal };
          await deliver(await measure({ ...request, plan }), outputs, progress);
          const domains = text.flatMap(({ path, domain }) => ["--domain", `${domain}=${path}`]);
          const again = ["measure", fromHere(folder), ...domains];
          again.push("--with", "facts", "--facts", pages.facts, "--limit-facts", String(specimen.facts));
          if (seed !== 0) again.push("--seed", String(seed));
          if (!quiet) process.stderr.write(`the same by hand: lossyscope ${again.map(quoted).join(" ")}\n`);
        });
      } finally {
        rmSync(work, { recursive: true, force: true });
      }
    });
}
