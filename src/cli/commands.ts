/** The program as a tree of commands, for what is made of it: help, completion, hints. */
import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";

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

/** `--text <path...>`, of the flags the long one alone */
export const longFlags = (option: Option): string => option.flags.replace(/^-\w, /, "");

/** Whether a word is an option, in either of its forms. */
export const isFlag = ({ short, long }: Option, word: string): boolean => word === short || word === long;

/** By a name or an alias. */
export const subcommand = (command: CommandUnknownOpts, name: string): CommandUnknownOpts | undefined =>
  command.commands.find((one) => one.name() === name || one.aliases().includes(name));
