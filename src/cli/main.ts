/**
 * The command line: mounts one file a command, turns errors into messages and exit codes (0 done, 1 failed, 2 wrong
 * usage, 3 a threshold was missed or no candidate left, 130 stopped). Results go to stdout, everything else to stderr.
 */
import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { type Fault, LossyscopeError } from "../numeric/errors.ts";
import { VERSION } from "../profile/version.ts";
import { visible } from "../report/format.ts";
import { ablateCommand } from "./ablate.ts";
import { almanacCommand } from "./almanac.ts";
import { atlasCommand } from "./atlas.ts";
import { capacityCommand } from "./capacity.ts";
import { chooseCommand } from "./choose.ts";
import { compareCommand } from "./compare.ts";
import { completionCommand } from "./completion.ts";
import { compressCommand } from "./compress.ts";
import { decompressCommand } from "./decompress.ts";
import { demoCommand } from "./demo.ts";
import { distilCommand } from "./distil.ts";
import { estimateCommand } from "./estimate.ts";
import { factsCommand } from "./facts.ts";
import { gateCommand } from "./gate.ts";
import { generateCommand } from "./generate.ts";
import { explainMisuse, refuseSlips } from "./grammar.ts";
import { groupOptions } from "./groups.ts";
import { HELP, HELP_OUTPUT, helpCommand } from "./help.ts";
import { inspectCommand } from "./inspect.ts";
import { measureCommand } from "./measure.ts";
import { mergeCommand } from "./merge.ts";
import { printed, watchOutput } from "./output.ts";
import { predictCommand } from "./predict.ts";
import { endProgress } from "./progress.ts";
import { recallCommand } from "./recall.ts";
import { reportCommand } from "./report.ts";
import { squeezeCommand } from "./squeeze.ts";
import { statesCommand } from "./states.ts";
import { storeCommand } from "./store.ts";
import { trainCommand } from "./train.ts";
import { trajectoryCommand } from "./trajectory.ts";

function exitCodeOf(fault: Fault): number {
  if (fault === "usage") return 2;
  if (fault === "threshold") return 3;
  if (fault === "interrupted") return 130;
  return 1;
}

/** A mounted command keeps its own way of ending the process unless it is told to take over its parent's. */
function inherit(command: CommandUnknownOpts): void {
  for (const child of command.commands) inherit(child.copyInheritedSettings(command));
}

export function program(): Command {
  const lossyscope = new Command("lossyscope")
    .description("Reads a language model as what it is: a lossy compressor of its training text.")
    .version(VERSION, "-V, --version", "prints the version")
    .configureHelp(HELP)
    .configureOutput(HELP_OUTPUT)
    .helpCommand(false)
    // options belong to the command they stand behind: `atlas fit` has a --json of its own
    .enablePositionalOptions()
    .commandsGroup("Measure a model:")
    .addCommand(measureCommand())
    .addCommand(inspectCommand())
    .addCommand(ablateCommand())
    .addCommand(recallCommand())
    .addCommand(factsCommand())
    .addCommand(trajectoryCommand())
    .addCommand(squeezeCommand())
    .addCommand(mergeCommand())
    .commandsGroup("Compare and choose, from profiles:")
    .addCommand(reportCommand())
    .addCommand(compareCommand())
    .addCommand(gateCommand())
    .addCommand(chooseCommand())
    .addCommand(predictCommand())
    .addCommand(atlasCommand())
    .addCommand(storeCommand())
    .commandsGroup("Train:")
    .addCommand(trainCommand())
    .addCommand(distilCommand())
    .addCommand(capacityCommand())
    .commandsGroup("Write and compress:")
    .addCommand(generateCommand())
    .addCommand(compressCommand())
    .addCommand(decompressCommand())
    .commandsGroup("Data and tools:")
    .addCommand(demoCommand())
    .addCommand(almanacCommand())
    .addCommand(statesCommand())
    .addCommand(estimateCommand())
    .addCommand(completionCommand())
    .addCommand(helpCommand());
  inherit(lossyscope);
  groupOptions(lossyscope);
  explainMisuse(lossyscope);
  return lossyscope;
}

/** @returns the exit code; never throws */
export async function main(args: readonly string[]): Promise<number> {
  watchOutput();
  try {
    const lossyscope = program();
    refuseSlips(lossyscope, args);
    await lossyscope.parseAsync([...args], { from: "user" });
    await printed();
    return 0;
  } catch (error) {
    endProgress();
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof LossyscopeError) {
      process.stderr.write(`lossyscope: ${visible(error.message, "\n")}\n`);
      return exitCodeOf(error.fault);
    }
    process.stderr.write(
      `lossyscope: this is a defect of the tool; please report it\n${error instanceof Error ? error.stack : String(error)}\n`,
    );
    return 1;
  }
}
