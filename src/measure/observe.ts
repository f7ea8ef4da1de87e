/**
 * What takes the model: the pass of the plan's batches, seen by the probes, and where it is asked for a second one over the
 * windows of lm-evaluation-harness. How long it took, and on what, is kept for the provenance.
 */

import { arch, platform } from "node:os";
import { createEngine } from "../engines/create.ts";
import { batchesFor, readBatches } from "../engines/score.ts";
import type { Model } from "../ports/model.ts";
import { type ProgressSink, withProgress } from "../ports/progress.ts";
import { type Probes, requestOf } from "../probes/index.ts";
import { describeBatch, longestOf } from "../text/windows.ts";
import { type LmEvalCorpus, LmEvalTally, lmEvalCorpusWindows } from "./lm-eval/lm-eval.ts";
import type { Prepared, Subject } from "./prepare.ts";
import type { RanSoFar } from "./running/execution.ts";
import { onePass } from "./running/pass.ts";
import type { RunFolder } from "./running/run-folder.ts";
import type { Shard } from "./shards/share.ts";
import { LIKE_LM_EVAL } from "./stages.ts";

export interface ObserveRequest {
  readonly model: Model;
  readonly threads: number;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal;
  /** between two snapshots of the probes */
  readonly snapshotSeconds?: number;
}

export interface Observed {
  readonly ran: RanSoFar;
  readonly likeLmEval: LmEvalTally | null;
}

/**
 * @param shard null: all batches
 * @throws LossyscopeError as the engine and the probes do; `interrupted`, after a last snapshot
 */
export async function observe(
  request: ObserveRequest,
  { subject, batches, longest }: Prepared,
  probes: Probes,
  folder: RunFolder,
  shard: Shard | null,
): Promise<Observed> {
  const { plan } = subject;
  const { model, threads } = request;
  const engine = createEngine(model, {
    threads,
    longest,
    describe: (batch) => describeBatch(batch, subject.documents),
  });
  const pass = await onePass({
    engine,
    batches: shard ? shard.share(batches) : batches,
    request: requestOf(probes.list, plan),
    probes: probes.list,
    folder,
    check: () => request.model.refuseChanges(),
    progress: request.progress,
    signal: request.signal,
    snapshotSeconds: request.snapshotSeconds,
  });
  const likeLmEval = subject.likeLmEval ? await passLikeLmEval(request, subject.likeLmEval, subject, shard) : null;
  return {
    ran: {
      node: process.version,
      platform: `${platform()} ${arch()}`,
      engine: `${engine.runtime} ${engine.report.version}`.trim(),
      threads: request.threads,
      tokens: pass.tokens,
      passSeconds: pass.seconds,
      enginePeakBytes: Math.max(engine.report.peakBytes, likeLmEval?.peakBytes ?? 0),
    },
    likeLmEval: likeLmEval?.tally ?? null,
  };
}

/** What lm-evaluation-harness would say: its own windows through the same model, losses alone. */
async function passLikeLmEval(
  request: ObserveRequest,
  corpus: LmEvalCorpus,
  subject: Subject,
  shard: Shard | null,
): Promise<{ readonly tally: LmEvalTally; readonly peakBytes: number }> {
  const { model } = request;
  const all = batchesFor(model, lmEvalCorpusWindows(corpus), subject.plan.batchTokens);
  const batches = shard ? shard.share(all) : all;
  const tally = new LmEvalTally(corpus);
  const report = await withProgress(request.progress, LIKE_LM_EVAL, "windows", (onWindows) =>
    readBatches(
      {
        model,
        batches,
        threads: request.threads,
        // nothing is predicted from the last slot of its windows
        longest: longestOf(all) - 1,
        describe: (batch) => describeBatch(batch, corpus.sequences),
        signal: request.signal,
        onWindows,
      },
      { heads: { losses: true, inLanes: true, preNorm: false } },
      (observation) => tally.observe(observation),
    ),
  );
  return { tally, peakBytes: report?.peakBytes ?? 0 };
}
