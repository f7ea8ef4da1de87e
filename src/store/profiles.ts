/** Profiles and trajectories on the disk: in a file, or in the folder that a command has written with `--out`. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Named } from "../atlas/text.ts";
import { ioFault } from "../files/faults.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Profile } from "../profile/profile.ts";
import { parseDocument, parseProfile, parseTrajectory } from "../profile/read.ts";
import type { Trajectory } from "../profile/trajectory.ts";

/** What `--out` calls them in its folder. */
export const PROFILE = "profile.json";
export const TRAJECTORY = "trajectory.json";
/** Where the profiles of a trajectory's steps lie beside it. */
export const STEPS = "profiles";

/** What else `--out` leaves in a folder, by its mark; `config.json` is a model's. */
const MARKS = [PROFILE, TRAJECTORY, "facts.json", "capacity.json", "almanac.json", "config.json"];

export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Folders in a folder that hold a profile, by name, in order. */
const measuredIn = (folder: string, names: readonly string[]): string[] =>
  names.filter((name) => existsSync(join(folder, name, PROFILE))).sort();

/** @returns what to do in place of naming a folder that does not hold what is wanted */
export function insteadOf(folder: string): string {
  const [first, second] = measuredIn(folder, readdirSync(folder));
  if (first !== undefined)
    return `name the folders in it: ${join(folder, first)}${second === undefined ? "" : `, ${join(folder, second)} and so on`}`;
  if (existsSync(join(folder, TRAJECTORY))) return `name the profile of a step: ${join(folder, STEPS, "step-N.json")}`;
  return "name a file, or a folder that --out wrote";
}

/**
 * The file that a path stands for: itself, or in a folder the one of that name.
 * @throws LossyscopeError `input` where the folder has none, saying what it has
 */
export function documentAt(path: string, name: typeof PROFILE | typeof TRAJECTORY): string {
  if (!isFolder(path)) return path;
  const file = join(path, name);
  if (existsSync(file)) return file;
  const others = MARKS.filter((mark) => existsSync(join(path, mark)));
  const beside = others.length > 0 ? `, but ${others.join(" and ")}` : "";
  throw new LossyscopeError("input", `${path} holds no ${name}${beside}`, insteadOf(path));
}

const textOf = (path: string): Promise<string> =>
  readFile(path, "utf8").catch((error) => Promise.reject(ioFault(error, `read ${path}`)));

/**
 * Reads a profile, and keeps the file that it came from.
 * @param path of a file or of a folder that has it
 * @returns the profile, with its file
 * @throws LossyscopeError `io` where the file cannot be read, `input` where the folder has none, else as `parseProfile`
 */
export async function readNamed(path: string): Promise<Named> {
  const file = documentAt(path, PROFILE);
  return { file, profile: parseProfile(await textOf(file), file) };
}

/**
 * Reads the profile in a file, or in a folder that `--out` wrote.
 * @throws LossyscopeError as `readNamed`
 */
export const readProfile = async (path: string): Promise<Profile> => (await readNamed(path)).profile;

/**
 * Reads the trajectory in a file, or in a folder that `--out` wrote.
 * @param path of a file or of a folder that has it
 * @throws LossyscopeError `io` where the file cannot be read, `input` where the folder has none, else as `parseTrajectory`
 */
export async function readTrajectory(path: string): Promise<Trajectory> {
  const file = documentAt(path, TRAJECTORY);
  return parseTrajectory(await textOf(file), file);
}

/**
 * Reads the profile or the trajectory in a file, or in a folder that `--out` wrote.
 * @throws LossyscopeError `io` where the file cannot be read, `input` where the folder has neither, else as `parseDocument`
 */
export async function readDocument(path: string): Promise<Profile | Trajectory> {
  const name = isFolder(path) && existsSync(join(path, TRAJECTORY)) ? TRAJECTORY : PROFILE;
  const file = documentAt(path, name);
  return parseDocument(await textOf(file), file);
}

/**
 * Every profile that a folder holds, as a file or in a folder of its own.
 * @throws LossyscopeError `input` for a JSON file that is no profile, or a folder without any
 */
export async function profilesIn(folder: string): Promise<Named[]> {
  const names = await readdir(folder).catch((error) => Promise.reject(ioFault(error, `read ${folder}`)));
  const files = names.filter((name) => name.endsWith(".json") && !isFolder(join(folder, name)));
  const found = [...files, ...measuredIn(folder, names).map((name) => join(name, PROFILE))].sort();
  if (found.length === 0) {
    const message = `${folder} holds no .json file, and no folder with a ${PROFILE}`;
    throw new LossyscopeError("input", message, "name the folder of the profiles");
  }
  return Promise.all(found.map(async (name) => ({ file: name, profile: await readProfile(join(folder, name)) })));
}
