/** What `compress` and `decompress` share: the name of their files, and progress that begins late. */
import type { Progress } from "../report/progress.ts";

export const EXTENSION = ".lsz";

/** Shows bytes once the first ones are through. */
export function byteProgress(progress: Progress, label: string, total: number): (bytes: number) => void {
  let started = false;
  return (bytes) => {
    if (!started) progress.start(label, total, "bytes");
    started = true;
    progress.update(bytes);
  };
}
