/**
 * The thread of `lifeline.ts`: once its own parent is gone, the process has another one, or on Windows still the number of the
 * one that is no more.
 */
import { workerData } from "node:worker_threads";
import { isRunning } from "./processes.ts";

const LOOK_MILLISECONDS = 250;

setInterval(() => {
  if (process.ppid !== workerData || !isRunning(workerData)) process.kill(process.pid, "SIGKILL");
}, LOOK_MILLISECONDS);
