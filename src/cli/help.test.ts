import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { afterEach, describe, expect, it, vi } from "vitest";
import { everyCommand, pathOf } from "./commands.ts";
import { EXAMPLES } from "./examples.ts";
import { GROUP } from "./groups.ts";
import { parsed } from "./help.testing.ts";
import { program } from "./main.ts";
import { run } from "./run.testing.ts";

const root = (await program()) as unknown as CommandUnknownOpts;
const commands = [...everyCommand(root)];
const below = commands.filter((command) => command !== root);
const helpOf = (command: CommandUnknownOpts, width: number): string =>
  command.configureOutput({ getOutHelpWidth: () => width, getOutHasColors: () => false }).helpInformation();
/**
 * The words of a line, or of its part between a pipe or `$(` and `)` or `>`, as a shell takes them apart; only single quotes
 * are used.
 */
function wordsOf(line: string): string[] {
  const [, words] = /(?:^|\| |\$\()lossyscope([^)>]*)/.exec(line)!;
  return [...words.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ""));
}

describe("help of every command", () => {
  it.each(below.map((command) => [pathOf(command), command] as const))(
    "%s has a group, a summary and examples",
    (path, command) => {
      expect(command.parent === root ? command.helpGroup() : "Commands:").toMatch(/^[A-Z].*:$/);
      expect(command.summary()).toMatch(/^[a-z].*[^.]$/);
      expect(command.description()).toMatch(/^[A-Z].*\.$/);
      expect(EXAMPLES[path]?.length).toBeGreaterThan(1);
    },
  );

  it("has examples of nothing else", () => {
    expect(Object.keys(EXAMPLES).toSorted()).toEqual(commands.map(pathOf).toSorted());
  });

  const examples = Object.entries(EXAMPLES).flatMap(([path, ones]) => ones.map(([, line]) => [line, path] as const));
  it.each(examples)("%s can be typed", async (line, path) => {
    const reached = pathOf(await parsed(wordsOf(line)));
    expect(line).toContain(reached);
    expect(EXAMPLES[path].some(([, one]) => one === path || one.includes(`${path} `))).toBe(true);
    expect(line.length).toBeLessThanOrEqual(78);
  });

  it("an example that has an option which does not exist is found out", async () => {
    await expect(parsed(wordsOf("lossyscope measure ./model --txt notes/"))).rejects.toThrow("--txt");
    await expect(parsed(wordsOf("lossyscope measure ./model --points many"))).rejects.toThrow("whole number");
  });

  it.each(commands.map((command) => [pathOf(command), command] as const))(
    "%s: every option has its heading",
    (_, command) => {
      const headings = command
        .createHelp()
        .visibleOptions(command)
        .map(({ helpGroupHeading }) => helpGroupHeading);
      expect(headings.length).toBeGreaterThan(0);
      for (const heading of headings) expect(Object.values(GROUP)).toContain(heading);
      if (command !== root) expect(headings).not.toContain(GROUP.options);
    },
  );

  it.each(commands.map((command) => [pathOf(command), command] as const))(
    "%s says no default that says nothing",
    (_, command) => {
      expect(helpOf(command, 100)).not.toMatch(/default: *(\[|false|true|undefined|"|\))/);
    },
  );

  it.each([40, 60, 80, 132])("is no wider than %i columns, examples apart", (width) => {
    for (const command of commands) {
      const [text] = helpOf(command, width).split("Examples:");
      const wide = text.split("\n").filter((line) => line.length > width);
      expect(wide, pathOf(command)).toEqual([]);
    }
  });

  it("lists every command on one line of eighty columns, under its group", () => {
    const lines = helpOf(root, 80).split("\n");
    for (const command of root.commands) {
      const line = lines.find((one) => one.startsWith(`  ${command.name()} `));
      expect(line?.endsWith(` ${command.summary()}`), command.name()).toBe(true);
      expect(lines).toContain(command.helpGroup());
    }
  });
});

describe("help as it is asked for", () => {
  afterEach(() => vi.unstubAllEnvs());

  it.each([
    [{ FORCE_COLOR: "1", NO_COLOR: undefined, TERM: "xterm" }, true],
    [{ FORCE_COLOR: "1", NO_COLOR: "1", TERM: "xterm" }, false],
    [{ FORCE_COLOR: "1", NO_COLOR: undefined, TERM: "dumb" }, false],
    [{ FORCE_COLOR: undefined, NO_COLOR: undefined, TERM: "xterm" }, false],
  ])("headings are bold where the terminal has it: %j", async (environment, bold) => {
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
    expect((await run("measure", "--help")).out.startsWith("\x1b[1mUsage:\x1b[22m ")).toBe(bold);
  });

  it("options stand under their headings, common ones last", async () => {
    const { code, out } = await run("measure", "--help");
    expect(code).toBe(0);
    const headings = out.split("\n").filter((line) => /^[A-Z].*:$/.test(line));
    expect(headings).toEqual([
      "Arguments:",
      GROUP.read,
      GROUP.facts,
      GROUP.measured,
      GROUP.plane,
      GROUP.model,
      GROUP.served,
      GROUP.written,
      GROUP.run,
      "Examples:",
    ]);
    expect(out.indexOf("--seed")).toBeGreaterThan(out.indexOf(GROUP.run));
    expect(out.indexOf("--out")).toBeLessThan(out.indexOf("--keep"));
  });
});
