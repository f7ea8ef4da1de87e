/**
 * The parts of a plan's shards, joined: what every shard's probes have seen comes together in one set of them, which is then
 * finished as one run's is. All sums are exact or kept by place, so the figures are those of one run to the last digit. The
 * rows of the plane are read where they lie; nothing is copied, and no model is run.
 *
 * Memory: that of one measurement without the model, and one part's `state`.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ioFault } from "../../files/faults.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { Probe } from "../../ports/probe.ts";
import { probesOf } from "../../probes/index.ts";
import { PROFILE } from "../../store/profiles.ts";
import { type FinishRequest, finish, type Measurement } from "../finish.ts";
import { LlamaCppTally } from "../llama-cpp/llama-cpp.ts";
import { LmEvalTally } from "../lm-eval/lm-eval.ts";
import { readChecksummed } from "../running/checksummed.ts";
import { progressIn, takeUp } from "../running/run-folder.ts";
import { PART, PART_FOLDER, type Part, SUBJECT } from "./part.ts";
import { partSchema, wholeSchema } from "./part-schemas.ts";

/** All parts of one plan, in order. */
export interface Parts {
  readonly folders: readonly string[];
  readonly parts: readonly Part[];
  /** what the plan keeps beside the profile */
  readonly keep: Part["plan"]["keep"];
}

const AGAIN = "measure this shard again, or copy its folder once more";

/**
 * Finds the parts and makes sure that they belong together and are all there.
 * @param paths folders of parts, or folders that hold some
 * @throws LossyscopeError `input` naming what is missing, given twice, not finished or of another measurement; `io`;
 * `usage` where another version of the tool made one
 */
export function openParts(paths: readonly string[]): Parts {
  const opened = paths
    .flatMap(partFolders)
    .map((folder) => ({ folder, part: openPart(folder) }))
    .sort((a, b) => a.part.index - b.part.index);
  const [first, ...others] = opened;
  for (const other of others) refuseStranger(first, other);
  const { count } = first.part;
  const folderOf = new Map<number, string>();
  for (const { folder, part } of opened) {
    const twin = folderOf.get(part.index);
    if (twin !== undefined) {
      const places = `${twin} and ${folder}`;
      throw new LossyscopeError("input", `part ${part.index} of ${count} is given twice, ${places}`, "name it once");
    }
    folderOf.set(part.index, folder);
  }
  const missing = Array.from({ length: count }, (_, place) => place + 1).filter((index) => !folderOf.has(index));
  if (missing.length > 0) {
    const [noun, verb] = missing.length === 1 ? ["part", "is"] : ["parts", "are"];
    throw new LossyscopeError(
      "input",
      `${noun} ${missing.join(", ")} of ${count} ${verb} missing`,
      `name the folders of all ${count}, or measure with --shard ${missing[0]}/${count}`,
    );
  }
  return {
    folders: opened.map(({ folder }) => folder),
    parts: opened.map(({ part }) => part),
    keep: first.part.plan.keep,
  };
}

/** The folder itself where it is a part's, else those of parts in it. */
function partFolders(path: string): string[] {
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    throw ioFault(error, `read ${path}`);
  }
  if (names.includes(PART) || names.includes("state")) return [path];
  const found = names.filter((name) => PART_FOLDER.test(name)).sort();
  if (found.length > 0) return found.map((name) => join(path, name));
  const whole = names.includes(PROFILE);
  throw new LossyscopeError(
    "input",
    `${path} holds ${whole ? `a whole measurement (${PROFILE}), and ` : ""}no part of a measurement`,
    "name what `lossyscope measure --shard i/n --out FOLDER` wrote",
  );
}

function openPart(folder: string): Part {
  if (existsSync(join(folder, PART)))
    return readChecksummed(join(folder, PART), partSchema, `${folder} was made`, AGAIN);
  throw new LossyscopeError(
    "input",
    `${folder} is not finished`,
    "run its `lossyscope measure --shard` again with --resume",
  );
}

/** @throws LossyscopeError `input` where two parts are of different measurements, saying in what they differ */
function refuseStranger(
  one: { readonly folder: string; readonly part: Part },
  other: { readonly folder: string; readonly part: Part },
): void {
  const refuse = (what: string): never => {
    throw new LossyscopeError(
      "input",
      `${one.folder} and ${other.folder} are parts of different measurements: ${what}`,
      "name the parts of one",
    );
  };
  const [mine, its] = [one.part, other.part];
  if (mine.id !== its.id) {
    for (const key of Object.keys(mine.digests)) {
      if (mine.digests[key] !== its.digests[key]) refuse(`the ${key} ${key === "weights" ? "are" : "is"} not the same`);
    }
    const asked = (plan: Part["plan"], key: string): string => JSON.stringify((plan as Record<string, unknown>)[key]);
    const differ = Object.keys(mine.plan).filter(
      (key) => key !== "text" && asked(mine.plan, key) !== asked(its.plan, key),
    );
    const options = differ.map((key) => `${key} ${asked(mine.plan, key)} and ${asked(its.plan, key)}`);
    // Where neither digests nor options tell them apart, their models' names do.
    refuse(options.length > 0 ? options.join("; ") : "the models are not the same");
  }
  if (mine.count !== its.count) refuse(`${mine.index} of ${mine.count} and ${its.index} of ${its.count}`);
}

export interface MergeRequest extends FinishRequest {
  /** takes the measurement while the kept states can still be read */
  readonly deliver?: (measurement: Measurement) => Promise<void>;
}

/**
 * Joins the parts of a measurement that was cut into shards.
 * @returns what one run would have measured
 * @throws LossyscopeError `io` where a part is damaged or cut short; `interrupted`
 */
export async function merge({ folders, parts }: Parts, request: MergeRequest): Promise<Measurement> {
  const { subject, asides } = readChecksummed(join(folders[0], SUBJECT), wholeSchema, `${folders[0]} was made`, AGAIN);
  const probes = probesOf(subject, { place: { folders }, points: null, spell: (token) => `#${token}` });
  const seen = folders.map((folder) => snapshotsIn(folder, probes.list));
  takeUp(probes.list, seen, folders[0], AGAIN);
  let likeLmEval: LmEvalTally | null = null;
  if (subject.likeLmEval) {
    likeLmEval = new LmEvalTally(subject.likeLmEval);
    for (const [place, part] of parts.entries())
      tally(likeLmEval, part.likeLmEval, "the windows of lm-evaluation-harness", join(folders[place], PART));
  }
  let likeLlamaCpp: LlamaCppTally | null = null;
  if (subject.likeLlamaCpp) {
    likeLlamaCpp = new LlamaCppTally(subject.likeLlamaCpp);
    for (const [place, part] of parts.entries())
      tally(likeLlamaCpp, part.likeLlamaCpp, "the chunks of llama-perplexity", join(folders[place], PART));
  }
  try {
    const measurement = await finish(
      {
        subject,
        probes,
        likeLmEval,
        likeLlamaCpp,
        readings: null,
        static: asides,
        recall: null,
        facts: null,
        concepts: null,
        preference: null,
        executions: parts.map(({ ran }) => ran),
      },
      request,
    );
    await request.deliver?.(measurement);
    return measurement;
  } finally {
    request.progress.finish();
  }
}

/** What the probes of a part have kept, by their names, where all files that belong to it are there in full. */
function snapshotsIn(folder: string, probes: readonly Probe[]): Readonly<Record<string, unknown>> {
  const progress = progressIn(folder, AGAIN);
  if (!progress) throw new LossyscopeError("io", `${folder} has no state`, AGAIN);
  for (const probe of probes) {
    const files = probe.filesOf?.(progress.probes[probe.name]) ?? [];
    for (const [name, bytes] of files) refuseOtherSize(join(folder, name), bytes);
  }
  return progress.probes;
}

/** @param seen by a part; null where it has nothing of the sort @param of what */
function tally<T>(all: { restore(seen: T): void }, seen: T | null, of: string, path: string): void {
  const damaged = (why: string): LossyscopeError => new LossyscopeError("io", `${path}: ${why}`, AGAIN);
  if (!seen) throw damaged(`it has no nats of ${of}`);
  try {
    all.restore(seen);
  } catch (error) {
    throw error instanceof LossyscopeError ? damaged(error.said) : error;
  }
}

function refuseOtherSize(path: string, bytes: number): void {
  const found = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (found !== bytes) throw new LossyscopeError("io", `${path} has ${count(found)} bytes of ${count(bytes)}`, AGAIN);
}
