/**
 * The command line: mounts one file a command, turns errors into messages and exit codes (0 done, 1 failed, 2 wrong
 * usage, 3 a threshold was missed, 130 stopped). Results go to stdout, everything else to stderr.
 */
import { Command, CommanderError } from "@commander-js/extra-typings";
import { type Fault, LossyscopeError } from "../numeric/errors.ts";
import { VERSION } from "../profile/version.ts";
import { demoCommand } from "./demo.ts";
import { estimateCommand } from "./estimate.ts";
import { inspectCommand } from "./inspect.ts";
import { measureCommand } from "./measure.ts";
import { statesCommand } from "./states.ts";

function exitCodeOf(fault: Fault): number {
  if (fault === "usage") return 2;
  if (fault === "threshold") return 3;
  if (fault === "interrupted") return 130;
  return 1;
}

export function program(): Command {
  return new Command("lossyscope")
    .description("Reads a language model as what it is: a lossy compressor of its training text.")
    .version(VERSION, "-V, --version")
    .showHelpAfterError("(lossyscope COMMAND --help lists the options)")
    .exitOverride()
    .addCommand(measureCommand())
    .addCommand(inspectCommand())
    .addCommand(estimateCommand())
    .addCommand(statesCommand())
    .addCommand(demoCommand());
}

/** @returns the exit code; never throws */
export async function main(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof LossyscopeError) {
      process.stderr.write(`lossyscope: ${error.message}\n`);
      return exitCodeOf(error.fault);
    }
    process.stderr.write(
      `lossyscope: this is a defect of the tool; please report it\n${error instanceof Error ? error.stack : String(error)}\n`,
    );
    return 1;
  }
}
