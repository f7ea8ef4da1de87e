/** Profiles named on the command line: by their files, or by the folders that `--out` wrote. */
import type { Named } from "../atlas/text.ts";
import { readNamed } from "../store/profiles.ts";

/** @throws LossyscopeError as `readNamed` does, naming the file */
export const readProfiles = (paths: readonly string[]): Promise<Named[]> => Promise.all(paths.map(readNamed));
