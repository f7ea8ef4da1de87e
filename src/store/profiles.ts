/** Profiles and trajectories in files. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Named } from "../atlas/text.ts";
import { ioFault } from "../files/faults.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Profile } from "../profile/profile.ts";
import { parseProfile, parseTrajectory } from "../profile/read.ts";
import type { Trajectory } from "../profile/trajectory.ts";

const textOf = (path: string): Promise<string> =>
  readFile(path, "utf8").catch((error) => Promise.reject(ioFault(error, `read ${path}`)));

/** @throws LossyscopeError `io` where the file cannot be read, else as `parseProfile` */
export const readProfile = async (path: string): Promise<Profile> => parseProfile(await textOf(path), path);

/** @throws LossyscopeError `io` where the file cannot be read, else as `parseTrajectory` */
export const readTrajectory = async (path: string): Promise<Trajectory> => parseTrajectory(await textOf(path), path);

/**
 * Every profile that a folder holds.
 * @throws LossyscopeError `input` for a JSON file that is no profile, or a folder without any
 */
export async function profilesIn(folder: string): Promise<Named[]> {
  const names = await readdir(folder).catch((error) => Promise.reject(ioFault(error, `read ${folder}`)));
  const files = names.filter((name) => name.endsWith(".json")).sort();
  if (files.length === 0)
    throw new LossyscopeError("input", `${folder} holds no .json file`, "name the folder of the profiles");
  return Promise.all(files.map(async (name) => ({ file: name, profile: await readProfile(join(folder, name)) })));
}
