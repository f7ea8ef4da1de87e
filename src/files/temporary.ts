/**
 * Files, and folders, that must not outlive the process: removed when it exits, however it was asked to. A process that may be killed tells
 * another one of them, which removes them then.
 */
import { rmSync } from "node:fs";

const paths = new Set<string>();
let listener: (path: string, temporary: boolean) => void = () => {};

/** @param told of every path that becomes such a file, or is no longer one */
export function tellOfTemporaries(told: (path: string, temporary: boolean) => void): void {
  listener = told;
}

/** @returns a function that calls the removal off, once the file is gone or has become a file that stays */
export function removeAtExit(path: string): () => void {
  if (paths.size === 0) process.on("exit", removeAll);
  paths.add(path);
  listener(path, true);
  return () => {
    paths.delete(path);
    listener(path, false);
    if (paths.size === 0) process.off("exit", removeAll);
  };
}

function removeAll(): void {
  for (const path of paths) rmSync(path, { recursive: true, force: true });
}
