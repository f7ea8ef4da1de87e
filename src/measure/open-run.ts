/**
 * A run of the model over the text, or over a shard's share of it, in a folder of its own: what `measure` and `shard` have in
 * common. A run that is stopped keeps what it has in its folder and goes on from there.
 *
 * Memory: what `prepare.ts` says; the engine's child; each probe as its file says. Disk: the plane's rows, said before
 * the run.
 */

import { timedTrial } from "../engines/trial.ts";
import { timeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { RunContext } from "../ports/context.ts";
import { type Probes, probesOf } from "../probes/index.ts";
import type { ForeseenRun, Foresight } from "../profile/foresight.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { costsOf } from "./foresight/costs.ts";
import { foreseenRun, foresightOf } from "./foresight/foresee.ts";
import { besideReference } from "./lockstep/foresee.ts";
import type { Prepared, PrepareRequest } from "./prepare.ts";
import { spelling } from "./preparing/spelling.ts";
import { RunFolder } from "./running/run-folder.ts";
import type { Shard } from "./shards/share.ts";

export interface RunRequest extends RunContext, PrepareRequest {
  /** between two snapshots of the probes */
  readonly snapshotSeconds?: number;
  readonly resume: boolean;
  /** told what the run will do once it is prepared: a short trial of the machine goes before it */
  readonly onForesight?: (foresight: Foresight) => void;
}

export interface RunPlace {
  /** the folder is `root/name` */
  readonly root: string;
  readonly name: string;
  /** that named the root */
  readonly option: "--work" | "--out";
  /** null: the whole plan, and the folder is removed at the end */
  readonly shard: Shard | null;
}

/** What lets the model run over what was prepared: a folder to keep things in, and probes to see what comes. */
export interface Run {
  readonly request: RunRequest;
  readonly prepared: Prepared;
  readonly place: RunPlace;
  /** of the whole plan, or of the shard; what an earlier process has seen among them */
  readonly batches: readonly WindowBatch[];
  readonly folder: RunFolder;
  readonly probes: Probes;
  /** null where nobody wanted to know before */
  readonly foreseen: ForeseenRun | null;
}

/**
 * Opens a run and hands it to the work, whose result it returns; the folder is there until the work is done.
 * @throws LossyscopeError `usage` where another process makes this measurement, or there are more shards than batches; `io`;
 * `interrupted` when stopped, after which the same request with `resume` goes on; whatever the work throws
 */
export async function openRun<T>(
  request: RunRequest,
  prepared: Prepared,
  place: RunPlace,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const { signal, resume, progress } = request;
  const { root, name, shard } = place;
  if (signal?.aborted) {
    throw new LossyscopeError("interrupted", "stopped before the model ran", "the same command begins again");
  }
  const batches = shard ? shard.claim(prepared.batches) : prepared.batches;
  const folder = new RunFolder(root, name, resume);
  try {
    const foreseen = await foresee(request, prepared, batches.slice(folder.stopped?.batches ?? 0), shard);
    const opened = performance.now();
    const points = prepared.points?.points ?? null;
    const probes = probesOf(prepared.subject, {
      place: { folder: folder.path, resumable: true },
      points,
      spell: spelling(prepared.tokenizer),
    });
    const result = await work({ request, prepared, place, batches, folder, probes, foreseen }).finally(() => {
      for (const probe of probes.list) probe.close?.();
    });
    if (!shard) folder.remove();
    const seconds = foreseen?.seconds ?? null;
    if (seconds !== null) {
      const took = timeText((performance.now() - opened) / 1000);
      progress.message(`took ${took}, foretold were about ${timeText(seconds)}`);
    }
    return result;
  } catch (error) {
    throw folder.resumable ? withWayOn(error) : error;
  } finally {
    folder.release();
  }
}

/** Says how long the stages will take, and what the run will do where somebody wants to know. @param left batches to run */
async function foresee(
  request: RunRequest,
  prepared: Prepared,
  left: readonly WindowBatch[],
  shard: Shard | null,
): Promise<ForeseenRun | null> {
  const { model, threads, progress, onForesight } = request;
  const rates = onForesight && (await timedTrial(model.width, request));
  progress.expect(costsOf(request, prepared, left, rates));
  if (!rates) return null;
  const alone = foreseenRun(prepared, { model, threads, batches: left, shard, rates });
  const run = await besideReference(alone, { ...request, prepared, rates });
  onForesight?.(foresightOf([run], rates));
  return run;
}

/** Says of an error that may not come again how the run goes on. */
function withWayOn(error: unknown): unknown {
  if (!(error instanceof LossyscopeError && ["interrupted", "io", "engine", "network"].includes(error.fault)))
    return error;
  if (error.next?.includes("--resume")) return error; // what is there is of no use
  const wayOn = "the same command with --resume goes on from there";
  return new LossyscopeError(error.fault, error.message, wayOn, { cause: error });
}
