/**
 * A run of the model over the text, or over a shard's share of it, in a folder of its own: what `measure` and `shard` have in
 * common. A run that is stopped keeps what it has in its folder and goes on from there.
 *
 * Memory: what `prepare.ts` says; the engine's child; each probe as its file says. Disk: the plane's rows, said before
 * the run.
 */

import { timedTrial } from "../engines/trial.ts";
import { sizeText, timeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type Probes, probesOf } from "../probes/index.ts";
import type { Foresight } from "../profile/foresight.ts";
import { costsOf } from "./foresight/costs.ts";
import { foreseenRun, foresightOf } from "./foresight/foresee.ts";
import type { LmEvalTally } from "./lm-eval/lm-eval.ts";
import { type ObserveRequest, observe } from "./observe.ts";
import { type Prepared, type PrepareRequest, prepare, type Subject } from "./prepare.ts";
import { spelling } from "./preparing/spelling.ts";
import { type Ran, ranSince } from "./running/execution.ts";
import { RunFolder } from "./running/run-folder.ts";
import type { Shard } from "./shards/share.ts";

export interface RunRequest extends PrepareRequest, ObserveRequest {
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

export interface Seen {
  readonly likeLmEval: LmEvalTally | null;
  /** what the model's work has taken until now */
  ran(): Ran;
}

export interface Run {
  readonly prepared: Prepared;
  readonly folder: string;
  readonly probes: Probes;
  /** Lets the model run, what an earlier process has seen left out. */
  observe(): Promise<Seen>;
}

/**
 * Prepares the run and hands it to the work, whose result it returns; the folder is there until the work is done.
 * @throws LossyscopeError by what is wrong with model, text, options, machine; `interrupted` when stopped, after which
 * the same request with `resume` goes on
 */
export async function inRun<T>(
  request: RunRequest,
  placeOf: (subject: Subject) => RunPlace,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const started = new Date();
  const { model, threads, progress, resume, signal, onForesight } = request;
  try {
    const prepared = await prepare(request);
    if (signal?.aborted) {
      throw new LossyscopeError("interrupted", "stopped before the model ran", "the same command begins again");
    }
    const { root, name, option, shard } = placeOf(prepared.subject);
    const batches = shard ? shard.claim(prepared.batches) : prepared.batches;
    const folder = new RunFolder(root, name, resume);
    try {
      const left = batches.slice(folder.earlier?.batches ?? 0);
      const rates = onForesight && (await timedTrial(model.width, threads, signal));
      progress.expect(costsOf(request, prepared, left, rates));
      const foreseen = rates && foreseenRun(prepared, { model, threads, batches: left, shard, rates });
      if (foreseen) onForesight(foresightOf([foreseen], rates));
      const since = performance.now();
      const place = { folder: folder.path, resumable: true };
      const points = prepared.points?.points ?? null;
      const probes = probesOf(prepared.subject, { place, points, spell: spelling(prepared.tokenizer) });
      const observed = async (): Promise<Seen> => {
        if (resume && !folder.earlier) progress.message("there is nothing to go on from: the run begins afresh");
        const bytes = probes.list.reduce((total, probe) => total + (probe.diskBytes?.(batches) ?? 0), 0);
        if (bytes > 0) {
          folder.foresee(bytes, option);
          if (!foreseen) progress.message(`${sizeText(bytes)} of temporary disk space`);
        }
        const stopwatch = performance.now();
        const { ran, likeLmEval } = await observe(request, prepared, probes, folder, shard);
        return { likeLmEval, ran: () => ranSince(ran, started, stopwatch) };
      };
      const result = await work({ prepared, folder: folder.path, probes, observe: observed }).finally(() => {
        for (const probe of probes.list) probe.close?.();
      });
      if (!shard) folder.remove();
      const took = timeText((performance.now() - since) / 1000);
      const foretold = foreseen?.seconds ?? null;
      if (foretold !== null) progress.message(`took ${took}, foretold were about ${timeText(foretold)}`);
      return result;
    } catch (error) {
      throw folder.resumable ? withWayOn(error) : error;
    } finally {
      folder.release();
    }
  } finally {
    progress.finish();
  }
}

/** Says of an error that may not come again how the run goes on. */
function withWayOn(error: unknown): unknown {
  if (!(error instanceof LossyscopeError && ["interrupted", "io", "engine"].includes(error.fault))) return error;
  if (error.next?.includes("--resume")) return error; // what is there is of no use
  const wayOn = "the same command with --resume goes on from there";
  return new LossyscopeError(error.fault, error.message, wayOn, { cause: error });
}
