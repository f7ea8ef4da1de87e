/** The program with nothing behind it: parses like the real one, and runs no command. */
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { everyCommand } from "./commands.ts";
import { program } from "./main.ts";

/** @returns the command that a line reaches; throws what parsing it throws */
export async function parsed(words: readonly string[]): Promise<CommandUnknownOpts> {
  const root = (await program()) as unknown as CommandUnknownOpts;
  let reached: CommandUnknownOpts | undefined;
  for (const command of everyCommand(root)) {
    if (command === root) continue;
    command.action(() => {
      reached = command;
    });
  }
  await root.parseAsync([...words], { from: "user" });
  if (!reached) throw new Error(`${words.join(" ")} reaches no command`);
  return reached;
}
