/**
 * How help looks: one line a command, options under the headings of `groups.ts`, defaults as they would be typed and only
 * where they say something, examples at the end (`examples.ts`), all as wide as the terminal.
 */
import {
  Command,
  Help,
  type HelpConfiguration,
  type Option,
  type OutputConfiguration,
} from "@commander-js/extra-typings";
import { proseWidth, terminalOptions } from "../report/terminal-options.ts";
import { longFlags, pathOf, placeholder, subcommand } from "./commands.ts";
import { EXAMPLES } from "./examples.ts";
import { noCommand } from "./grammar.ts";
import { ordered } from "./groups.ts";

const INDENT = 2;
const GAP = 2;
/** Columns that a description needs beside its term; with fewer it goes below. */
const LEAST = 32;
const BELOW = 6;

/** A default as one would type it; nothing where it is what no option at all looks like. */
function typedDefault({ defaultValue, defaultValueDescription, negate }: Option): string | undefined {
  if (negate || defaultValue === undefined || typeof defaultValue === "boolean") return undefined;
  const typed = defaultValueDescription ?? [defaultValue].flat().join(",");
  return typed === "" ? undefined : typed;
}

function noted(description: string, notes: readonly (string | undefined)[]): string {
  const said = notes.filter((note) => note !== undefined);
  return said.length === 0 ? description : `${description} (${said.join("; ")})`;
}

const out = () => terminalOptions(process.stdout, process.env);
const err = () => terminalOptions(process.stderr, process.env);

/** Help is as wide, and as bold, as what else is shown on a terminal. */
export const HELP_OUTPUT: OutputConfiguration = {
  getOutHelpWidth: () => proseWidth(out().width),
  getErrHelpWidth: () => proseWidth(err().width),
  getOutHasColors: () => out().colour,
  getErrHasColors: () => err().colour,
};

export const HELP: HelpConfiguration = {
  minWidthToWrap: 20,

  groupItems: (all, visible, groupOf) => ordered(Help.prototype.groupItems(all, visible, groupOf)),

  subcommandTerm: (command) => command.name(),

  styleTitle: (title) => `\x1b[1m${title}\x1b[22m`,

  commandUsage(command) {
    const needed = command.options.filter(({ mandatory }) => mandatory).map(longFlags);
    const subcommands = command.commands.length === 0 ? [] : command.parent === null ? ["<command>"] : ["[command]"];
    const parts = [...subcommands, ...command.registeredArguments.map(placeholder), ...needed, "[options]"];
    const margin = "Usage: ".length;
    const width = (this.helpWidth ?? 80) - margin;
    return this.boxWrap!([pathOf(command), ...parts].join(" "), width).replaceAll("\n", `\n${" ".repeat(margin)}`);
  },

  commandDescription: (command) =>
    [command.description(), ...command.aliases().map((alias) => `(${alias} is the same.)`)].join(" "),

  optionDescription: (option) =>
    noted(option.description, [
      option.mandatory ? "needed" : undefined,
      option.argChoices?.join(", "),
      typedDefault(option) && `default: ${typedDefault(option)}`,
    ]),

  argumentDescription: ({ description, argChoices }) => noted(description, [argChoices?.join(", ")]),

  formatItem(term, termWidth, description, helper) {
    const width = helper.helpWidth ?? 80;
    const margin = INDENT + termWidth + GAP;
    const indented = (text: string, columns: number): string =>
      helper.boxWrap(text, width - columns).replaceAll("\n", `\n${" ".repeat(columns)}`);
    const start = " ".repeat(INDENT) + term;
    if (!description) return start;
    if (width - margin < LEAST) return `${start}\n${" ".repeat(BELOW)}${indented(description, BELOW)}`;
    return start + " ".repeat(margin - INDENT - helper.displayWidth(term)) + indented(description, margin);
  },

  formatHelp(command, helper) {
    const examples = (EXAMPLES[pathOf(command)] ?? []).map(([what, line]) => `  # ${what}\n  ${line}\n`);
    const more = command.parent === null ? ["`lossyscope help COMMAND` has all its options.\n"] : [];
    return [
      Help.prototype.formatHelp.call(this, command, helper),
      ...(examples.length === 0 ? [] : [helper.styleTitle("Examples:"), ...examples]),
      ...more,
    ].join("\n");
  },
};

/** `lossyscope help atlas fit` */
export const helpCommand = () =>
  new Command("help")
    .summary("show what a command does and takes")
    .description("Shows the help of a command, or of the whole.")
    .argument("[command...]", "its name")
    .action((names, _, own) => {
      let command = own.parent!;
      for (const name of names) {
        const next = subcommand(command, name);
        if (!next) throw noCommand(command, [name]);
        command = next;
      }
      command.outputHelp();
    });
