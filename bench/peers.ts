/** The peers: Python with torch and transformers, where `PEERS_PYTHON` names an interpreter that has them. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** @returns what the script printed, JSON; undefined, said on standard error, where there is no interpreter */
export function peer(script: string, options: Readonly<Record<string, unknown>>): Record<string, number> | undefined {
  const python = process.env.PEERS_PYTHON;
  if (!python) {
    console.error(`skipped ${script}: set PEERS_PYTHON to a Python that has torch, transformers and numpy`);
    return undefined;
  }
  const path = fileURLToPath(new URL(script, import.meta.url));
  const printed = execFileSync(python, [path, JSON.stringify(options)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, HF_HUB_OFFLINE: "1", HF_HUB_DISABLE_TELEMETRY: "1" },
  });
  return JSON.parse(printed.trim().split("\n").at(-1)!);
}
