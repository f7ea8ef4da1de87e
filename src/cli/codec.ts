/**
 * What `compress`, `decompress` and `generate` share: a place to write that is not taken yet, progress that begins late,
 * figures as a line or as JSON.
 */
import { existsSync } from "node:fs";
import { writeAtomic } from "../files/atomic.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Progress } from "../report/progress.ts";

export const EXTENSION = ".lsz";

/** @throws LossyscopeError `usage` where something is there already and may not be replaced */
export function freeOutput(path: string, force: boolean): string {
  if (!force && existsSync(path))
    throw new LossyscopeError("usage", `${path} exists`, "name another file with -o, or pass --force");
  return path;
}

/** `--json [FILE]`: the figures to a file, or in place of the line to standard output. */
export async function print(figures: object, line: string, json: string | true | undefined): Promise<void> {
  const text = `${JSON.stringify(figures, null, 2)}\n`;
  if (typeof json === "string") await writeAtomic(json, text);
  process.stdout.write(json === true ? text : line);
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
