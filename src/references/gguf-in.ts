/**
 * The GGUF file that a folder stands for: the one that lies in it, or, where nothing else there is a model, the one somewhere
 * below it, as LM Studio (`models/org/name/`), llama.cpp and the Hub's cache (`snapshots/`) keep them.
 * Memory: the names of at most 20,000 files.
 */
import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { ggufOfFolder } from "../hub/gguf-name.ts";

/** Folders that are looked into, one in the other, and entries in all: a folder of anything else takes no time. */
const DEEPEST = 6;
const MOST_ENTRIES = 20_000;
/** What a model of another kind has in its folder. */
const OTHERWISE = /^(?:config\.json|.*\.safetensors(?:\.index\.json)?)$/;

/**
 * @returns path of the file, of the first where there are parts; null where the folder is no such model
 * @throws LossyscopeError `input` where there are several, naming them; `model` where parts are missing; what the disk refuses
 */
export function ggufIn(folder: string): string | null {
  const names = readdirSync(folder);
  const own = ggufOfFolder(names, folder) ?? (names.some((name) => OTHERWISE.test(name)) ? null : below(folder));
  return own && join(folder, own[0]);
}

function below(folder: string): ReturnType<typeof ggufOfFolder> {
  const found: string[] = [];
  let [left, level] = [MOST_ENTRIES, [""]];
  for (let depth = 0; depth < DEEPEST && level.length > 0; depth++) {
    const deeper: string[] = [];
    for (const path of level)
      for (const entry of entriesOf(join(folder, path))) {
        if (--left < 0) return null;
        const name = path === "" ? entry.name : `${path}/${entry.name}`;
        if (entry.isDirectory()) deeper.push(name);
        else if (/\.gguf$/i.test(name)) found.push(name);
      }
    level = deeper;
  }
  return ggufOfFolder(found, folder);
}

/** What may not be looked into holds nothing. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
