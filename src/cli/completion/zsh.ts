/** Completion for zsh, by its own completion system: each flag and command with what it is. */
import { offered, offeredFlags } from "./cases.ts";
import { quoted, tables, words } from "./posix.ts";
import type { CommandNode, Offer } from "./tree.ts";

/** `--out:writes profile.json there`, as \`_describe\` takes it. */
const described = ({ names, about }: Offer): string => `${names[0].replace(/[\\:]/g, "\\$&")}:${about}`;

const offers = (tree: readonly CommandNode[], of: (node: CommandNode) => readonly Offer[]): string =>
  offered(tree, of)
    .map(([path, items]) => `    ${quoted(path)}) offers=(${words(items.map(described))}) ;;`)
    .join("\n");

export const zshScript = (tree: readonly CommandNode[]): string => `\
#compdef lossyscope
# Completion of lossyscope in zsh, for ~/.zshrc, below compinit: eval "$(lossyscope completion zsh)"

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
