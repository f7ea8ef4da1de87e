/**
 * Sums of several layers at a time, each in a thread of its own (`layer-worker.ts`): layers share nothing but the
 * populations, which every thread gets once, and a layer's table is handed over without a copy. Where one thread is
 * enough the sums are taken in the caller's.
 *
 * Memory: for every thread the populations once more, and the table and sums of one layer (`layers.ts`), 2 GiB of these in
 * all at most, or one layer's where that is more.
 */
import type { LayerSums, Population } from "../../info/layer.ts";
import { TaskThread } from "../threads.ts";
import type { LayerTask } from "./layer-worker.ts";
import { LAYER_BYTES, type Lane, type LayerSource, laneOf, layerBytes, takeSums } from "./layers.ts";

/** Rows of assignments, over all layers, that take longer than threads take to start. */
const WORTH_THREADS = 2 ** 18;
/** What the draws of the chance correction take a layer, whatever its rows, in rows. */
const CHANCE_ROWS = 2 ** 15;

export interface LayerWorkers {
  /** as many as layers may be measured at a time */
  readonly lanes: readonly Lane[];
  /** ends the threads; sums that are being taken fail with the reason */
  close(reason: Error): Promise<void>;
}

export interface LayerWork {
  readonly source: LayerSource;
  readonly layers: number;
  /** everything that sums will be taken over, in groups as `take` is given them */
  readonly populations: readonly (readonly Population[])[];
}

export function layerWorkers(threads: number, { source, layers, populations }: LayerWork): LayerWorkers {
  const most = Math.max(...populations.map((group) => layerBytes(source, group)));
  const count = Math.max(1, Math.min(threads, layers, Math.floor((2 * LAYER_BYTES) / most)));
  const chance = populations.flat().some((population) => population.chance !== null) ? CHANCE_ROWS : 0;
  if (count === 1 || layers * (source.order.length + chance) < WORTH_THREADS) {
    return { lanes: [laneOf(takeSums)], async close() {} };
  }
  const workers = Array.from(
    { length: count },
    () => new TaskThread<LayerTask, LayerSums[], number>(MODULE, populations),
  );
  return {
    lanes: workers.map((worker) =>
      laneOf((table, group, onRows = () => {}) => worker.take({ table, group: populations.indexOf(group) }, onRows)),
    ),
    async close(reason) {
      await Promise.all(workers.map((worker) => worker.close(reason)));
    },
  };
}

/** From sources (tests) the compiled worker is started: plain Node cannot load TypeScript on every supported version. */
const MODULE = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/probes/plane/layer-worker.js" : "./layer-worker.js",
  import.meta.url,
);
