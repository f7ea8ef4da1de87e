/** Files that must not outlive the process: removed when it exits, however it was asked to (not when it is killed). */
import { rmSync } from "node:fs";

const paths = new Set<string>();

/** @returns a function that calls the removal off, once the file is gone or has become a file that stays */
export function removeAtExit(path: string): () => void {
  if (paths.size === 0) process.on("exit", removeAll);
  paths.add(path);
  return () => {
    paths.delete(path);
    if (paths.size === 0) process.off("exit", removeAll);
  };
}

function removeAll(): void {
  for (const path of paths) rmSync(path, { force: true });
}
