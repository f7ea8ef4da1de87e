/** The program as completion needs it: for every command what may stand behind it, and what kind of word each value is. */
import type { Argument, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { everyCommand } from "../commands.ts";

/** What a value is: one of some words, a file (or a folder with files in it), a folder, or anything. */
export type Value =
  | { readonly kind: "choices"; readonly of: readonly string[] }
  | { readonly kind: "file" | "folder" | "free" };

/** How many words an option takes. */
export type Takes = "none" | "one" | "maybe" | "many";

export interface Offer {
  /** the names it goes by; the first is offered */
  readonly names: readonly string[];
  readonly about: string;
}

export interface OptionNode extends Offer {
  readonly offered: boolean;
  readonly takes: Takes;
  readonly value: Value;
}

export interface CommandNode {
  /** `atlas fit`; empty for the program itself */
  readonly path: string;
  readonly commands: readonly (Offer & { readonly path: string })[];
  readonly options: readonly OptionNode[];
  /** its words in their order; where `repeats`, the last stands for all that follow */
  readonly places: readonly Value[];
  readonly repeats: boolean;
}

const words = (...lines: readonly string[]): string[] => lines.flatMap((line) => line.split(" "));

/** What the placeholders of options and arguments stand for. Those of a file may be those of a folder with such files. */
export const PLACEHOLDERS: Readonly<Record<"file" | "folder" | "free", readonly string[]>> = {
  file: ["file", "path", "name=path", "profile", "profile-or-model", "document", "sets"],
  folder: ["folder", "dir", "model", "run", "part", "place"],
  free: words(
    "field how i/n id k m n n,... n:m,... name names,... norm number p parts penalty percent,... price profile=score",
    "regex relation=text rows rule set share shares,... size sizes,... steps strings t text threshold tokens tokens,...",
    "tool type what",
  ),
};

/** `path` of `--text <path...>` */
export const placeholderOf = ({ flags }: Option): string | undefined =>
  /[<[](.+?)(?:(?<=\w)\.\.\.)?[>\]]/.exec(flags)?.[1];

export function treeOf(program: CommandUnknownOpts): CommandNode[] {
  const names = program.commands.map((command) => command.name());
  return [...everyCommand(program)].map((command) => ({
    path: pathBelow(command),
    commands: command.commands.map((child) => ({
      names: [child.name(), ...child.aliases()],
      about: onOneLine(child.summary()),
      path: pathBelow(child),
    })),
    options: optionsOf(command),
    places: command.registeredArguments.map((argument) => placeOf(argument, names)),
    repeats: command.registeredArguments.at(-1)?.variadic ?? false,
  }));
}

const onOneLine = (text: string): string => text.replace(/\s+/g, " ");

const pathBelow = (command: CommandUnknownOpts): string =>
  command.parent === null ? "" : `${pathBelow(command.parent)} ${command.name()}`.trim();

function optionsOf(command: CommandUnknownOpts): OptionNode[] {
  const visible = command.createHelp().visibleOptions(command);
  return [...new Set([...visible, ...command.options])].map((option) => ({
    names: [option.long, option.short].filter((flag) => flag !== undefined),
    about: onOneLine(option.description),
    offered: visible.includes(option),
    takes: option.variadic ? "many" : option.required ? "one" : option.optional ? "maybe" : "none",
    value: option.argChoices ? { kind: "choices", of: option.argChoices } : kindOf(placeholderOf(option)),
  }));
}

const placeOf = (argument: Argument, commands: readonly string[]): Value => {
  if (argument.argChoices) return { kind: "choices", of: argument.argChoices };
  return argument.name() === "command" ? { kind: "choices", of: commands } : kindOf(argument.name());
};

const kindOf = (placeholder = ""): Value => ({
  kind: (["file", "folder"] as const).find((kind) => PLACEHOLDERS[kind].includes(placeholder)) ?? "free",
});
