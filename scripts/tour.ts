/**
 * `npm run tour`: runs what the pages of docs/tour say and writes down what came out. In a page, every block
 *
 *     ```console
 *     $ lossyscope compare main/profile.json small/profile.json
 *     …
 *     ```
 *
 * holds commands for bash, each on one line that begins with `$ `, and below each its standard output, which this replaces.
 * All pages share one folder, `work/tour`, where `specimens`, `models` and `texts` lie at hand; pages are run in the order of
 * their names, so a later one may use what an earlier one made. `npm run tour -- 2` runs the pages whose name begins so, in the folder
 * as it is: what they wrote there before is replaced.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const PAGES = join(ROOT, "docs/tour");
const FOLDER = join(ROOT, "work/tour");
const SHARED = join(ROOT, "../shared/fixtures");

const AT_HAND = { specimens: join(ROOT, "specimens"), models: join(SHARED, "models"), texts: join(SHARED, "text") };

const wanted = process.argv[2] ?? "";
const LOSSYSCOPE = `lossyscope() { node ${JSON.stringify(join(ROOT, "bin/lossyscope.js"))} "$@"${wanted === "" ? "" : " --force"}; }`;

/** Exit codes that a tour may want to show: done, and a threshold that was missed. */
const SHOWN = [0, 3];

function run(command: string): string {
  process.stderr.write(`$ ${command}\n`);
  let code = 0;
  let output: string;
  try {
    output = execFileSync("bash", ["-c", `${LOSSYSCOPE}; ${command}`], {
      cwd: FOLDER,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1", COLUMNS: "110" },
      stdio: ["ignore", "pipe", "inherit"],
      maxBuffer: 1 << 26,
    });
  } catch (error) {
    ({ status: code, stdout: output } = error as { status: number; stdout: string });
    if (!SHOWN.includes(code)) throw error;
  }
  const lines = output.split("\n").map((line) => line.trimEnd());
  return `${lines.join("\n").trim()}${code === 0 ? "" : `\n(exit code ${code})`}`.trim();
}

/** A block with the output of its commands. */
function block(content: string): string {
  const commands = content.split("\n").filter((line) => line.startsWith("$ "));
  const shown = commands.map((line) => {
    const output = run(line.slice(2));
    return output === "" ? line : `${line}\n${output}`;
  });
  return `\`\`\`console\n${shown.join("\n\n")}\n\`\`\``;
}

if (wanted === "") rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
for (const [name, target] of Object.entries(AT_HAND)) {
  if (!existsSync(target)) throw new Error(`the tour needs ${target}`);
  rmSync(join(FOLDER, name), { force: true });
  symlinkSync(target, join(FOLDER, name));
}
for (const name of readdirSync(PAGES).sort()) {
  if (!name.endsWith(".md") || !name.startsWith(wanted)) continue;
  const path = join(PAGES, name);
  const page = readFileSync(path, "utf8");
  writeFileSync(
    path,
    page.replace(/```console\n(.*?)\n```/gs, (_, content: string) => block(content)),
  );
}
