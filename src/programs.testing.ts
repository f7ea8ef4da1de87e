/** The programs of the repository as text, for tests that hold what every one of them must keep to. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

export interface Program {
  /** from the root of the repository, with slashes */
  readonly path: string;
  readonly text: string;
}

function* filesOf(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (["node_modules", "dist"].includes(entry.name) || (entry.name.startsWith(".") && entry.isDirectory())) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesOf(path);
    else if (/\.[cm]?[jt]sx?$/.test(entry.name)) yield path;
  }
}

/** Every program, tests and scripts included. */
export function* programs(): Generator<Program> {
  for (const file of filesOf(root)) {
    yield { path: relative(root, file).split(sep).join("/"), text: readFileSync(file, "utf8") };
  }
}
