/** The tool as scripts run it: each command in a process of its own, shown before it runs, built where it is stale. */
import { spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** @param url of a module. @returns whether it is the program that was started, and not one that another imports */
export const isProgram = (url: string): boolean =>
  process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url);

/** @throws Error with its exit code where it fails */
export function lossyscope(...args: readonly string[]): Promise<void> {
  process.stderr.write(`lossyscope ${args.map((arg) => arg.replace(ROOT, "")).join(" ")}\n`);
  const child = spawn(process.execPath, [join(ROOT, "bin/lossyscope.js"), ...args], { stdio: "inherit" });
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("exit", (code, signal) =>
      code === 0 ? done() : failed(new Error(`lossyscope ${args[0]} ended with ${signal ?? code}`)),
    );
  });
}
