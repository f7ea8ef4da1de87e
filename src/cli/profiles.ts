/** Profiles named on the command line. */
import type { Named } from "../atlas/text.ts";
import { readProfile } from "../store/profiles.ts";

/** @throws LossyscopeError as `readProfile` does, naming the file */
export const readProfiles = (files: readonly string[]): Promise<Named[]> =>
  Promise.all(files.map(async (file) => ({ file, profile: await readProfile(file) })));
