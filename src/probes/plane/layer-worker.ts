/** A thread that takes the sums of layers: it is given the populations once, then one table after the other. */
import { workerData } from "node:worker_threads";
import type { AssignmentTable, LayerSums, Population } from "../../info/layer.ts";
import { answerTasks } from "../threads.ts";
import { takeSums } from "./layers.ts";

export interface LayerTask {
  readonly table: AssignmentTable;
  /** which group of populations */
  readonly group: number;
}

const populations = workerData as readonly (readonly Population[])[];

/** Tells rows taken since it told last. */
answerTasks<LayerTask, LayerSums[], number>(({ table, group }, tell) =>
  Promise.resolve(takeSums(table, populations[group], tell)),
);
