/** A fresh folder for each test, removed after it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

export function temporaryFolder(): (...parts: string[]) => string {
  let folder: string | undefined;
  afterEach(() => {
    if (folder) rmSync(folder, { recursive: true, force: true });
    folder = undefined;
  });
  return (...parts) => join((folder ??= mkdtempSync(join(tmpdir(), "lossyscope-"))), ...parts);
}
