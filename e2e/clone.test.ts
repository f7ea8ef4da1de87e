/**
 * A fresh clone of what is committed works: with the dependencies installed and nothing built it answers `--help`; a
 * stale build is made again, a current one is left alone. Skipped where the tests do not run in a git checkout.
 */
import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isPosix } from "../src/system.testing.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

describe.skipIf(!existsSync(join(root, ".git")))("a fresh clone (needs a git checkout)", () => {
  const clone = mkdtempSync(join(tmpdir(), "lossyscope-clone-"));
  const bin = join(clone, "bin/lossyscope.js");
  const built = join(clone, "dist/.built");

  beforeAll(() => {
    const cloned = spawnSync("git", ["clone", "--quiet", root, clone], { encoding: "utf8" });
    expect(cloned.stderr).toBe("");
    symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
  });
  afterAll(() => rmSync(clone, { recursive: true, force: true }));

  /** As a shell runs it: by its first line, where the system goes by that. */
  const run = (...args: string[]) => {
    const [program, ...first] = isPosix ? [bin] : [process.execPath, bin];
    return spawnSync(program, [...first, ...args], { encoding: "utf8", cwd: tmpdir() });
  };

  it("has an executable that builds what is missing and helps", () => {
    accessSync(bin, constants.X_OK);
    expect(existsSync(built)).toBe(false);
    const { status, stdout, stderr } = run("--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "lossyscope: building dist/ from src/ …\n" });
    expect(stdout).toMatch(/^Usage: lossyscope/);
    expect(stdout).toContain("measure");
    expect(existsSync(built)).toBe(true);
  });

  it("leaves a current build alone and makes a stale one again", () => {
    const before = statSync(built).mtimeMs;
    expect(run("--version")).toMatchObject({
      status: 0,
      stderr: "",
      stdout: `${JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version}\n`,
    });
    expect(statSync(built).mtimeMs).toBe(before);
    const later = new Date(Date.now() + 1000);
    utimesSync(join(clone, "src/cli/main.ts"), later, later);
    expect(run("--version").stderr).toContain("building dist/");
  });

  it("says what is wrong where nothing is installed", () => {
    unlinkSync(join(clone, "node_modules"));
    rmSync(join(clone, "dist"), { recursive: true });
    const { status, stderr } = run("--help");
    expect(status).toBe(1);
    expect(stderr).toContain("run `npm ci` in the clone first");
  });
});
