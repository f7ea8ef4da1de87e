/** A measurement that an earlier process finished: commands that measure several models take its profile and go on. */
import { systemCode } from "../../files/faults.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { Profile } from "../../profile/profile.ts";
import { readProfile } from "../../store/profiles.ts";
import { type PrepareRequest, prepare } from "../prepare.ts";

/**
 * @param path where the earlier process wrote its profile
 * @returns null where there is no file, none that is a profile of this version, or one of another measurement
 * @throws LossyscopeError as `prepare` does; `io`
 */
export async function reusableProfile(path: string, request: PrepareRequest): Promise<Profile | null> {
  const found = await profileAt(path);
  if (found === null) return null;
  const { subject } = await prepare(request);
  request.progress.finish();
  return subject.id === found.id ? found : null;
}

async function profileAt(path: string): Promise<Profile | null> {
  try {
    return await readProfile(path);
  } catch (error) {
    if (error instanceof LossyscopeError && (error.fault === "input" || systemCode(error.cause) === "ENOENT"))
      return null;
    throw error;
  }
}
