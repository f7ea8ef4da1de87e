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
export async function lossyscope(...args: readonly string[]): Promise<void> {
  await started(args, "inherit");
}

/** @returns its standard output. @throws Error with its exit code where it fails */
export const printed = (...args: readonly string[]): Promise<string> => started(args, "pipe");

function started(args: readonly string[], output: "inherit" | "pipe"): Promise<string> {
  process.stderr.write(`lossyscope ${args.map((arg) => arg.replace(ROOT, "")).join(" ")}\n`);
  const stdio = ["inherit", output, "inherit"] as const;
  const child = spawn(process.execPath, [join(ROOT, "bin/lossyscope.js"), ...args], { stdio: [...stdio] });
  const said: Buffer[] = [];
  child.stdout?.on("data", (piece: Buffer) => said.push(piece));
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (code, signal) =>
      code === 0
        ? done(Buffer.concat(said).toString("utf8"))
        : failed(new Error(`lossyscope ${args[0]} ended with ${signal ?? code}`)),
    );
  });
}
