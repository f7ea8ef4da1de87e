/** npm, started without a shell: on Windows `npm` is a script for one, so there Node runs npm's own entry point. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

export const root = fileURLToPath(new URL("..", import.meta.url));

const [PROGRAM, ...FIRST] =
  process.platform === "win32"
    ? [process.execPath, join(dirname(process.execPath), "node_modules/npm/bin/npm-cli.js")]
    : ["npm"];

/** The package as npm publishes it, packed without running scripts; with `--dry-run` only its list of files. */
export function pack(...options: readonly string[]): { readonly filename: string; readonly files: { path: string }[] } {
  const args = [...FIRST, "pack", "--json", "--ignore-scripts", ...options];
  const { status, stdout, stderr } = spawnSync(PROGRAM, args, { cwd: root, encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout)[0];
}

/**
 * Installs the package as it is packed into a folder that holds nothing yet. What it depends on, and nothing else, is that
 * of the clone: no registry is asked.
 */
export function installInto(folder: string): void {
  const { filename } = pack("--pack-destination", folder);
  const own = join("node_modules", "lossyscope");
  mkdirSync(join(folder, own), { recursive: true });
  // Relative: a drive's colon is a host's to some tars.
  const unpacked = spawnSync("tar", ["-xzf", filename, "-C", own, "--strip-components", "1"], { cwd: folder });
  expect(unpacked.status, String(unpacked.stderr)).toBe(0);
  const { dependencies } = JSON.parse(readFileSync(join(folder, own, "package.json"), "utf8"));
  for (const name of Object.keys(dependencies)) {
    const there = join(folder, "node_modules", name);
    mkdirSync(dirname(there), { recursive: true });
    symlinkSync(join(root, "node_modules", name), there, "junction");
  }
}
