#!/usr/bin/env node
// Starts the command line. In an installed package `dist/` is there; in a clone it is built when it is missing or older
// than `src/`, so that `npx lossyscope` works right after `npm ci`.
import { buildIfStale } from "./build.js";

try {
  buildIfStale();
  const { supervise } = await import("../dist/cli/supervise.js");
  process.exitCode = await supervise(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`lossyscope: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
