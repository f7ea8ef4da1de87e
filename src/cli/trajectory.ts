/** `lossyscope trajectory RUN… --text PATH…`: the checkpoints of one training run on one text (METHODS §2.8). */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { trajectoryOf } from "../atlas/trajectory.ts";
import { checkWritable, writeAtomic } from "../files/atomic.ts";
import { ioFault } from "../files/faults.ts";
import { findRun } from "../measure/checkpoints.ts";
import { defaultWorkFolder } from "../measure/run-folder.ts";
import { measureRun } from "../measure/trajectory.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Trajectory } from "../profile/trajectory.ts";
import { trajectoryPage } from "../report/trajectory/page.ts";
import { trajectoryBlocks } from "../report/trajectory/text.ts";
import { readTrajectory } from "../store/profiles.ts";
import { downloadProgress } from "./download.ts";
import { hand } from "./findings.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { type MeasuringOptions, measuringCommand, readPlan } from "./measuring.ts";
import { outputsOf } from "./options.ts";
import { progressOf } from "./progress.ts";

interface Written {
  readonly out?: string;
  readonly report?: string;
  readonly json?: string | true;
  readonly markdown?: string | true;
}

export function trajectoryCommand() {
  return measuringCommand("trajectory")
    .summary("measure the checkpoints of a training run, step by step")
    .description(
      "Measures the checkpoints of one training run on the same text and the same reference points, and draws how its bits per byte and what its layers keep and know change over the steps: the path through the information plane, and whether there is a phase change in it. With --out, profiles are kept as they come, and --resume goes on with the next checkpoint.",
    )
    .argument("[run...]", "folder of checkpoints named by their step, checkpoints, or org/name@step1000,step2000")
    .optionsGroup(GROUP.read)
    .option("--from <file>", "draws a trajectory.json again and measures nothing")
    .option("-o, --out <folder>", "writes trajectory.json, report.html and profiles/step-N.json there")
    .option("--json [file]", "writes the trajectory to a file, or to standard output")
    .option("--markdown [file]", "writes it as Markdown")
    .option("--report <file>", "writes the report, one HTML file")
    .action(async (names, { from, ...options }, command) => {
      if ((from === undefined) === (names.length === 0)) {
        throw new LossyscopeError(
          "usage",
          "trajectory needs a run or a trajectory",
          "pass either checkpoints or --from",
        );
      }
      if (options.resume && options.out === undefined) {
        throw new LossyscopeError(
          "usage",
          "--resume takes the profiles that --out keeps",
          "pass the --out of that run",
        );
      }
      await prepareFiles(options);
      const asked = command.getOptionValueSource("context") === "cli";
      const trajectory = from === undefined ? await measured(names, options, asked) : await readTrajectory(from);
      await deliver(trajectory, options);
    });
}

async function measured(
  names: readonly string[],
  options: MeasuringOptions & Written,
  contextAsked: boolean,
): Promise<Trajectory> {
  const progress = progressOf(options);
  const { plan, points } = await readPlan(options, contextAsked);
  const run = await findRun(names);
  const { documents, pages } = filesOf(options);
  const profiles = options.out === undefined ? null : join(options.out, "profiles");
  return interruptible(async (signal) => {
    const steps = await measureRun({
      checkpoints: run.checkpoints,
      plan,
      points,
      threads: options.threads,
      work: options.work ?? defaultWorkFolder(),
      profiles,
      resume: options.resume,
      outputs: outputsOf(options, [...documents, ...pages, ...(profiles === null ? [] : [profiles])]),
      progress,
      signal,
      offline: options.offline,
      downloads: () => downloadProgress(progress),
    });
    return trajectoryOf({ name: run.name, log: run.log, steps });
  });
}

const filesOf = ({ out, report }: Written) => ({
  documents: out === undefined ? [] : [join(out, "trajectory.json")],
  pages: [...(out === undefined ? [] : [join(out, "report.html")]), ...(report === undefined ? [] : [report])],
});

/** Finds out whether every file can be written, before the work that fills them. */
async function prepareFiles(options: Written): Promise<void> {
  const { out } = options;
  if (out !== undefined) {
    await mkdir(out, { recursive: true }).catch((error) => Promise.reject(ioFault(error, `make the folder ${out}`)));
  }
  const { documents, pages } = filesOf(options);
  for (const path of [...documents, ...pages]) await checkWritable(path);
}

async function deliver(trajectory: Trajectory, options: Written): Promise<void> {
  const { documents, pages } = filesOf(options);
  for (const path of documents) await writeAtomic(path, `${JSON.stringify(trajectory, null, 1)}\n`);
  for (const path of pages) await writeAtomic(path, trajectoryPage(trajectory));
  await hand(trajectory, trajectoryBlocks(trajectory), options);
  for (const path of [...documents, ...pages]) process.stderr.write(`wrote ${path}\n`);
}
