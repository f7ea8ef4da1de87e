/**
 * Takes the folders of the machine that measured out of a profile before it is shown to others: the plan and the
 * reasons of refusals may name files by their absolute path; what stays is `…/name`.
 */
import type { Profile } from "../profile/profile.ts";

/** `/a/b`, `~/a`, `C:\a\b`, `file:///a/b`; not `org/name`, `bits/byte` or the `//` of an address. */
const ABSOLUTE =
  /(?<![\w.:/\\…])(?:(?:file:\/\/|~)?(?:\/[^/\s"'`<>|]+){2,}\/?|~\/[^/\s"'`<>|]+|[A-Za-z]:[\\/][^\s"'`<>|]+)/g;
/** The same as a whole string, spaces allowed. */
const WHOLE = /^(?:(?:file:\/\/|~)?\/(?!\/)|[A-Za-z]:[\\/])[^\n"<>|]*$/;

const lastName = (path: string): string => `…/${path.split(/[/\\]+/).findLast((name) => name !== "") ?? ""}`;

function cut(value: unknown): unknown {
  if (typeof value === "string") return WHOLE.test(value) ? lastName(value) : value.replace(ABSOLUTE, lastName);
  if (Array.isArray(value)) return value.map(cut);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cut(inner)]));
}

/** The profile with absolute paths cut to their last name, everywhere but in measured text (passages, tokens). */
export function withoutPaths(profile: Profile): Profile {
  const { passages, geometry, recall, ...rest } = profile;
  return { ...(cut(rest) as typeof rest), passages, geometry, ...(recall !== undefined && { recall }) };
}
