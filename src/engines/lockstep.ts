/**
 * Two models side by side: windows through the graph that holds both (`models/lockstep.ts`), in one runtime process; of every
 * scored token there come back seven numbers. What is made of them is `measure/lockstep/`'s.
 *
 * Memory here: two batches, 28 bytes a scored token. In the runtime: `lockstepBytes`.
 */
import { buildLockstepGraph, LOCKSTEP_CHUNK, type LockstepLayers } from "../models/lockstep.ts";
import { lengthSteps } from "../models/rotary.ts";
import type { EngineContext, EngineReport } from "../ports/engine.ts";
import type { Decoder } from "../ports/model.ts";
import type { Window, WindowBatch } from "../text/corpus.ts";
import { batchesOf } from "../text/windows.ts";
import { atLeastOne, layout } from "./layout.ts";
import { type Load, runtimeBytes } from "./memory.ts";
import { rounded, runnable } from "./runnable.ts";
import type { Feed } from "./runtime-messages.ts";
import { withRuntime } from "./with-runtime.ts";

/** P, then Q. */
export type Two = readonly [Decoder, Decoder];

/** [scored tokens of a batch] each, as `buildLockstepGraph` names them. */
export interface Together {
  readonly batch: WindowBatch;
  readonly kl: Float32Array;
  readonly natsP: Float32Array;
  readonly natsQ: Float32Array;
  readonly delta: Float32Array;
  readonly probability: Float32Array;
  readonly topP: Float32Array;
  readonly topQ: Float32Array;
  /** soft assignments of both, where layers are wanted: one [rows, draws·m] array a layer, rows as in an `Observation` */
  readonly assignments?: readonly [readonly Float32Array[], readonly Float32Array[]];
}

export interface TogetherRequest extends EngineContext {
  readonly models: Two;
  /** tokens that both have */
  readonly vocabulary: number;
  readonly batches: readonly WindowBatch[];
  /** what of the layers is wanted as well */
  readonly layers?: LockstepLayers;
  readonly signal?: AbortSignal;
}

/** Lengths from which either model reads a window otherwise. */
const stepsOf = (models: Two): number[] => models.flatMap(({ spec }) => lengthSteps(spec));

/** Windows in batches that straddle no length from which either model computes otherwise. */
export const batchesForTwo = (models: Two, windows: readonly Window[], batchTokens: number): WindowBatch[] =>
  batchesOf(windows, batchTokens, stepsOf(models));

/** The scored tokens of a batch in the order of their rows: its window, and its place in the document. */
export function* scoredIn({ windows }: WindowBatch): Generator<{ readonly window: Window; readonly token: number }> {
  for (const window of windows)
    for (let slot = Math.max(1, window.fresh); slot < window.ids.length; slot++)
      yield { window, token: window.start + slot - window.prefixSlots };
}

/** Arrays of a chunk of logits that live side by side: two of float32, and so many of float64. */
const NARROW = 2;
const WIDE = 8;

/** @returns bytes that the runtime takes at most, about: no more for a longer text, nor for a vocabulary beyond a chunk's */
export function lockstepBytes(models: Two, vocabulary: number, load: Load): number {
  const tokens = Math.max(load.longest, load.batchTokens);
  const chunk = tokens * Math.min(vocabulary, LOCKSTEP_CHUNK) * (4 * NARROW + 8 * WIDE);
  return models.reduce((total, { spec, weights }) => total + runtimeBytes(spec, weights, load), chunk);
}

/**
 * Runs the batches in order.
 * @param take takes what came of each, in order
 * @returns what the runtime has to tell
 * @throws LossyscopeError as `Engine.run`, and whatever `take` throws; `model` where the files of the two share no folder, or a result is no number
 */
export async function readTogether(
  { models, vocabulary, batches, threads, longest, describe, layers, signal }: TogetherRequest,
  take: (one: Together) => void,
): Promise<EngineReport> {
  const [p, q] = await Promise.all(
    models.map(async (model) => ({
      spec: model.spec,
      weights: await runnable(model.weights, "windows", signal),
      isFast: model.precision === "fast",
      rounded: await rounded(model, signal),
    })),
  );
  const graph = buildLockstepGraph(p, q, vocabulary, longest, layers);
  const some = p.rounded || q.rounded ? atLeastOne : (rows: BigInt64Array) => rows;
  const steps = stepsOf(models).filter((step) => step < longest);
  return withRuntime({ threads }, signal, async (runtime) => {
    const loaded = await runtime.load(graph.bytes, graph.externalFolder);
    const report = { version: loaded.version, loadSeconds: loaded.seconds, runSeconds: 0, cpuSeconds: 0, peakBytes: 0 };
    const start = (batch: WindowBatch) => {
      const { ids, width, scoredSlots, slots, targets } = layout(batch, layers === undefined, steps);
      const vector = (data: BigInt64Array): Feed => ({ type: "int64", data, dims: [data.length] });
      const feeds = {
        input_ids: { type: "int64", data: ids, dims: [batch.windows.length, width] },
        loss_rows: vector(some(scoredSlots)),
        loss_targets: vector(some(targets)),
        ...(layers && { rows: vector(slots) }),
      } as const;
      const where = (output: string, row: number): string | undefined => {
        if (output.includes("assignment")) return undefined;
        const found = [...scoredIn(batch)][row];
        return found && `token ${found.token} (${describe({ ...batch, windows: [found.window] })})`;
      };
      const result = runtime.run(feeds, graph.outputs, describe(batch), { where });
      // The consumer may stop before this one is awaited; its failure then has nobody to hear it.
      result.catch(() => {});
      return { batch, result };
    };
    // One batch goes ahead of the one being read, so that the runtime never waits for us.
    let ahead = batches.length > 0 ? start(batches[0]) : null;
    for (let next = 1; ahead; next++) {
      const { batch, result } = ahead;
      ahead = next < batches.length ? start(batches[next]) : null;
      const { outputs, seconds, cpuSeconds, peakBytes } = await result;
      report.runSeconds += seconds;
      report.cpuSeconds = cpuSeconds;
      report.peakBytes = Math.max(report.peakBytes, peakBytes);
      const of = (name: string): Float32Array => outputs[name].data;
      const shares = (side: "p" | "q"): Float32Array[] =>
        Array.from({ length: models[0].spec.blocks.length + 1 }, (_, layer) => of(`${side}.assignment.${layer}`));
      take({
        batch,
        kl: of("kl"),
        natsP: of("nats.p"),
        natsQ: of("nats.q"),
        delta: of("delta"),
        probability: of("probability"),
        topP: of("top.p"),
        topQ: of("top.q"),
        ...(layers && { assignments: [shares("p"), shares("q")] as const }),
      });
    }
    return report;
  });
}
