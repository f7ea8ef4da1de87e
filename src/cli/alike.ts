/** What a mistyped name was probably meant to be. */
import { editDistance } from "../numeric/edit-distance.ts";

/** Letters that may be wrong in a name, and in a long one, always fewer than half; two that changed places are one. */
const WRONG = 2;
const WRONG_IN_LONG = 3;
const LONG = 8;
/** Letters from which the beginning of a name stands for it. */
const BEGINNING = 2;
const MOST = 3;

/**
 * @param candidates names that exist
 * @returns those that a word begins or continues, else the nearest ones; at most three, none where nothing is near
 */
export function alike(word: string, candidates: readonly string[]): string[] {
  const typed = word.toLowerCase().replaceAll("_", "-");
  const same = candidates.filter((name) => name.toLowerCase() === typed);
  if (same.length > 0) return same;
  const near = candidates.map((name) => ({ name, distance: distance(typed, name.toLowerCase()) }));
  const least = Math.min(...near.map((one) => one.distance));
  const nearest = near.filter((one) => one.distance === least && least < Number.POSITIVE_INFINITY);
  const begun = candidates.filter((name) => typed.length >= BEGINNING && name.startsWith(typed));
  const found = begun.length > 0 ? begun : nearest.map(({ name }) => name);
  return [...new Set(found)].slice(0, MOST);
}

/** Infinite where the names have too little in common. */
function distance(typed: string, name: string): number {
  if (name.length > BEGINNING && typed.startsWith(name)) return 1;
  const length = Math.max(typed.length, name.length);
  const apart = editDistance(Buffer.from(typed), Buffer.from(name));
  const wrong = apart === 2 && [...typed].sort().join() === [...name].sort().join() ? 1 : apart;
  return wrong <= (length >= LONG ? WRONG_IN_LONG : WRONG) && 2 * wrong < length ? wrong : Number.POSITIVE_INFINITY;
}
