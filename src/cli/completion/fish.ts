/** Completion for fish 3.1 and later: each flag and command with what it is; files and folders by fish's own means. */
import { type Case, commandCases, FURTHER, needs, offered, offeredFlags, optionCases, placeCases } from "./cases.ts";
import type { CommandNode, Offer, Value } from "./tree.ts";

const quoted = (word: string): string => `'${word.replace(/[\\']/g, "\\$&")}'`;

const words = (all: readonly string[]): string => all.map(quoted).join(" ");

const branches = (cases: readonly Case[]): string =>
  cases.map(({ questions, answer }) => `        case ${words(questions)}\n            ${answer}`).join("\n");

const kindOf = (value: Value): string =>
  value.kind === "choices" ? `set kind choices; set choices ${words(value.of)}` : `set kind ${value.kind}`;

/** Lines of a word, a tab and what it is. */
const offers = (tree: readonly CommandNode[], of: (node: CommandNode) => readonly Offer[]): string =>
  offered(tree, of)
    .map(([path, items]) => {
      const lines = items.map(({ names, about }) => quoted(`${names[0]}\t${about}`));
      return `        case ${quoted(path)}\n            printf '%s\\n' ${lines.join(" ")}`;
    })
    .join("\n");

export const fishScript = (tree: readonly CommandNode[]): string => `\
# Completion of lossyscope in fish: lossyscope completion fish > ~/.config/fish/completions/lossyscope.fish

# Whether a word behind an option must or may be its value (need), and the ones after that (after); what they are (kind).
function __lossyscope_option --no-scope-shadowing
    set need ''
    set after ''
    set kind ''
    switch "$argv[1] $argv[2]"
${branches(
  optionCases(tree, (option) => {
    const { need, after } = needs(option);
    return `set need ${need}; set after ${quoted(after)}; ${kindOf(option.value)}`;
  }),
)}
    end
end

function __lossyscope_command --no-scope-shadowing
    switch "$argv[1] $argv[2]"
${branches(commandCases(tree, (path) => `set at ${quoted(path)}`))}
        case '*'
            return 1
    end
    return 0
end

function __lossyscope_place --no-scope-shadowing
    switch "$argv[1] $argv[2]"
${branches(placeCases(tree, kindOf))}
        case '*'
            return 1
    end
    return 0
end

function __lossyscope_flags
    switch "$argv[1]"
${offers(tree, offeredFlags)}
    end
end

function __lossyscope_commands
    switch "$argv[1]"
${offers(tree, ({ commands }) => commands)}
        case '*'
            return 1
    end
end

# One word before the cursor: the command so far (at), how many words of its own it has (places), what an option waits for.
function __lossyscope_step --no-scope-shadowing
    if test -n "$only"
        set places (math $places + 1)
    else if test "$need" = must
        set need $after
    else if test "$argv[1]" = --
        set only yes
        set need ''
    else if string match -qr -- '^-.' "$argv[1]"
        __lossyscope_option "$at" "$argv[1]"
    else if test "$need" = may
        set need $after
    else if __lossyscope_command "$at" "$argv[1]"
        set places 0
    else
        set places (math $places + 1)
    end
end

# What stands under the cursor: flags, commands, or a kind of value; with the words that are offered for the last but files.
function __lossyscope_look
    set -l at ''
    set -l need ''
    set -l after ''
    set -l kind ''
    set -l places 0
    set -l only ''
    set -l choices
    set -l tied ''
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -e before[1]
    for word in $before
        __lossyscope_step "$word"
    end
    if test -z "$only" -a "$need" != must; and string match -qr -- '^--[^=]+=' "$current"
        set tied (string replace -r -- '=.*' '=' "$current")
        __lossyscope_option "$at" (string trim -r -c = -- "$tied")
    else if test "$need" = must
    else if test -z "$only"; and string match -q -- '-*' "$current"
        set kind flags
    else if test "$need" = may
    else if test -z "$only" -a "$places" = 0; and __lossyscope_commands "$at" >/dev/null
        set kind commands
    else if not __lossyscope_place "$at" $places; and not __lossyscope_place "$at" ${FURTHER}; and test -z "$only"
        set kind flags
    end
    echo $kind
    switch "$kind"
        case flags
            __lossyscope_flags "$at"
        case commands
            __lossyscope_commands "$at"
        case choices
            printf '%s\\n' $tied$choices
    end
end

function __lossyscope_wants
    contains -- (__lossyscope_look)[1] $argv
end

complete -c lossyscope -f
complete -c lossyscope -n '__lossyscope_wants file' -F
complete -c lossyscope -n '__lossyscope_wants folder' -a '(__fish_complete_directories (commandline -ct) folder)'
complete -c lossyscope -n '__lossyscope_wants flags commands choices' -a '(__lossyscope_look)[2..-1]'
`;
