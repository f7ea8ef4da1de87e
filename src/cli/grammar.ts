/**
 * What is said of a line that cannot be parsed: which word, and the line that was probably meant. Commander finds the
 * mistake, and `misuse` words it; wrong usage ends in exit code 2.
 */
import { existsSync, statSync } from "node:fs";
import type { CommanderError, CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { LossyscopeError } from "../numeric/errors.ts";
import { alike } from "./alike.ts";
import { everyCommand, isFlag, longFlags, pathOf, placeholder, subcommand } from "./commands.ts";
import { EXAMPLES } from "./examples.ts";

const refusal = (said: string, next: string): LossyscopeError => new LossyscopeError("usage", said, next);

/** `atlas fit` */
const nameOf = (command: CommandUnknownOpts): string => pathOf(command).replace(/^\S+ /, "");

const listed = (names: readonly string[], joint: "and" | "or"): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${joint} ${names.at(-1)}`;

/** A word as one would type it in a shell. */
export const typed = (word: string): string =>
  /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** What every command that reads a text says without one. */
export const nameText = (what = "name a text"): LossyscopeError =>
  refusal(what, "--text FILE…, a folder, or - for standard input");

/** Lets a program say what is wrong in our words. */
export function explainMisuse(program: CommandUnknownOpts): void {
  for (const command of everyCommand(program)) {
    command
      .configureOutput({ outputError() {} })
      .showSuggestionAfterError(false)
      .exitOverride((error) => {
        throw misuse(error, command);
      });
  }
}

/**
 * @param command where parsing ended
 * @returns what is to be thrown; the error itself where it is none (help, version)
 */
function misuse(error: CommanderError, command: CommandUnknownOpts): Error {
  const [, quoted = ""] = /'(.*)'/s.exec(error.message) ?? [];
  switch (error.code) {
    case "commander.unknownCommand":
      return noCommand(command, command.args);
    case "commander.unknownOption":
      return noOption(command, quoted);
    case "commander.excessArguments":
      return command.commands.length > 0 ? noCommand(command, command.args) : tooMany(command);
    case "commander.missingArgument":
      return tooFew(command);
    case "commander.optionMissingArgument":
      return noValue(command.options.find(({ flags }) => flags === quoted)!);
    case "commander.missingMandatoryOptionValue":
      return needed(command);
    case "commander.invalidArgument":
      return wrongValue(error, command);
    default:
      return error;
  }
}

/** @param words what stands where a command was looked for */
export function noCommand(parent: CommandUnknownOpts, words: readonly string[]): LossyscopeError {
  const [word] = words;
  const said = `${parent.parent === null ? "there is" : `${nameOf(parent)} has`} no command ${typed(word)}`;
  const lines = parent.parent === null && isPlace(word) ? [lineOf(words)] : commandsLike(parent, word);
  return refusal(
    said,
    lines.length > 0 ? `did you mean ${listed(lines, "or")}?` : `${pathOf(parent)} --help lists them`,
  );
}

function commandsLike(parent: CommandUnknownOpts, word: string): string[] {
  const below = [...everyCommand(parent)].filter((command) => command !== parent);
  const flags = parent.parent === null ? parent.options.flatMap(({ long }) => long ?? []) : [];
  const lines = new Map([
    ...below.flatMap((command) =>
      [command.name(), ...command.aliases()].map((name) => [name, pathOf(command)] as const),
    ),
    ...flags.map((flag) => [flag.slice(2), `${pathOf(parent)} ${flag}`] as const),
  ]);
  return [...new Set(alike(word, [...lines.keys()]).map((name) => lines.get(name)!))];
}

const isPlace = (word: string): boolean => /[\\/]|^\.|\.[a-z]\w*$/i.test(word) || existsSync(word);

/** The line for what was named without a command: a model is measured, a file is what its name says. */
function lineOf([place, ...rest]: readonly string[]): string {
  const word = typed(place);
  if (place.endsWith(".lsz")) return `lossyscope decompress ${word} --model MODEL`;
  if (place.endsWith(".json")) return `lossyscope compare ${word} OTHER.json`;
  if (place.endsWith(".safetensors")) return `lossyscope estimate ${word}`;
  if (statSync(place, { throwIfNoEntry: false })?.isFile()) return `lossyscope measure MODEL --text ${word}`;
  const text = rest.some((one) => /^--(text|domain)(=|$)/.test(one)) ? [] : ["--text FILE"];
  return ["lossyscope measure", word, ...rest.map(typed), ...text].join(" ");
}

/** @param given the word that begins with a dash, with what stands behind its `=` */
function noOption(command: CommandUnknownOpts, given: string): LossyscopeError {
  const [flag] = given.split("=", 1);
  const own = command.options.find((option) => isFlag(option, flag));
  if (own) return refusal(`${flag} takes no value`, `write ${flag} alone`);
  const likely = optionsLike(command, flag);
  const owners = [...everyCommand(rootOf(command))].filter((one) => one.options.some((option) => isFlag(option, flag)));
  const hints = [
    ...(likely.length > 0 ? [`did you mean ${listed(likely, "or")}?`] : []),
    ...(owners.length > 0 ? [belongs(command, flag, owners)] : []),
  ];
  const said =
    command.parent === null
      ? `there is no option ${typed(flag)} without a command`
      : `${nameOf(command)} has no option ${typed(flag)}`;
  return refusal(said, hints.join(" ") || `${pathOf(command)} --help lists its options`);
}

const rootOf = (command: CommandUnknownOpts): CommandUnknownOpts => (command.parent ? rootOf(command.parent) : command);

/** How many commands are named that have an option. */
const OWNERS = 4;

function belongs(command: CommandUnknownOpts, flag: string, owners: readonly CommandUnknownOpts[]): string {
  const [meant] = owners.filter((owner) => owner.parent === command && command.args.includes(owner.name()));
  if (meant) return `write it behind the command: ${pathOf(meant)} ${flag}`;
  const names = owners.map(nameOf);
  const shown = names.length > OWNERS ? [...names.slice(0, OWNERS - 1), `${names.length - OWNERS + 1} more`] : names;
  return `${flag} is an option of ${listed(shown, "and")}`;
}

function optionsLike(command: CommandUnknownOpts, flag: string): string[] {
  const all = command.createHelp().visibleOptions(command);
  const shorts = all.flatMap(({ short }) => short ?? []).filter((short) => short.toLowerCase() === flag.toLowerCase());
  if (shorts.length > 0) return shorts;
  const word = flag.replace(/^-+/, "");
  const names = all.map((option) => option.name());
  const negated = names.filter((name) => `no-${word}` === name || `no-${name}` === word);
  return (negated.length > 0 && !names.includes(word) ? negated : alike(word, names)).map((name) => `--${name}`);
}

function tooMany(command: CommandUnknownOpts): LossyscopeError {
  const { args, registeredArguments: places } = command;
  const takes = places.length === 0 ? "nothing but options" : `${listed(places.map(placeholder), "and")} alone`;
  const flag = ["--text", "--model"].find((one) => command.options.some((option) => isFlag(option, one)));
  const words = [...args.slice(0, places.length).map(typed), flag, ...args.slice(places.length).map(typed)];
  return refusal(
    `${nameOf(command)} takes ${takes}, and got ${listed(args.map(typed), "and")}`,
    flag ? `did you mean ${pathOf(command)} ${words.join(" ")}?` : `${pathOf(command)} --help says what it takes`,
  );
}

function tooFew(command: CommandUnknownOpts): LossyscopeError {
  const missing = command.registeredArguments[command.args.length];
  const said = `${nameOf(command)} needs ${placeholder(missing)}`;
  const taker = command.options.findLast((option) => takenBy(command, option).length > (option.optional ? 0 : 1));
  if (!taker) return refusal(said, missing.description);
  const taken = takenBy(command, taker);
  const [flag, last] = [taker.long!, typed(taken.at(-1)!)];
  const line = [pathOf(command), last, flag, ...taken.slice(0, -1).map(typed)].join(" ");
  return refusal(`${said}, and ${flag} took ${last}`, `name it first: ${line}`);
}

/** The words that an option which may take several, or none, was given. */
function takenBy(command: CommandUnknownOpts, option: Option): string[] {
  const name = option.attributeName();
  if (command.getOptionValueSource(name) !== "cli" || !(option.variadic || option.optional)) return [];
  return [command.getOptionValue(name)].flat().filter((value) => typeof value === "string");
}

function noValue(option: Option, instead?: string): LossyscopeError {
  const said = `${option.long} needs a value${instead === undefined ? "" : `, and ${instead} follows`}`;
  return refusal(said, `${longFlags(option)}, ${option.description}`);
}

function needed(command: CommandUnknownOpts): LossyscopeError {
  const missing = command.options.filter(
    (option) => option.mandatory && command.getOptionValue(option.attributeName()) === undefined,
  );
  // Commander looks for these first: a misspelt one, or one whose name was left out, is there all the same.
  const unknown = command.args.find((word) => /^--?[^-]/.test(word));
  if (unknown !== undefined) return noOption(command, unknown);
  if (command.args.length > command.registeredArguments.length) return tooMany(command);
  if (missing.length === 1 && isFlag(missing[0], "--text")) return nameText();
  const said = `${nameOf(command)} needs ${listed(missing.map(longFlags), "and")}`;
  const example = EXAMPLES[pathOf(command)]?.[0][1];
  return refusal(said, missing.length === 1 || !example ? missing[0].description : `as in ${example}`);
}

const OF_OPTION = /^error: option '([^']*)' argument '(.*)' is invalid\. (.*)$/s;
const OF_ARGUMENT = /^error: command-argument value '(.*)' is invalid for argument '([^']*)'\. (.*)$/s;

function wrongValue({ message }: CommanderError, command: CommandUnknownOpts): LossyscopeError {
  const [, flags, given] = OF_OPTION.exec(message) ?? [];
  const [, word, name] = OF_ARGUMENT.exec(message) ?? [];
  const option = command.options.find((one) => one.flags === flags);
  const argument = command.registeredArguments.find((one) => one.name() === name);
  const value = given ?? word;
  const said = option ? `${option.long} ${typed(value)}` : typed(value);
  const choices = (option ?? argument)?.argChoices;
  if (!choices) return refusal(said, (OF_OPTION.exec(message) ?? OF_ARGUMENT.exec(message))!.at(-1)!);
  const meant = choices.length > 1 ? alike(value, choices).map((one) => `; did you mean ${one}?`) : [];
  return refusal(said, `expected ${listed(choices, "or")}${meant.at(0) ?? ""}`);
}

/**
 * What parses, and is not what was meant: an option that needs a value takes the next word whatever it is, another option of
 * the same command too; one that may have a value takes a subcommand for it; `-out` is `-o` with the value `ut`.
 * @throws LossyscopeError `usage`
 */
export function refuseSlips(program: CommandUnknownOpts, words: readonly string[]): void {
  let command = program;
  for (let i = 0; i < words.length && words[i] !== "--"; i++) {
    const [word, next] = words.slice(i, i + 2);
    const optionOf = (flag: string) =>
      command
        .createHelp()
        .visibleOptions(command)
        .find((one) => isFlag(one, flag));
    const option = optionOf(word);
    if (/^-\w{2}/.test(word) && optionOf(`-${word}`)) throw refusal(`${word} begins with one dash`, `write -${word}`);
    if (!option) command = subcommand(command, word) ?? command;
    const below = option?.optional && next !== undefined ? subcommand(command, next) : undefined;
    if (below) throw refusal(`${word} would take ${next} as its value`, `write ${pathOf(below)} ${word}`);
    if (!option?.required || next === undefined) continue;
    if (optionOf(next)) throw noValue(option, next);
    i++;
  }
}
