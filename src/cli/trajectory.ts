/** `lossyscope trajectory RUN… --text PATH…`: the checkpoints of one training run on one text (METHODS §2.8). */
import { join } from "node:path";
import { trajectoryOf } from "../atlas/trajectory.ts";
import { downloadProgress } from "../library/download.ts";
import { findRun, type RunCheckpoint, type TrainingRun } from "../measure/checkpoints/checkpoints.ts";
import { dryRunOf, measureRun } from "../measure/checkpoints/trajectory.ts";
import { defaultWorkFolder } from "../measure/running/run-folder.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Trajectory } from "../profile/trajectory.ts";
import { trajectoryPage } from "../report/trajectory/page.ts";
import { courseClaim, trajectoryBlocks } from "../report/trajectory/text.ts";
import { readTrajectory, STEPS, TRAJECTORY } from "../store/profiles.ts";
import { formsOf } from "./findings.ts";
import { foretelling, printForesight } from "./foresight.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { type MeasuringOptions, measuringCommand, readPlan } from "./measuring.ts";
import { type Asked, Outputs, placesOf } from "./outputs.ts";
import { progressOf } from "./progress.ts";

export function trajectoryCommand() {
  return measuringCommand("trajectory")
    .summary("measure the checkpoints of a training run, step by step")
    .description(
      "Measures the checkpoints of one training run on the same text and the same reference points, and draws how its bits per byte and what its layers keep and know change over the steps: the path through the information plane, and whether there is a phase change in it. With --out, profiles are kept as they come, and --resume goes on with the next checkpoint.",
    )
    .argument("[run...]", "folder of checkpoints named by their step, checkpoints, or org/name@step1000,step2000")
    .optionsGroup(GROUP.read)
    .option("--from <file>", "draws a trajectory.json, or the one in a folder, again and measures nothing")
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
      const asked = command.getOptionValueSource("context") === "cli";
      const planned = from === undefined ? await readPlan(options, asked) : null;
      const run = planned && (await findRun(names));
      const outputs = trajectoryOutputs(options, run?.checkpoints ?? []);
      await outputs.prepare(options);
      if (options.dryRun) return foreseen(run, outputs, options, planned);
      const trajectory = run ? await measured(run, outputs, options, planned) : await readTrajectory(from!);
      await outputs.deliver(trajectory);
      outputs.say();
    });
}

/** @param checkpoints whose profiles are kept beside it */
function trajectoryOutputs(asked: Asked, checkpoints: readonly RunCheckpoint[]): Outputs<Trajectory> {
  const { out } = asked;
  const kept = out === undefined ? [] : checkpoints.map(({ step }) => join(out, STEPS, `step-${step}.json`));
  return new Outputs(asked, {
    ...formsOf({ blocks: trajectoryBlocks, page: trajectoryPage, line: courseClaim }),
    names: { json: TRAJECTORY, page: "report.html" },
    own: kept.map((path) => ({ path, option: "--out" })),
  });
}

/** @throws LossyscopeError `usage` where nothing would be measured; as `dryRunOf` does */
async function foreseen(
  run: TrainingRun | null,
  outputs: Outputs<Trajectory>,
  options: MeasuringOptions & Asked,
  planned: Awaited<ReturnType<typeof readPlan>> | null,
): Promise<void> {
  if (!run || !planned)
    throw new LossyscopeError("usage", "--from measures nothing that could be foretold", "leave out --dry-run");
  const progress = progressOf(options);
  const { threads, offline, work = defaultWorkFolder() } = options;
  const places = placesOf(options, outputs.paths);
  const foresight = await interruptible((signal) =>
    dryRunOf({
      ...{ ...planned, checkpoints: run.checkpoints, threads, work, outputs: places, progress, signal, offline },
      downloads: () => downloadProgress(progress),
    }),
  );
  await printForesight(foresight, outputs.paths, options);
}

async function measured(
  run: TrainingRun,
  outputs: Outputs<Trajectory>,
  options: MeasuringOptions & Asked,
  { plan, points }: Awaited<ReturnType<typeof readPlan>>,
): Promise<Trajectory> {
  const progress = progressOf(options);
  const profiles = options.out === undefined ? null : join(options.out, STEPS);
  return interruptible(async (signal) => {
    const steps = await measureRun({
      checkpoints: run.checkpoints,
      plan,
      points,
      threads: options.threads,
      work: options.work ?? defaultWorkFolder(),
      profiles,
      resume: options.resume,
      onEarlier({ taken, foreign }) {
        outputs.refuseTaken(foreign);
        if (taken.length === 0) outputs.refuseTaken();
        else outputs.refuseForeign();
      },
      onForesight: foretelling(options, outputs.paths, progress),
      outputs: placesOf(options, [...outputs.paths, ...(profiles === null ? [] : [profiles])]),
      progress,
      signal,
      offline: options.offline,
      downloads: () => downloadProgress(progress),
    });
    return trajectoryOf({ name: run.name, log: run.log, steps });
  });
}
