/** The thread of `lifeline.ts`: the process has another parent once its own is gone. */
import { workerData } from "node:worker_threads";

const LOOK_MILLISECONDS = 250;

setInterval(() => {
  if (process.ppid !== workerData) process.kill(process.pid, "SIGKILL");
}, LOOK_MILLISECONDS);
