/**
 * The one pass over the text: windows through the engine, observations to the probes, a snapshot of them from time to time
 * so that a run that is stopped, or killed, goes on where it was.
 */

import { LossyscopeError } from "../../numeric/errors.ts";
import type { Engine, EngineRequest } from "../../ports/engine.ts";
import type { Probe } from "../../ports/probe.ts";
import type { ProgressSink } from "../../ports/progress.ts";
import type { WindowBatch } from "../../text/corpus.ts";
import { PASS } from "../stages.ts";
import { AFRESH, type RunFolder, takeUp } from "./run-folder.ts";

export interface Pass {
  readonly engine: Engine;
  readonly batches: readonly WindowBatch[];
  readonly request: EngineRequest;
  readonly probes: readonly Probe[];
  readonly folder: RunFolder;
  /** what must hold of the model for a snapshot to be of one model */
  readonly check: () => Promise<void>;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal;
  /** between two snapshots */
  readonly snapshotSeconds?: number;
}

/** A snapshot of a large model's probes takes a second or two to write. */
const SNAPSHOT_SECONDS = 30;

const newTokens = ({ windows }: WindowBatch): number =>
  windows.reduce((total, { ids, fresh, prefixSlots }) => total + ids.length - Math.max(fresh, prefixSlots), 0);

/**
 * Runs what is left of the batches.
 * @returns tokens and wall seconds of this process's share
 * @throws LossyscopeError `interrupted`, after a last snapshot, where the signal came; whatever engine and probes throw
 */
export async function onePass(pass: Pass): Promise<{ readonly tokens: number; readonly seconds: number }> {
  const { engine, batches, request, folder, progress, signal, snapshotSeconds = SNAPSHOT_SECONDS } = pass;
  const { probes } = pass;
  const { stopped } = folder;
  if (stopped) takeUp(probes, [stopped.probes], folder.path, AFRESH);
  let next = stopped?.batches ?? 0;
  const save = async (): Promise<void> => {
    await pass.check();
    await folder.save({
      batches: next,
      probes: Object.fromEntries(probes.map((probe) => [probe.name, probe.snapshot()])),
    });
  };

  const sizes = batches.map(newTokens);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const total = sum(sizes);
  const before = sum(sizes.slice(0, next));
  let seen = before;
  const started = performance.now();
  let saved = started;
  progress.start(PASS, total, "tokens", before);
  try {
    if (next < batches.length) {
      for await (const observation of engine.run(batches.slice(next), request, signal)) {
        for (const probe of probes) probe.observe(observation);
        seen += sizes[next++];
        progress.update(seen);
        if (performance.now() - saved > snapshotSeconds * 1000) {
          await save();
          saved = performance.now();
        }
      }
      await save();
    }
  } catch (error) {
    if (!(error instanceof LossyscopeError && ["interrupted", "network"].includes(error.fault))) throw error;
    await save();
    const share = `${Math.floor((100 * seen) / total)} % of the text`;
    if (error.fault === "network")
      throw new LossyscopeError("network", `${error.said}, after ${share}`, error.next, { cause: error });
    throw new LossyscopeError("interrupted", `stopped after ${share}`);
  }
  progress.finish();
  return { tokens: seen - before, seconds: (performance.now() - started) / 1000 };
}
