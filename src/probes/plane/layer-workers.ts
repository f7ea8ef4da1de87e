/**
 * Sums of several layers at a time, each in a thread of its own (`layer-worker.ts`): layers share nothing but the
 * populations, which every thread gets once, and a layer's table is handed over without a copy. Where one thread is
 * enough the sums are taken in the caller's.
 *
 * Memory: for every thread the populations once more, and the table and sums of one layer (`layers.ts`), 2 GiB of these in
 * all at most, or one layer's where that is more.
 */
import { Worker } from "node:worker_threads";
import type { LayerSums, Population } from "../../info/layer.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { FromLayerWorker, LayerTask } from "./layer-worker.ts";
import { LAYER_BYTES, type Lane, type LayerSource, laneOf, layerBytes, takeSums } from "./layers.ts";

/** Rows of assignments, over all layers, that take longer than threads take to start. */
const WORTH_THREADS = 2 ** 18;

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
  if (count === 1 || layers * source.order.length < WORTH_THREADS) {
    return { lanes: [laneOf(takeSums)], async close() {} };
  }
  const workers = Array.from({ length: count }, () => new LayerWorker(populations));
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

class LayerWorker {
  readonly #worker: Worker;
  #waiting: { resolve(sums: LayerSums[]): void; reject(error: Error): void; onRows(rows: number): void } | undefined;

  constructor(populations: readonly (readonly Population[])[]) {
    this.#worker = new Worker(MODULE, { workerData: populations, execArgv: [] });
    this.#worker.on("message", (message: FromLayerWorker) => {
      if ("rows" in message) return this.#waiting?.onRows(message.rows);
      this.#waiting?.resolve(message.sums);
      this.#waiting = undefined;
    });
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", (code) => this.#fail(new LossyscopeError("engine", `a thread ended with code ${code}`)));
  }

  take(task: LayerTask, onRows: (rows: number) => void): Promise<LayerSums[]> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, onRows };
      this.#worker.postMessage(task);
    });
  }

  async close(reason: Error): Promise<void> {
    this.#fail(reason);
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}
