/**
 * The figures of all layers, several at a time, each in a thread of its own (`shape-worker.ts`); in the caller's where that
 * is enough. The same figures either way.
 *
 * Memory: for every thread 12·d² + 4·p·d bytes, p the number of states kept for TwoNN.
 */
import { setImmediate } from "node:timers/promises";
import { mapAtMost } from "../../files/concurrent.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { GeometryLayer } from "../../profile/geometry.ts";
import { TaskThread } from "../threads.ts";
import { type GatheredLayer, layerShape } from "./geometry.ts";

/** d³ over all layers that takes longer than threads take to start. */
const WORTH_THREADS = 2 ** 28;

/** From sources (tests) the compiled worker is started: plain Node cannot load TypeScript on every supported version. */
const MODULE = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/probes/geometry/shape-worker.js" : "./shape-worker.js",
  import.meta.url,
);

export interface ShapeOptions {
  readonly threads: number;
  readonly signal?: AbortSignal;
  readonly onLayer: () => void;
}

/** @throws LossyscopeError `interrupted` */
export async function layerShapes(
  layers: readonly GatheredLayer[],
  { threads, signal, onLayer }: ShapeOptions,
): Promise<GeometryLayer[]> {
  const work = layers.reduce((sum, { moments }) => sum + moments.sum.length ** 3, 0);
  const count = work < WORTH_THREADS ? 1 : Math.min(threads, layers.length);
  const workers =
    count < 2 ? [] : Array.from({ length: count }, () => new TaskThread<GatheredLayer, GeometryLayer>(MODULE));
  let done = 0;
  const interrupted = (): LossyscopeError =>
    new LossyscopeError("interrupted", `stopped after ${done} of ${layers.length} layers of the geometry`);
  const close = (): Promise<unknown> => Promise.all(workers.map((worker) => worker.close(interrupted())));
  const stop = (): void => void close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const idle = [...workers];
    return await mapAtMost(Math.max(1, count), layers, async (layer) => {
      await setImmediate();
      if (signal?.aborted) throw interrupted();
      const worker = idle.pop();
      const shape = worker ? await worker.take(layer) : layerShape(layer);
      if (worker) idle.push(worker);
      done++;
      onLayer();
      return shape;
    });
  } finally {
    signal?.removeEventListener("abort", stop);
    await close();
  }
}
