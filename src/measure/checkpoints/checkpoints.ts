/**
 * The checkpoints of one training run, found and put in the order of their steps: folders in a folder, folders one by one,
 * or revisions of a model on the Hub (`org/name@step1000,step2000`); and what the run's log says of its loss.
 *
 * Memory: 24 bytes a line of the log.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { LoggedStep } from "../../atlas/trajectory.ts";
import { ioFault, systemCode } from "../../files/faults.ts";
import { logged, RUN_LOG } from "../../lab/checkpoint.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";

export interface RunCheckpoint {
  readonly step: number;
  /** the folder's own name, or the revision */
  readonly name: string;
  /** as `openModel` takes it */
  readonly model: string;
}

export interface TrainingRun {
  /** of the folder, or `org/name` */
  readonly name: string;
  readonly checkpoints: readonly RunCheckpoint[];
  /** null where there is no log */
  readonly log: readonly LoggedStep[] | null;
}

/** The number behind `step`, else the last one in the name; null where it has none. */
function stepOf(name: string): number | null {
  const digits = /step[-_ ]?(\d+)/i.exec(name)?.[1] ?? /(\d+)\D*$/.exec(name)?.[1];
  const step = digits === undefined ? Number.NaN : Number(digits);
  return Number.isSafeInteger(step) ? step : null;
}

function checkpoint(name: string, model: string): RunCheckpoint {
  const step = stepOf(name);
  if (step !== null) return { step, name, model };
  throw new LossyscopeError(
    "input",
    `${name} does not say which step it is`,
    "name checkpoints by their step, as step-1000 or checkpoint-1000",
  );
}

/**
 * Finds the checkpoints of a training run, in the order of their steps.
 * @param names folders of checkpoints, checkpoints, or `org/name@revision,revision…`
 * @throws LossyscopeError `input` where a name is none of these, tells no step, or two tell the same; `io`
 */
export async function findRun(names: readonly string[]): Promise<TrainingRun> {
  const found: { run: string; checkpoints: RunCheckpoint[]; folder: string | null }[] = [];
  for (const name of names) {
    const folder = await stat(name).then(
      (there) => there.isDirectory(),
      () => false,
    );
    found.push(folder ? await inFolder(name) : onHub(name));
  }
  const checkpoints = found.flatMap((one) => one.checkpoints).sort((a, b) => a.step - b.step);
  const twice = checkpoints.findIndex(({ step }, index) => index > 0 && checkpoints[index - 1].step === step);
  if (twice > 0) {
    const [one, other] = [checkpoints[twice - 1], checkpoints[twice]];
    throw new LossyscopeError(
      "input",
      `${one.model} and ${other.model} both say that they are step ${one.step}`,
      "name the checkpoints of one run, each once",
    );
  }
  const runs = [...new Set(found.map(({ run }) => run))];
  const folders = [...new Set(found.map(({ folder }) => folder))];
  const log = folders.length === 1 && folders[0] !== null ? await readLog(join(folders[0], RUN_LOG)) : null;
  return { name: runs.join(", "), checkpoints, log };
}

async function inFolder(path: string) {
  const whole = resolve(path);
  if (await isModel(whole)) {
    const above = dirname(whole);
    return { run: basename(above), checkpoints: [checkpoint(basename(whole), path)], folder: above };
  }
  const names = await readdir(whole).catch((error) => Promise.reject(ioFault(error, `read the folder ${path}`)));
  const checkpoints: RunCheckpoint[] = [];
  for (const name of names) {
    // what a run leaves beside its checkpoints is none of them
    if (stepOf(name) !== null && !name.startsWith(".") && (await isModel(join(whole, name)))) {
      checkpoints.push(checkpoint(name, join(path, name)));
    }
  }
  if (checkpoints.length > 0) return { run: basename(whole), checkpoints, folder: whole };
  throw new LossyscopeError(
    "input",
    `${path} holds no checkpoints: none of its ${count(names.length)} entries is a folder with a number in its name and a config.json`,
    "pass what `lossyscope train --out` wrote, or the checkpoints one by one",
  );
}

const isModel = (folder: string): Promise<boolean> =>
  stat(join(folder, "config.json")).then(
    () => true,
    () => false,
  );

function onHub(name: string) {
  const [model, revisions] = name.split("@");
  if (!revisions) {
    throw new LossyscopeError(
      "input",
      `there is no folder ${name}, and it names no revisions`,
      "name the checkpoints of a model on the Hub as org/name@step1000,step2000",
    );
  }
  const checkpoints = revisions.split(",").map((revision) => checkpoint(revision, `${model}@${revision}`));
  return { run: model, checkpoints, folder: null };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

async function readLog(path: string): Promise<LoggedStep[] | null> {
  const text = await readFile(path, "utf8").catch((error) =>
    systemCode(error) === "ENOENT" ? null : Promise.reject(ioFault(error, `read ${path}`)),
  );
  if (text === null) return null;
  const steps: LoggedStep[] = [];
  for (const line of text.split("\n")) {
    const { step, tokens, nllNats } = logged(line);
    if (isCount(step) && isCount(tokens) && typeof nllNats === "number" && Number.isFinite(nllNats)) {
      steps.push({ step, tokens, nats: nllNats });
    }
  }
  return steps.length > 0 ? steps : null;
}
