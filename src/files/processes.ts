/** Whether another process is still there. */
import { systemCode } from "./faults.ts";

/** @param pid on this machine; one that belongs to somebody else is there, too */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}
