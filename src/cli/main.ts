/**
 * The command line: mounts one file a command, turns errors into messages and exit codes (0 done, 1 failed, 2 wrong
 * usage, 3 a threshold was missed or no candidate left, 130 stopped). Results go to stdout, everything else to stderr.
 */
import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { type Fault, LossyscopeError } from "../numeric/errors.ts";
import { VERSION } from "../profile/version.ts";
import { visible } from "../report/format.ts";
import { everyCommand } from "./commands.ts";
import { explainMisuse, refuseSlips } from "./grammar.ts";
import { groupOptions } from "./groups.ts";
import { HELP, HELP_OUTPUT } from "./help.ts";
import { printed, watchOutput } from "./output.ts";
import { endProgress } from "./progress.ts";

/** A command by the names it goes by, and the file that makes it, loaded where the command is wanted. */
interface Mounted {
  readonly names: readonly string[];
  readonly load: () => Promise<CommandUnknownOpts>;
}

/** In the order of help. */
const GROUPS: Readonly<Record<string, readonly Mounted[]>> = {
  "Measure a model:": [
    { names: ["measure"], load: async () => (await import("./measure.ts")).measureCommand() },
    { names: ["inspect"], load: async () => (await import("./inspect.ts")).inspectCommand() },
    { names: ["ablate"], load: async () => (await import("./ablate.ts")).ablateCommand() },
    { names: ["recall"], load: async () => (await import("./recall.ts")).recallCommand() },
    { names: ["facts"], load: async () => (await import("./facts.ts")).factsCommand() },
    { names: ["trajectory"], load: async () => (await import("./trajectory.ts")).trajectoryCommand() },
    { names: ["squeeze"], load: async () => (await import("./squeeze.ts")).squeezeCommand() },
    { names: ["merge"], load: async () => (await import("./merge.ts")).mergeCommand() },
  ],
  "Compare and choose, from profiles:": [
    { names: ["report"], load: async () => (await import("./report.ts")).reportCommand() },
    { names: ["compare"], load: async () => (await import("./compare.ts")).compareCommand() },
    { names: ["gate"], load: async () => (await import("./gate.ts")).gateCommand() },
    { names: ["choose"], load: async () => (await import("./choose.ts")).chooseCommand() },
    { names: ["predict"], load: async () => (await import("./predict.ts")).predictCommand() },
    { names: ["atlas"], load: async () => (await import("./atlas.ts")).atlasCommand() },
    { names: ["store"], load: async () => (await import("./store.ts")).storeCommand() },
  ],
  "Train:": [
    { names: ["train"], load: async () => (await import("./train.ts")).trainCommand() },
    { names: ["distil", "distill"], load: async () => (await import("./distil.ts")).distilCommand() },
    { names: ["capacity"], load: async () => (await import("./capacity.ts")).capacityCommand() },
  ],
  "Write and compress:": [
    { names: ["generate"], load: async () => (await import("./generate.ts")).generateCommand() },
    { names: ["compress"], load: async () => (await import("./compress.ts")).compressCommand() },
    { names: ["decompress"], load: async () => (await import("./decompress.ts")).decompressCommand() },
  ],
  "Data and tools:": [
    { names: ["demo"], load: async () => (await import("./demo.ts")).demoCommand() },
    { names: ["almanac"], load: async () => (await import("./almanac.ts")).almanacCommand() },
    { names: ["states"], load: async () => (await import("./states.ts")).statesCommand() },
    { names: ["estimate"], load: async () => (await import("./estimate.ts")).estimateCommand() },
    { names: ["completion"], load: async () => (await import("./completion.ts")).completionCommand() },
    { names: ["help"], load: async () => (await import("./help.ts")).helpCommand() },
  ],
};
/** What is said of all the others takes them all. */
const OF_ALL = ["completion", "help"];

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

/** @param only the one command that a line is for; absent: all of them */
export async function program(only?: string): Promise<Command> {
  const lossyscope = new Command("lossyscope")
    .description("Reads a language model as what it is: a lossy compressor of its training text.")
    .version(VERSION, "-V, --version", "prints the version")
    .configureHelp(HELP)
    .configureOutput(HELP_OUTPUT)
    .helpCommand(false)
    // options belong to the command they stand behind: `atlas fit` has a --json of its own
    .enablePositionalOptions();
  for (const [heading, commands] of Object.entries(GROUPS)) {
    lossyscope.commandsGroup(heading);
    for (const { names, load } of commands)
      if (only === undefined || names.includes(only)) lossyscope.addCommand((await load()) as Command);
  }
  inherit(lossyscope);
  groupOptions(lossyscope);
  if (only === undefined) explainMisuse(lossyscope);
  else for (const command of everyCommand(lossyscope)) command.configureOutput({ outputError() {} }).exitOverride();
  return lossyscope;
}

/** The command that a line is for, where it begins with its name and takes no other to be understood. */
function onlyOne([first]: readonly string[]): string | undefined {
  const known = Object.values(GROUPS).flatMap((commands) => commands.flatMap(({ names }) => [...names]));
  return known.includes(first) && !OF_ALL.includes(first) ? first : undefined;
}

/** Parses a line and does what it says. Where the one command does not understand it, the whole program says what was meant. */
async function parse(args: readonly string[]): Promise<void> {
  const only = onlyOne(args);
  if (only !== undefined) {
    const lossyscope = await program(only);
    refuseSlips(lossyscope, args);
    try {
      await lossyscope.parseAsync([...args], { from: "user" });
      return;
    } catch (error) {
      if (!(error instanceof CommanderError) || error.exitCode === 0) throw error;
    }
  }
  const whole = await program();
  refuseSlips(whole, args);
  await whole.parseAsync([...args], { from: "user" });
}

/** @returns the exit code; never throws */
export async function main(args: readonly string[]): Promise<number> {
  watchOutput();
  try {
    await parse(args);
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
