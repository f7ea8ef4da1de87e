/**
 * What takes the model: the pass of the plan's batches, seen by the probes, and where it is asked for a second one over the
 * windows of lm-evaluation-harness. How long it took, and on what, is kept for the provenance.
 */

import { arch, platform } from "node:os";
import { OnnxEngine } from "../engines/onnx.ts";
import { lengthSteps } from "../models/rotary.ts";
import { unionOfRows } from "../observations/observation.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { batchesOf } from "../text/windows.ts";
import { LIKELIEST } from "./expectations.ts";
import { type LmEvalCorpus, LmEvalTally, lmEvalCorpusWindows } from "./lm-eval.ts";
import type { OpenModel } from "./model.ts";
import { describeBatch, onePass } from "./pass.ts";
import type { Prepared, Subject } from "./prepare.ts";
import type { Probes } from "./probes.ts";
import { type ProgressSink, withProgress } from "./progress.ts";
import type { RunFolder } from "./run-folder.ts";
import type { Shard } from "./shard.ts";

export interface ObserveRequest {
  readonly model: OpenModel;
  readonly threads: number;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal;
  /** between two snapshots of the probes */
  readonly snapshotSeconds?: number;
}

/** One process's part in a measurement. Plain data. */
export interface Ran {
  readonly node: string;
  readonly platform: string;
  /** what ran the model, with its version */
  readonly engine: string;
  readonly threads: number;
  /** ISO 8601 */
  readonly started: string;
  /** from the model's start to the end of the work */
  readonly seconds: number;
  /** tokens that went through the model in this process, and the seconds of their pass */
  readonly tokens: number;
  readonly passSeconds: number;
  /** largest memory of the engine's processes, and of this one */
  readonly enginePeakBytes: number;
  readonly ownPeakBytes: number;
}

export interface Observed {
  /** what of `Ran` is known when the model has done its part */
  readonly ran: Omit<Ran, "started" | "seconds" | "ownPeakBytes">;
  readonly likeLmEval: LmEvalTally | null;
}

/**
 * @param shard null: all batches
 * @throws LossyscopeError as the engine and the probes do; `interrupted`, after a last snapshot
 */
export async function observe(
  request: ObserveRequest,
  { subject, points, batches, longest }: Prepared,
  { coding, plane, geometry, kept, expectations }: Probes,
  folder: RunFolder,
  shard: Shard | null,
): Promise<Observed> {
  const { plan } = subject;
  const engine = engineOf(request, subject.documents, longest);
  const pass = await onePass({
    engine,
    batches: shard ? shard.share(batches) : batches,
    request: {
      heads: {
        losses: true,
        likeliest: expectations ? LIKELIEST : undefined,
        assignments: plane && points ? { ...points, epsilon: points.temperature.epsilon } : undefined,
        moments: geometry !== null,
        preNorm: plan.preNorm,
      },
      likeliestRows: expectations ? (batch) => expectations.rows(batch) : undefined,
      momentRows: geometry?.rows.momentRows,
      stateRows:
        geometry || kept
          ? (batch) => unionOfRows([geometry?.rows.stateRows(batch) ?? [], kept?.stateRows(batch) ?? []])
          : undefined,
    },
    probes: {
      coding,
      ...(plane && { plane }),
      ...(geometry && { geometry: geometry.probe }),
      ...(kept && { kept }),
      ...(expectations && { expectations }),
    },
    folder,
    check: () => request.model.checkpoint.refuseChanges(),
    progress: request.progress,
    signal: request.signal,
    snapshotSeconds: request.snapshotSeconds,
  });
  const likeLmEval = subject.likeLmEval ? await passLikeLmEval(request, subject.likeLmEval, subject, shard) : null;
  return {
    ran: {
      node: process.version,
      platform: `${platform()} ${arch()}`,
      engine: `onnxruntime ${engine.report.version}`.trim(),
      threads: request.threads,
      tokens: pass.tokens,
      passSeconds: pass.seconds,
      enginePeakBytes: Math.max(engine.report.peakBytes, likeLmEval?.peakBytes ?? 0),
    },
    likeLmEval: likeLmEval?.tally ?? null,
  };
}

/** @param stopwatch when the model's part began, as `performance.now()` has it */
export const ranSince = (ran: Observed["ran"], started: Date, stopwatch: number): Ran => ({
  ...ran,
  started: started.toISOString(),
  seconds: (performance.now() - stopwatch) / 1000,
  ownPeakBytes: process.resourceUsage().maxRSS * 1024,
});

const engineOf = (
  { model: { spec, checkpoint }, threads }: ObserveRequest,
  documents: readonly { readonly id: string }[],
  longest: number,
): OnnxEngine =>
  new OnnxEngine({
    spec,
    weights: checkpoint.weights,
    threads,
    longest,
    describe: (batch: WindowBatch) => describeBatch(batch, documents),
  });

/** What lm-evaluation-harness would say: its own windows through the same model, losses alone. */
async function passLikeLmEval(
  request: ObserveRequest,
  corpus: LmEvalCorpus,
  subject: Subject,
  shard: Shard | null,
): Promise<{ readonly tally: LmEvalTally; readonly peakBytes: number }> {
  const all = batchesOf(lmEvalCorpusWindows(corpus), subject.plan.batchTokens, lengthSteps(request.model.spec));
  const batches = shard ? shard.share(all) : all;
  const count = batches.reduce((total, batch) => total + batch.windows.length, 0);
  const tally = new LmEvalTally(corpus);
  if (count === 0) return { tally, peakBytes: 0 };
  const engine = engineOf(request, corpus.sequences, longestOf(all) - 1);
  let done = 0;
  await withProgress(request.progress, "as lm-evaluation-harness", "windows", async (update) => {
    const heads = { losses: true, inLanes: true, preNorm: false };
    for await (const observation of engine.run(batches, { heads }, request.signal)) {
      tally.observe(observation);
      done += observation.batch.windows.length;
      update(done, count);
    }
  });
  return { tally, peakBytes: engine.report.peakBytes };
}

const longestOf = (batches: readonly WindowBatch[]): number =>
  batches.reduce((most, { windows }) => Math.max(most, ...windows.map(({ ids }) => ids.length)), 0);
