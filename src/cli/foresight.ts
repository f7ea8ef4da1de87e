/** What a run will do: said on standard error before it, or on standard output instead of it (`--dry-run`). */
import { Option } from "@commander-js/extra-typings";
import type { Foresight } from "../profile/foresight.ts";
import { foresightLines } from "../report/foresight.ts";
import type { Progress } from "../report/progress.ts";
import { forTerminal, proseWidth, terminalOptions } from "../report/terminal-options.ts";
import { printed } from "./output.ts";
import { document } from "./outputs.ts";

/** @param says of what it does beside saying what it would do */
export const dryRunOption = (says = "for how long, and what the text is too short for") =>
  new Option("--dry-run", `says what it would do, ${says}; does nothing`).default(false);

/** Lines for a stream. */
function linesFor(foresight: Foresight, stream: NodeJS.WriteStream): string[] {
  const terminal = terminalOptions(stream, process.env);
  return foresightLines(foresight, proseWidth(terminal.width)).map((line) => forTerminal(line, terminal));
}

/**
 * @param writes files that the run writes
 * @returns what tells it on standard error; undefined where nobody wants to hear it, so that no machine is tried
 */
export const foretelling = (
  { quiet }: { readonly quiet: boolean },
  writes: readonly string[],
  progress: Progress,
): ((foresight: Foresight) => void) | undefined =>
  quiet
    ? undefined
    : (foresight) => {
        for (const line of linesFor({ ...foresight, writes: [...writes] }, process.stderr)) progress.message(line);
      };

/**
 * Prints what a run would do, as JSON with `--json`; a file that `--json` names is one that the run would write.
 * @throws LossyscopeError `io` where nothing can be printed
 */
export async function printForesight(
  foresight: Foresight,
  writes: readonly string[],
  { json }: { readonly json?: string | true },
): Promise<void> {
  const whole = { ...foresight, writes: [...writes] };
  process.stdout.write(json === true ? document(whole) : `${linesFor(whole, process.stdout).join("\n")}\n`);
  await printed();
}
