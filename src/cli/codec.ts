/** What `compress` and `decompress` share: the name of their files, and how they show their bytes. */
import type { Progress } from "../report/progress.ts";

export const EXTENSION = ".lsz";

/**
 * Shows bytes that are gone through, under one label or under several that take turns.
 * @returns what is told of the bytes, by label
 */
export function byteStages(progress: Progress, total: number): (label: string) => (bytes: number) => void {
  let current: string | null = null;
  return (label) => (bytes) => {
    if (current !== label) progress.start((current = label), total, "bytes", bytes);
    progress.update(bytes);
  };
}
