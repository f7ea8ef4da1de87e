/**
 * Pointers of git-lfs: the few lines that a clone without `git lfs` leaves where a large file should be
 * (`version https://git-lfs.github.com/spec/v1`, `oid sha256:…`, `size …`). Whoever meets one names it for what it is.
 */
import { counted, sizeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";

/** A pointer is at most this long (the specification's own limit). */
export const MAX_POINTER_BYTES = 1024;
const FIRST_LINE = /^version https:\/\/(?:git-lfs\.github\.com|hawser\.github\.com)\/spec\/v\d+\r?\n/;

/** @returns bytes of the file that the pointer stands for, or null where the text is none */
export function bytesBehindPointer(text: string): number | null {
  if (text.length > MAX_POINTER_BYTES || !FIRST_LINE.test(text) || !/^oid sha256:[0-9a-f]{64}\r?$/m.test(text))
    return null;
  const size = Number(/^size (\d{1,16})\r?$/m.exec(text)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(size) ? size : null;
}

/**
 * @param name how the error calls the file
 * @throws LossyscopeError `input` where the text is a pointer
 */
export function refusePointer(name: string, text: string): void {
  const bytes = bytesBehindPointer(text);
  if (bytes === null) return;
  throw new LossyscopeError(
    "input",
    `${name} is a git-lfs pointer, ${counted(text.length, "byte")} that stand for a file of ${sizeText(Number(bytes))} which was not fetched`,
    "run git lfs pull in the clone",
  );
}
