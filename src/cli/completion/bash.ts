/**
 * Completion for bash 3.2 and later. What the names of files need in quotes is left to readline: where a file is wanted the
 * function offers nothing, and readline completes as it does for any command.
 */
import { lists, tables } from "./posix.ts";
import type { CommandNode } from "./tree.ts";

export const bashScript = (tree: readonly CommandNode[]): string => `\
# Completion of lossyscope in bash, for ~/.bashrc: eval "$(lossyscope completion bash)"

${tables(tree)}
${lists(tree, ({ names }) => names[0])}
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
