/** Keys typed into a real shell on a terminal of its own, with a `lossyscope` that only notes what it is given. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SHELLS } from "../completion.ts";

export type Shell = keyof typeof SHELLS;

export const TAB = "\t";

const runs = (program: string): boolean => {
  const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return status === 0 && !stdout.includes("BSD");
};

/** A terminal is made by util-linux's `script`. */
export const canType = (shell: Shell): boolean => runs("script") && runs(shell);

const NOTED = "noted";

const STARTS: Readonly<Record<Shell, { readonly command: string; readonly before: string; readonly noting: string }>> =
  {
    bash: {
      command: "bash --norc --noprofile -i",
      before: "",
      noting: `lossyscope() { printf '%s\\0' "$@" -- >> ${NOTED}; }`,
    },
    zsh: {
      command: "zsh -f -i",
      before: "autoload -Uz compinit && compinit -u -D",
      noting: `lossyscope() { printf '%s\\0' "$@" -- >> ${NOTED}; }`,
    },
    fish: {
      command: "fish --no-config -i",
      before: "",
      noting: `function lossyscope; printf '%s\\0' $argv -- >> ${NOTED}; end`,
    },
  };

/**
 * @param script the completion script
 * @param lines what is typed, tab keys included
 * @param folder where the shell runs; files that it makes stay there, under `typed`
 * @returns the words that `lossyscope` was given, for every line; a folder's slash, which zsh takes off, is left out
 */
export function typed(shell: Shell, script: string, lines: readonly string[], folder: string): string[][] {
  const { command, before, noting } = STARTS[shell];
  const own = join(folder, "typed");
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, "script"), [before, script, noting, ""].join("\n"));
  const keys = ["source typed/script", ...lines, "exit", ""].join("\n");
  const { status, stdout } = spawnSync("script", ["-qec", command, join(own, "record")], {
    cwd: folder,
    input: keys,
    encoding: "utf8",
    timeout: 30_000,
    env: { PATH: process.env.PATH, HOME: own, TERM: "xterm", LC_ALL: "C.UTF-8" },
  });
  if (status !== 0) throw new Error(`${shell} ended with ${status}:\n${stdout}`);
  const given = readFileSync(join(folder, NOTED), "utf8").split("--\0").slice(0, -1);
  return given.map((one) =>
    one
      .split("\0")
      .slice(0, -1)
      .map((word) => word.replace(/\/$/, "")),
  );
}
