/**
 * What takes the model: the pass of the plan's batches, seen by the probes, and where it is asked for a second one over the
 * windows of lm-evaluation-harness and of llama-perplexity. How long it took, and on what, is kept for the provenance.
 */

import { arch, platform } from "node:os";
import { createEngine } from "../engines/create.ts";
import { batchesFor, readBatches } from "../engines/score.ts";
import { sizeText } from "../numeric/amounts.ts";
import { quietContext } from "../ports/context.ts";
import { decoderOf } from "../ports/model.ts";
import { withProgress } from "../ports/progress.ts";
import { requestOf } from "../probes/index.ts";
import { describeBatch, longestOf } from "../text/windows.ts";
import { type LlamaCppCorpus, LlamaCppTally, llamaCppWindows, WHOLE_TEXT } from "./llama-cpp/llama-cpp.ts";
import { type LmEvalCorpus, LmEvalTally, lmEvalCorpusWindows } from "./lm-eval/lm-eval.ts";
import type { Run, RunRequest } from "./open-run.ts";
import type { Subject } from "./prepare.ts";
import { type Execution, type ExecutionSoFar, executionSince } from "./running/execution.ts";
import { onePass } from "./running/pass.ts";
import { type Readings, readBefore } from "./running/repeatability.ts";
import type { Shard } from "./shards/share.ts";
import { LIKE_LLAMA_CPP, LIKE_LM_EVAL } from "./stages.ts";

/** What was seen beside what the probes of the run have. */
export interface Observed {
  readonly likeLmEval: LmEvalTally | null;
  readonly likeLlamaCpp: LlamaCppTally | null;
  /** of a served model, read again; null where it runs here, and of a shard */
  readonly readings: Readings | null;
  /** what the model's work has taken until now */
  execution(): Execution;
}

/**
 * Lets the model run, what an earlier process has seen left out, and the probes see what it gives.
 * @throws LossyscopeError `io` where the disk has no room; as the engine and the probes do; `interrupted`, after a last snapshot
 */
export async function observe(run: Run): Promise<Observed> {
  const { request, prepared, probes, folder, place } = run;
  const { subject, longest } = prepared;
  const { model, resume, progress } = request;
  if (resume && !folder.stopped) progress.message("there is nothing to go on from: the run begins afresh");
  const bytes = probes.list.reduce((total, probe) => total + (probe.diskBytes?.(run.batches) ?? 0), 0);
  if (bytes > 0) {
    folder.foresee(bytes, place.option);
    if (!run.foreseen) progress.message(`${sizeText(bytes)} of temporary disk space`);
  }
  const stopwatch = performance.now();
  const readings = place.shard ? null : await readBefore(request, prepared.batches, subject.documents);
  const engine = createEngine(model, {
    ...quietContext(request),
    longest,
    describe: (batch) => describeBatch(batch, subject.documents),
  });
  // With one thread it would only take the model's.
  if (request.threads > 1) for (const probe of probes.list) probe.beginBeside?.(request.signal);
  const pass = await onePass({
    engine,
    batches: run.batches,
    request: requestOf(probes.list, subject.plan),
    probes: probes.list,
    folder,
    check: () => request.model.refuseChanges(),
    progress: request.progress,
    signal: request.signal,
    snapshotSeconds: request.snapshotSeconds,
  });
  const likeLmEval = subject.likeLmEval
    ? await passLikeLmEval(request, subject.likeLmEval, subject, place.shard)
    : null;
  const likeLlamaCpp = prepared.likeLlamaCpp
    ? await passLikeLlamaCpp(request, prepared.likeLlamaCpp, subject.plan.batchTokens, place.shard)
    : null;
  const ran: ExecutionSoFar = {
    node: process.version,
    platform: `${platform()} ${arch()}`,
    engine: `${engine.runtime} ${engine.report.version}`.trim(),
    threads: request.threads,
    tokens: pass.tokens,
    passSeconds: pass.seconds,
    ...(decoderOf(model)?.streams && { streams: true as const }),
    enginePeakBytes: Math.max(engine.report.peakBytes, likeLmEval?.peakBytes ?? 0, likeLlamaCpp?.peakBytes ?? 0),
  };
  return {
    likeLmEval: likeLmEval?.tally ?? null,
    likeLlamaCpp: likeLlamaCpp?.tally ?? null,
    readings,
    execution: () => executionSince(ran, prepared.started, stopwatch, model.served),
  };
}

/** What lm-evaluation-harness would say: its own windows through the same model, losses alone. */
async function passLikeLmEval(
  request: RunRequest,
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
        ...quietContext(request),
        // nothing is predicted from the last slot of its windows
        longest: longestOf(all) - 1,
        describe: (batch) => describeBatch(batch, corpus.sequences),
        onWindows,
      },
      { heads: { losses: true, inLanes: true, preNorm: false } },
      (observation) => tally.observe(observation),
    ),
  );
  return { tally, peakBytes: report?.peakBytes ?? 0 };
}

/** What llama-perplexity would say: its chunks through the same model, losses alone. */
async function passLikeLlamaCpp(
  request: RunRequest,
  corpus: LlamaCppCorpus,
  batchTokens: number,
  shard: Shard | null,
): Promise<{ readonly tally: LlamaCppTally; readonly peakBytes: number }> {
  const { model } = request;
  const all = batchesFor(model, llamaCppWindows(corpus), batchTokens);
  const batches = shard ? shard.share(all) : all;
  const tally = new LlamaCppTally(corpus, decoderOf(model)?.precision === "fast");
  const report = await withProgress(request.progress, LIKE_LLAMA_CPP, "windows", (onWindows) =>
    readBatches(
      { model, batches, ...quietContext(request), describe: (batch) => describeBatch(batch, WHOLE_TEXT), onWindows },
      { heads: { losses: true, preNorm: false } },
      (observation) => tally.observe(observation),
    ),
  );
  return { tally, peakBytes: report?.peakBytes ?? 0 };
}
