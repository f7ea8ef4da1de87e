/** A thread that takes the sums of layers: it is given the populations once, then one table after the other. */
import { parentPort, workerData } from "node:worker_threads";
import type { AssignmentTable, LayerSums, Population } from "../../info/layer.ts";
import { takeSums } from "./layers.ts";

export interface LayerTask {
  readonly table: AssignmentTable;
  /** which group of populations */
  readonly group: number;
}

/** Rows taken since it said so last, or what came of all of them. */
export type FromLayerWorker = { readonly rows: number } | { readonly sums: LayerSums[] };

const populations = workerData as readonly (readonly Population[])[];

const tell = (message: FromLayerWorker): void => parentPort!.postMessage(message);

parentPort?.on("message", async ({ table, group }: LayerTask) => {
  tell({ sums: await takeSums(table, populations[group], (rows) => tell({ rows })) });
});
