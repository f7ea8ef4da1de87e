/** Completion for zsh, by its own completion system: each flag and command with what it is. */
import { lists, tables } from "./posix.ts";
import type { CommandNode, Offer } from "./tree.ts";

/** `--out:writes profile.json there`, as \`_describe\` takes it. */
const described = ({ names, about }: Offer): string => `${names[0].replace(/[\\:]/g, "\\$&")}:${about}`;

export const zshScript = (tree: readonly CommandNode[]): string => `\
#compdef lossyscope
# Completion of lossyscope in zsh, for ~/.zshrc, below compinit: eval "$(lossyscope completion zsh)"

${tables(tree)}
${lists(tree, described)}
_lossyscope() {
  local at= need= after= kind= places=0 only= i
  local -a choices offers
  for ((i = 2; i < CURRENT; i++)); do
    _lossyscope_step "\${(Q)words[i]}"
  done
  if [[ ! $only && $need != must && $PREFIX == --*=* ]]; then
    _lossyscope_option "$at" "\${PREFIX%%=*}"
    compset -P 1 '*='
  else
    _lossyscope_here "$PREFIX"
  fi
  case $kind in
    file) _files ;;
    folder) _files -/ ;;
    flags) _lossyscope_flags "$at" && _describe -o option offers ;;
    commands) _describe command offers ;;
    choices) compadd -- "\${choices[@]}" ;;
  esac
}

if [[ $funcstack[1] == _lossyscope ]]; then
  _lossyscope "$@"
else
  compdef _lossyscope lossyscope
fi
`;
