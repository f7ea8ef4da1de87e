/**
 * Completion for bash 3.2 and later. What the names of files need in quotes is left to readline: where a file is wanted the
 * function offers nothing, and readline completes as it does for any command.
 */
import { offered, offeredFlags } from "./cases.ts";
import { quoted, tables, words } from "./posix.ts";
import type { CommandNode, Offer } from "./tree.ts";

const offers = (tree: readonly CommandNode[], of: (node: CommandNode) => readonly Offer[]): string =>
  offered(tree, of)
    .map(([path, items]) => `    ${quoted(path)}) offers=(${words(items.map(({ names }) => names[0]))}) ;;`)
    .join("\n");

export const bashScript = (tree: readonly CommandNode[]): string => `\
# Completion of lossyscope in bash, for ~/.bashrc: eval "$(lossyscope completion bash)"

${tables(tree)}
_lossyscope_flags() {
  case "$1" in
${offers(tree, offeredFlags)}
  esac
}

_lossyscope_commands() {
  case "$1" in
${offers(tree, ({ commands }) => commands)}
    *) return 1 ;;
  esac
}

_lossyscope() {
  local cur=\${COMP_WORDS[COMP_CWORD]} at= need= after= kind= places=0 only= tied= i word
  local choices=() offers=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    tied=
    # bash takes --option=value and name=path apart
    if [[ $word == "=" ]]; then
      if [[ ! $need ]]; then tied=yes i=$((i + 1)); fi
    else
      _lossyscope_step "$word"
    fi
  done
  if [[ $cur == "=" ]]; then
    cur=
    if [[ ! $need ]]; then tied=yes; fi
  fi
  if [[ $tied ]]; then return; fi
  _lossyscope_here "$cur"
  case $kind in
    file) return ;;
    folder) compopt -o dirnames 2>/dev/null ;;
    flags) _lossyscope_flags "$at" ;;
    choices) offers=("\${choices[@]}") ;;
  esac
  compopt +o default 2>/dev/null
  for word in "\${offers[@]}"; do
    if [[ $word == "$cur"* ]]; then COMPREPLY+=("$(printf %q "$word")"); fi
  done
}

complete -o default -F _lossyscope lossyscope
`;
