/** Progress of a command on standard error, or none with `--quiet`. */
import { createProgress, type Progress } from "../report/progress.ts";

export const progressOf = ({ quiet }: { readonly quiet: boolean }): Progress =>
  createProgress(process.stderr, { quiet, environment: process.env });
