#!/usr/bin/env node
// Compiles `src/` to `dist/` with the project's own TypeScript. Plain JavaScript, because it runs before anything is
// built. The stamp is written last: an interrupted build is stale, never half-used.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const stamp = join(root, "dist", ".built");

function newest(folder) {
  let latest = statSync(folder).mtimeMs;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

export function build() {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  if (!existsSync(compiler)) throw new Error("TypeScript is not installed: run `npm ci` in the clone first");
  rmSync(stamp, { force: true });
  const run = spawnSync(process.execPath, [compiler, "-p", join(root, "tsconfig.build.json")], {
    cwd: root,
    encoding: "utf8",
  });
  if (run.status !== 0) throw new Error(`the build failed:\n${run.stdout}${run.stderr}`);
  writeFileSync(stamp, "");
}

/** In a clone: builds when `dist/` is missing or older than `src/`. In an installed package there is no `src/`. */
export function buildIfStale() {
  const source = join(root, "src");
  if (!existsSync(source)) return;
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= newest(source)) return;
  process.stderr.write("lossyscope: building dist/ from src/ …\n");
  build();
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    build();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
