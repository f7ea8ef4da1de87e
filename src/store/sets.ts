/**
 * Calibration sets in folders (`atlas/sets.ts` says what is in them): published ones under `data/atlas` of the package, the
 * user's own in the data folder.
 */
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { OwnSet } from "../atlas/add.ts";
import { type CalibrationSet, parseSet } from "../atlas/sets.ts";
import { writeAtomic } from "../files/atomic.ts";
import { ioFault, systemCode } from "../files/faults.ts";
import { LossyscopeError } from "../numeric/errors.ts";

const PUBLISHED = fileURLToPath(new URL("../../data/atlas/", import.meta.url));

/** Where the user's own sets lie unless `--atlas` says otherwise. */
export const defaultAtlas = (environment: Readonly<Record<string, string | undefined>>): string =>
  join(environment.XDG_DATA_HOME || join(homedir(), ".local", "share"), "lossyscope", "atlas");

async function namesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw ioFault(error, `read ${folder}`);
  }
}

/** Names of all sets, published ones first, each with where it comes from. */
export async function setNames(atlas: string): Promise<{ name: string; origin: CalibrationSet["origin"] }[]> {
  const named = async (folder: string, origin: CalibrationSet["origin"]) =>
    (await namesIn(folder)).sort().map((name) => ({ name, origin }));
  return [...(await named(PUBLISHED, "published")), ...(await named(atlas, "own"))];
}

/**
 * Loads a calibration set, published or the user's own.
 * @param atlas folder of the user's own sets
 * @throws LossyscopeError `usage` for a name that no set has, `input` where its files are wrong
 */
export async function loadSet(name: string, atlas: string): Promise<CalibrationSet> {
  const known = await setNames(atlas);
  const origin = known.find((set) => set.name === name)?.origin;
  if (origin === undefined) {
    throw new LossyscopeError(
      "usage",
      `no calibration set is called ${name}`,
      `choose from ${known.map((set) => set.name).join(", ")}`,
    );
  }
  const folder = join(origin === "published" ? PUBLISHED : atlas, name);
  const read = (file: string): Promise<string> =>
    readFile(join(folder, file), "utf8").catch((error) => Promise.reject(ioFault(error, `read ${join(folder, file)}`)));
  return { ...parseSet(await read("set.json"), await read("rows.csv"), name), origin };
}

/**
 * @param replace whether a set of that name may be there
 * @throws LossyscopeError `usage` for a name that is taken or no folder's
 */
export async function requireFree(name: string, atlas: string, replace: boolean): Promise<void> {
  if (!/^[a-z0-9][a-z0-9._-]*$/i.test(name)) {
    throw new LossyscopeError(
      "usage",
      `${JSON.stringify(name)} cannot name a set`,
      "use letters, digits, dots, dashes and underscores",
    );
  }
  const taken = (await setNames(atlas)).find((set) => set.name === name);
  if (taken?.origin === "published")
    throw new LossyscopeError("usage", `${name} is a published set`, "choose another name");
  if (taken && !replace)
    throw new LossyscopeError("usage", `the set ${name} exists`, "pass --force to replace it, or choose another name");
}

/**
 * Puts the set among the user's own, whole or not at all.
 * @returns its folder
 * @throws LossyscopeError as `requireFree` does; `io`
 */
export async function storeSet({ description, rows }: OwnSet, atlas: string, replace: boolean): Promise<string> {
  const { name } = description;
  await requireFree(name, atlas, replace);
  const folder = join(atlas, name);
  const fresh = join(atlas, `.${name}.${process.pid}`);
  try {
    await mkdir(fresh, { recursive: true });
    await writeAtomic(join(fresh, "set.json"), `${JSON.stringify(description, null, 2)}\n`);
    await writeAtomic(join(fresh, "rows.csv"), rows);
    await rm(folder, { recursive: true, force: true });
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw ioFault(error, `write ${folder}`);
  }
  return folder;
}
