/** The program as a tree of commands, for what is made of it: help, completion, hints. */
import type { Argument, CommandUnknownOpts } from "@commander-js/extra-typings";

/** `lossyscope atlas fit` */
export function pathOf(command: CommandUnknownOpts): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** A command and all below it. */
export function* everyCommand(command: CommandUnknownOpts): Generator<CommandUnknownOpts> {
  yield command;
  for (const child of command.commands) yield* everyCommand(child);
}

/** `<model>`, `[run...]` */
export function placeholder(argument: Argument): string {
  const name = argument.name() + (argument.variadic ? "..." : "");
  return argument.required ? `<${name}>` : `[${name}]`;
}
