/**
 * Holds what programs must keep to so as to run on Windows and macOS as on Linux: addresses of files become paths by
 * `fileURLToPath`, programs are started without a shell, places that differ are asked of the system. What the scripts of
 * package.json and continuous integration say is the same everywhere.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { programs } from "./programs.testing.ts";

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), "utf8");

interface Rule {
  readonly what: string;
  readonly found: RegExp;
  /** instead */
  readonly instead: string;
  /** programs that are for one system, and say so */
  readonly but?: readonly string[];
}

const RULES: readonly Rule[] = [
  {
    what: "a path taken from a file's address",
    found: /import\.meta\.url\s*\)\s*\.(?:pathname|href\.slice)|import\.meta\.url\.(?:slice|replace)/,
    instead: "fileURLToPath",
  },
  {
    what: "a module loaded by its path",
    found: /\bimport\((?:join|resolve|path)\b|\bfrom "\/|import\.meta\.url\s*===\s*`file:/,
    instead: "pathToFileURL",
  },
  {
    what: "a shell",
    found: /\bshell: true|\bexec(?:Sync)?\("|\b(?:spawn|exec)\w*\(\s*"(?:ba|z)?sh"|\bspawn\w*\(\s*"(?:npm|npx)"/,
    instead: "process.execPath and arguments",
    // the pages of the tour are written in bash, and shells are what completion is for
    but: ["scripts/tour.ts", "src/cli/completion.test.ts"],
  },
  { what: "the folder of temporary files by name", found: /["'`]\/(?:var\/)?tmp[/"'`]/, instead: "os.tmpdir()" },
  { what: "the user's folder by a variable", found: /\benv\.(?:HOME|USERPROFILE)\b/, instead: "os.homedir()" },
  { what: "a group of processes ended as one", found: /process\.kill\(\s*-|\bdetached: true/, instead: "child.kill" },
  { what: "the search path taken apart at colons", found: /\bPATH\b.{0,20}\.split\(":"\)/, instead: "path.delimiter" },
];

const all = [...programs()].filter(({ path }) => path !== "src/portable.test.ts");

describe("programs", () => {
  it("are read", () => expect(all.length).toBeGreaterThan(400));

  it.each(RULES)("have no $what: $instead", ({ found, but = [] }) => {
    const offenders = all.filter(({ path, text }) => !but.includes(path) && found.test(text)).map(({ path }) => path);
    expect(offenders).toEqual([]);
  });

  it.each([
    ["dirname(new URL(import.meta.url).pathname)", 0],
    ['new URL("..", import.meta.url).pathname', 0],
    ["await import(join(folder, name))", 1],
    ['spawnSync("npm", ["pack"])', 2],
    ['execSync("ls")', 2],
    ['execFileSync("bash", ["-c", command])', 2],
    ["spawn(program, args, { shell: true })", 2],
    ['mkdirSync("/tmp/work")', 3],
    ["join(process.env.HOME, name)", 4],
    ["process.kill(-child.pid!)", 5],
    ["spawn(program, { detached: true })", 5],
    ['process.env.PATH!.split(":")', 6],
  ])("%s is found", (program, rule) => {
    expect(RULES.flatMap(({ found }, index) => (found.test(program) ? [index] : []))).toEqual([rule]);
  });
});

describe("what npm and continuous integration run", () => {
  it("is programs one after the other, which every shell understands", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    for (const [name, script] of Object.entries(scripts)) {
      expect(script.replaceAll(" && ", " "), name).toMatch(/^[\w./: -]+$/);
    }
  });

  it("is the same on every system", () => {
    const here = read(".ci/run").match(/^npm .*/gm);
    const there = [...read(".github/workflows/ci.yml").matchAll(/^\s*- run: (.*)$/gm)].map(([, command]) => command);
    expect(there).toEqual(here);
  });

  it("is what is committed, to the byte", () => expect(read(".gitattributes")).toMatch(/^\* -text$/m));
});
