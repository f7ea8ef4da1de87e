/** A thread that takes the sums of layers: it is given the populations once, then one table after the other. */
import { parentPort, workerData } from "node:worker_threads";
import type { AssignmentTable, Population } from "../info/layer.ts";
import { takeSums } from "./layers.ts";

export interface LayerTask {
  readonly table: AssignmentTable;
  /** which group of populations */
  readonly group: number;
}

const populations = workerData as readonly (readonly Population[])[];

parentPort?.on("message", async ({ table, group }: LayerTask) => {
  parentPort!.postMessage(await takeSums(table, populations[group]));
});
