/** `lossyscope completion bash|zsh|fish`: a script that completes commands, options and their values, made from the program. */
import { Argument, Command } from "@commander-js/extra-typings";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { type CommandNode, treeOf } from "./completion/tree.ts";
import { zshScript } from "./completion/zsh.ts";

export const SHELLS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const satisfies Readonly<
  Record<string, (tree: readonly CommandNode[]) => string>
>;

export const completionCommand = () =>
  new Command("completion")
    .summary("print a script with which a shell completes what you type")
    .description(
      "Prints a script for SHELL that completes commands, options, their choices and files at the touch of the tab key. It is made from this version's commands: print it anew after an update.",
    )
    .addArgument(
      new Argument("<shell>", "the shell that you type in").choices(Object.keys(SHELLS) as (keyof typeof SHELLS)[]),
    )
    .action((shell, _, own) => {
      process.stdout.write(SHELLS[shell](treeOf(own.parent!)));
    });
