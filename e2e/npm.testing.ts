/** npm, started without a shell: on Windows `npm` is a script for one, so there Node runs npm's own entry point. */
import { spawnSync } from "node:child_process";
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
