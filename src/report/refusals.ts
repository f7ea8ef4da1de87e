/**
 * What is missing from a profile, for people: figures that are missing for one reason stand together, with what would make
 * them possible; what the list of refusals says is not said again beside the figures.
 */
import type { Profile } from "../profile/profile.ts";

type Refusal = Profile["refusals"][number];

/** Figures that are missing for one reason. */
export interface Missing extends Pick<Refusal, "reason" | "remedy"> {
  readonly figures: readonly string[];
}

/** By reason and remedy, in the order of the list. */
export function together(refusals: readonly Refusal[]): Missing[] {
  const found = new Map<string, Missing & { readonly figures: string[] }>();
  for (const { figure, reason, remedy } of refusals) {
    const key = JSON.stringify([reason, remedy]);
    const before = found.get(key);
    if (before) before.figures.push(figure);
    else found.set(key, { figures: [figure], reason, remedy });
  }
  return [...found.values()];
}

/** The reason, and what would help: one sentence without its full stop. */
export const whyMissing = ({ reason, remedy }: Pick<Refusal, "reason" | "remedy">): string =>
  remedy === undefined ? reason : `${reason}; it would take ${remedy}`;

/** The profile without the reasons beside its figures that its refusals say too. */
export function saidOnce(profile: Profile): Profile {
  const said = new Set(profile.refusals.map(({ reason }) => reason));
  const once = <T extends { readonly absent: string | null }>(where: T): T =>
    where.absent !== null && said.has(where.absent) ? { ...where, absent: null } : where;
  const { coding, plane, nextToken, lockstep, almanac, recall, facts, spread, sharing } = profile;
  return {
    ...profile,
    coding: coding && { ...coding, interval: once(coding.interval) },
    plane: plane && once(plane),
    ...(nextToken && { nextToken: { ...nextToken, interval: once(nextToken.interval) } }),
    ...(lockstep && { lockstep: { ...lockstep, interval: once(lockstep.interval) } }),
    ...(almanac && { almanac: { ...almanac, interval: once(almanac.interval) } }),
    ...(recall && { recall: { ...recall, interval: once(recall.interval) } }),
    ...(spread && { spread: { ...spread, interval: once(spread.interval) } }),
    ...(sharing && { sharing: { ...sharing, interval: once(sharing.interval) } }),
    ...(facts && { facts: { ...facts, notes: facts.notes.filter((note) => !said.has(note)) } }),
  };
}
