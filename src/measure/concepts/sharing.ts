/** What units share, as a profile has it. */
import type { UnitSharing } from "../../info/concepts/sharing.ts";
import type { Sharing } from "../../profile/concepts.ts";

/** @param names of the things, in order */
export const sharingSection = (
  names: readonly string[],
  { top, contributions, spread, pairs }: UnitSharing,
): Sharing => ({
  units: contributions[0]?.length ?? 0,
  top,
  spread: spread.map((own, place) => ({ name: names[place], ...own })),
  pairs: pairs.map(({ a, b, ...own }) => ({ a: names[a], b: names[b], ...own })),
});
