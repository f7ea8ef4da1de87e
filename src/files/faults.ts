/** What the operating system says, as an error a person can act on: the file by name, and the next step. */
import { LossyscopeError } from "../numeric/errors.ts";

const NEXT: Record<string, string> = {
  ENOENT: "check the path",
  ENOTDIR: "check the path",
  EISDIR: "name a file, not a folder",
  EACCES: "check its permissions",
  EPERM: "check its permissions",
  EROFS: "choose a place that can be written to",
  ENOSPC: "free space or choose another disk, then run again",
  EDQUOT: "free space or choose another disk, then run again",
  EMFILE: "raise the limit of open files (ulimit -n)",
};

/** @returns the code of an error of the operating system (`ENOENT`), or undefined for any other error */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error && "syscall" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/**
 * @param action what was being done, as it follows "cannot": `read model.safetensors`
 * @returns the error to throw: an `io` fault for errors of the operating system, anything else as it came
 */
export function ioFault(error: unknown, action: string): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const reason = code === "ENOSPC" ? "the disk is full" : (error as Error).message.split(",")[0].replace(/^\w+: /, "");
  return new LossyscopeError("io", `cannot ${action} (${reason})`, NEXT[code], { cause: error });
}
