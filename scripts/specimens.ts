/**
 * `npm run specimens`: makes the specimens anew, the models of known training text that the tool shows itself on. Pages of
 * the almanac; the main model; then beside each other a sibling of a quarter of its size trained alone, and the sibling's
 * configuration taught by the main model, on the same rows from the same seed. About two hours on two cores. A run that is
 * stopped goes on where it was. Work in progress stays in `work/specimens`; what is finished goes to `specimens/`.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { specimenPairs } from "./specimen-pairs.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const WORK = join(ROOT, "work/specimens");
const SPECIMENS = join(ROOT, "specimens");
const PAGES = join(WORK, "pages");

const WORLD = ["--seed", "7", "--size", "medium"] as const;

const TRAINING = [
  ...[
    "--text",
    join(PAGES, "train.jsonl"),
    "--held-out-text",
    join(PAGES, "known.jsonl"),
    "--held-out-tokens",
    "60000",
  ],
  ...["--pack", "documents", "--context", "256", "--batch", "4", "--run-tokens", "1024", "--epochs", "3"],
  ...["--rate", "4e-3", "--final-rate", "0.02", "--beta2", "0.98", "--weight-decay", "0.05"],
  ...["--dtype", "float16", "--seed", "7", "--threads", "1"],
];

/** Lines of a log between two that are kept, once the first hundred steps are over. */
const THINNED = 100;

/** Runs the tool. @throws Error with its exit code where it fails */
function lossyscope(command: string, ...args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [join(ROOT, "bin/lossyscope.js"), command, ...args], { stdio: "inherit" });
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("exit", (code, signal) =>
      code === 0 ? done() : failed(new Error(`lossyscope ${command} ended with ${signal ?? code}`)),
    );
  });
}

const config = (name: string): string[] => ["--config", join(SPECIMENS, "configs", `${name}.json`)];
/** Goes on where a run was stopped. */
const into = (folder: string): string[] => ["--out", folder, "--resume"];

const stepOf = (checkpoint: string): number => Number(checkpoint.slice("step-".length));

/** The checkpoints of a run in the order of their steps. */
const checkpointsOf = async (run: string): Promise<string[]> =>
  (await readdir(run)).filter((name) => name.startsWith("step-")).sort((a, b) => stepOf(a) - stepOf(b));

/** The log with its checkpoints and their steps, its first steps and every hundredth after them. */
function thinned(log: string): string {
  const lines = log.split("\n").flatMap((line) => {
    if (line === "") return [];
    const { step, checkpoint } = JSON.parse(line) as { step: number; checkpoint?: string };
    return [{ line, step, isCheckpoint: checkpoint !== undefined }];
  });
  const wanted = new Set(lines.flatMap(({ step, isCheckpoint }) => (isCheckpoint ? [step] : [])));
  return lines
    .filter(({ step }) => wanted.has(step) || step <= THINNED || step % THINNED === 0)
    .map(({ line }) => `${line}\n`)
    .join("");
}

/** Takes a finished run over: its log and all checkpoints, or the last. */
async function keep(run: string, name: string, which: "all" | "last"): Promise<void> {
  const target = join(SPECIMENS, name);
  const checkpoints = await checkpointsOf(run);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  for (const checkpoint of which === "all" ? checkpoints : checkpoints.slice(-1)) {
    await cp(join(run, checkpoint), join(target, checkpoint), { recursive: true });
  }
  await writeFile(join(target, "log.jsonl"), thinned(await readFile(join(run, "log.jsonl"), "utf8")));
}

const [main, small, distilled] = ["main", "small", "distilled"].map((name) => join(WORK, name));
if (!existsSync(join(PAGES, "almanac.json"))) await lossyscope("almanac", ...WORLD, "--out", PAGES, "--force");
await lossyscope("train", ...config("main"), ...TRAINING, "--checkpoints", "12", ...into(main));
const teacher = join(main, (await checkpointsOf(main)).at(-1)!);
await Promise.all([
  lossyscope("train", ...config("small"), ...TRAINING, "--checkpoints", "2", "--tokenizer", teacher, ...into(small)),
  lossyscope(
    "distil",
    ...[...config("small"), ...TRAINING, "--checkpoints", "2", "--teacher", teacher],
    ...["--no-control", ...into(distilled)],
  ),
]);
await writeFile(join(SPECIMENS, "pairs.jsonl"), specimenPairs());
await keep(main, "main", "all");
await keep(small, "small", "last");
await keep(join(distilled, "student"), "distilled", "last");
const heldOut = ["known.jsonl", "unseen.jsonl"].map((name) => join(PAGES, name));
const trajectory = join(SPECIMENS, "main", "trajectory.json");
await lossyscope("trajectory", join(SPECIMENS, "main"), "--text", ...heldOut, "--json", trajectory);
