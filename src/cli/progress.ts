/** Progress of a command on standard error, or none with `--quiet`. */
import { createProgress, type Progress } from "../report/progress.ts";

let shown: Progress | undefined;

export function progressOf({ quiet }: { readonly quiet: boolean }): Progress {
  shown = createProgress(process.stderr, { quiet, environment: process.env });
  return shown;
}

/** Whatever is drawn gives way to what is said of an error. */
export const endProgress = (): void => shown?.finish();
