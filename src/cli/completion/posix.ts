/** What the scripts for bash and zsh have in common: the tables, and the walk over the words before the cursor. */
import { type Case, commandCases, FURTHER, needs, offered, offeredFlags, optionCases, placeCases } from "./cases.ts";
import type { CommandNode, Offer, Value } from "./tree.ts";

/** A word that the shell takes as it is. */
export const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

export const words = (all: readonly string[]): string => all.map(quoted).join(" ");

const branches = (cases: readonly Case[]): string =>
  cases.map(({ questions, answer }) => `    ${questions.map(quoted).join(" | ")}) ${answer} ;;`).join("\n");

const kindOf = (value: Value): string =>
  value.kind === "choices" ? `kind=choices choices=(${words(value.of)})` : `kind=${value.kind}`;

const offers = (
  tree: readonly CommandNode[],
  of: (node: CommandNode) => readonly Offer[],
  word: (offer: Offer) => string,
): string =>
  offered(tree, of)
    .map(([path, items]) => `    ${quoted(path)}) offers=(${words(items.map(word))}) ;;`)
    .join("\n");

/** What a command offers where no value is wanted. @param word as the shell's own completion takes an offer */
export const lists = (tree: readonly CommandNode[], word: (offer: Offer) => string): string => `\
_lossyscope_flags() {
  case "$1" in
${offers(tree, offeredFlags, word)}
  esac
}

_lossyscope_commands() {
  case "$1" in
${offers(tree, ({ commands }) => commands, word)}
    *) return 1 ;;
  esac
}
`;

export const tables = (tree: readonly CommandNode[]): string => `\
# Whether a word behind an option must or may be its value (need), and the ones after that (after); what they are (kind).
_lossyscope_option() {
  need= after= kind=
  case "$1 $2" in
${branches(
  optionCases(tree, (option) => `need=${needs(option).need} after=${needs(option).after} ${kindOf(option.value)}`),
)}
  esac
}

_lossyscope_command() {
  case "$1 $2" in
${branches(commandCases(tree, (path) => `at=${quoted(path)}`))}
    *) return 1 ;;
  esac
}

_lossyscope_place() {
  case "$1 $2" in
${branches(placeCases(tree, kindOf))}
    *) return 1 ;;
  esac
}

# One word before the cursor: the command so far (at), how many words of its own it has (places), what an option waits for.
_lossyscope_step() {
  if [[ $only ]]; then
    places=$((places + 1))
  elif [[ $need == must ]]; then
    need=$after
  elif [[ $1 == -- ]]; then
    only=yes need=
  elif [[ $1 == -?* ]]; then
    _lossyscope_option "$at" "$1"
  elif [[ $need == may ]]; then
    need=$after
  elif _lossyscope_command "$at" "$1"; then
    places=0
  else
    places=$((places + 1))
  fi
}

# What stands under the cursor, once all words before it are through: flags, commands, or a kind of value.
_lossyscope_here() {
  if [[ $need == must ]]; then
    return
  elif [[ ! $only && $1 == -* ]]; then
    kind=flags
  elif [[ $need == may ]]; then
    return
  elif [[ ! $only && $places == 0 ]] && _lossyscope_commands "$at"; then
    kind=commands
  elif ! _lossyscope_place "$at" "$places" && ! _lossyscope_place "$at" ${FURTHER} && [[ ! $only ]]; then
    kind=flags
  fi
}
`;
