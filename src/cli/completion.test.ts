/** The scripts in the shells that they are for; a shell that is not installed is passed over, and said. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Argument, Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { everyCommand } from "./commands.ts";
import { PLACEHOLDERS, placeholderOf, treeOf } from "./completion/tree.ts";
import { canType, type Shell, TAB, typed } from "./completion/typing.testing.ts";
import { SHELLS } from "./completion.ts";
import { program } from "./main.ts";
import { run } from "./run.testing.ts";

const root = (await program()) as unknown as CommandUnknownOpts;
const shells = Object.keys(SHELLS) as Shell[];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lossyscope-completion-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the program as a tree", () => {
  it("knows of every placeholder whether files are meant", () => {
    const known = Object.values(PLACEHOLDERS).flat();
    const placeholders = [...everyCommand(root)].flatMap(({ options, registeredArguments }) => [
      ...options.flatMap((option) => placeholderOf(option) ?? []),
      ...registeredArguments.filter(({ argChoices }) => !argChoices).map((argument) => argument.name()),
    ]);
    expect(placeholders.length).toBeGreaterThan(100);
    expect([...new Set(placeholders)].filter((one) => !known.includes(one) && one !== "command")).toEqual([]);
    expect(known.filter((one) => !placeholders.includes(one))).toEqual([]);
  });

  it("has every option of every command, hidden ones not to be offered", () => {
    const tree = treeOf(root);
    expect(tree.map(({ path }) => path)).toEqual(expect.arrayContaining(["", "measure", "atlas fit", "completion"]));
    const choose = tree.find(({ path }) => path === "choose")!;
    const offered = (flag: string) => choose.options.find(({ names }) => names.includes(flag))?.offered;
    expect([offered("--licence"), offered("--license"), offered("--help")]).toEqual([true, false, true]);
  });
});

describe("lossyscope completion", () => {
  it.each(shells)("%s prints the script", async (shell) => {
    const { code, out } = await run("completion", shell);
    expect(code).toBe(0);
    expect(out).toBe(SHELLS[shell](treeOf(root)));
  });

  it("is for some shells", async () => {
    const { code, err } = await run("completion", "tcsh");
    expect([code, err]).toEqual([2, "lossyscope: tcsh: expected bash, zsh or fish\n"]);
  });
});

/** The words that bash offers, the last one being typed. */
function offeredByBash(script: string, ...words: readonly string[]): string[] {
  const ask = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lossyscope; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, status } = spawnSync("bash", ["-c", `${script}\n${ask}`, "bash", "lossyscope", ...words], {
    encoding: "utf8",
  });
  expect(status).toBe(0);
  return stdout.split("\n").filter((word) => word !== "");
}

describe.skipIf(spawnSync("bash", ["--version"]).status !== 0)("what bash offers (needs bash)", () => {
  const script = SHELLS.bash(treeOf(root));
  const flagsOf = (name: string) =>
    treeOf(root)
      .find(({ path }) => path === name)!
      .options.filter(({ offered }) => offered)
      .map(({ names }) => names[0]);

  it.each([
    [["mea"], ["measure"]],
    [["co"], ["compare", "compress", "completion"]],
    [
      ["measure", "m", "--like", ""],
      ["lm-eval", "llama.cpp"],
    ],
    [
      ["measure", "m", "--like", "=", "l"],
      ["lm-eval", "llama.cpp"],
    ],
    [
      ["measure", "m", "--like", "="],
      ["lm-eval", "llama.cpp"],
    ],
    [["measure", "m", "--text", "a", "b", "--with", "recall", "f"], ["facts"]],
    [["measure", "m", "--seed", ""], []],
    [["measure", "m", "--text", ""], []],
    [["measure", "m", "--domain", "news", "=", "a"], []],
    [["measure", "m", "--", "--re"], []],
    [
      ["atlas", ""],
      ["fit", "add"],
    ],
    [["atlas", "fit", "x", "--ra"], ["--rank"]],
    [["distill", "--deca"], ["--decay"]],
    [
      ["distil", "--decay", "co"],
      ["cosine", "constant"],
    ],
    [["help", "atl"], ["atlas"]],
    [["completion", ""], [...shells]],
  ])("%j", (words, offered) => {
    expect(offeredByBash(script, ...words)).toEqual(offered);
  });

  it("every command, and every option of every command", () => {
    expect(offeredByBash(script, "")).toEqual(root.commands.map((command) => command.name()));
    const found = offeredByBash(script, "measure", "--re");
    expect(found).toEqual(flagsOf("measure").filter((flag) => flag.startsWith("--re")));
    expect(found).toEqual(expect.arrayContaining(["--report", "--resume"]));
    for (const { path } of treeOf(root).filter((node) => node.path !== ""))
      expect(offeredByBash(script, ...path.split(" "), "--"), path).toEqual(flagsOf(path));
  });
});

describe.each(shells)("%s", (shell) => {
  const away = !canType(shell);

  it.skipIf(away)(`completes what is typed (needs ${shell}, and script of util-linux)`, () => {
    for (const name of ["it's.txt", 'my $x "q".txt']) writeFileSync(join(folder, name), "");
    mkdirSync(join(folder, "my folder"));
    const lines = [
      `lossyscope mea${TAB} m --text my\\ \\$${TAB} --like lm${TAB}`,
      `lossyscope measure my\\ f${TAB} --out my\\ f${TAB} --seed my${TAB}`,
      `lossyscope measure m --text it${TAB} "my \\$${TAB}`,
      `lossyscope measure m --like=lm${TAB} --json=it${TAB}`,
      `lossyscope atlas fi${TAB} x --ran${TAB}`,
      `lossyscope distill --decay l${TAB} --tea${TAB} my\\ f${TAB}`,
      `lossyscope compare it${TAB} it${TAB} --repo${TAB} it${TAB} --comm${TAB}`,
    ];
    expect(typed(shell, SHELLS[shell](treeOf(root)), lines, folder)).toEqual([
      ["measure", "m", "--text", 'my $x "q".txt', "--like", "lm-eval"],
      ["measure", "my folder", "--out", "my folder", "--seed", "my"],
      ["measure", "m", "--text", "it's.txt", 'my $x "q".txt'],
      ["measure", "m", "--like=lm-eval", "--json=it's.txt"],
      ["atlas", "fit", "x", "--rank"],
      ["distill", "--decay", "linear", "--teacher", "my folder"],
      ["compare", "it's.txt", "it's.txt", "--report", "it's.txt", "--common"],
    ]);
  });

  it.skipIf(away)(`runs nothing of what it offers, and quotes it (needs ${shell}, and script of util-linux)`, () => {
    const choices = ['it\'s $(touch ran-1) `touch ran-2`; touch ran-3 "q" \\ & *', "-dash", "ü (b) [c]: {d}"];
    const about = 'it\'s "q" \\ $(touch ran-4) `touch ran-5` [a]:b\n(c) %s %d';
    const odd = new Command("lossyscope").helpCommand(false);
    odd.addCommand(
      new Command("odd")
        .summary(about)
        .addArgument(new Argument("<what>").choices(choices))
        .addOption(new Option("--kind <what>", about).choices(choices))
        .option("--other", about),
    );
    const lines = [`lossyscope od${TAB} --kin${TAB} it${TAB} ü${TAB}`, `lossyscope odd it${TAB} --oth${TAB}`];
    expect(typed(shell, SHELLS[shell](treeOf(odd as unknown as CommandUnknownOpts)), lines, folder)).toEqual([
      ["odd", "--kind", choices[0], choices[2]],
      ["odd", choices[0], "--other"],
    ]);
    expect(readdirSync(folder).filter((name) => name.startsWith("ran"))).toEqual([]);
    expect(existsSync(join(folder, "typed", "record"))).toBe(true);
  });
});
