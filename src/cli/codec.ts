/** What `compress` and `decompress` share: options, a place to write that is not taken yet, progress that begins late. */
import { existsSync } from "node:fs";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Progress } from "../report/progress.ts";

export const EXTENSION = ".lsz";

/** @throws LossyscopeError `usage` where something is there already and may not be replaced */
export function freeOutput(path: string, force: boolean): string {
  if (!force && existsSync(path))
    throw new LossyscopeError("usage", `${path} exists`, "name another file with -o, or pass --force");
  return path;
}

/** Shows bytes once the first ones are through. */
export function byteProgress(progress: Progress, label: string, total: number): (bytes: number) => void {
  let started = false;
  return (bytes) => {
    if (!started) progress.start(label, total, "bytes");
    started = true;
    progress.update(bytes);
  };
}
