/**
 * What a figure takes. The room that gives a figure says in a `Need` what the figure takes and what there is of it; whether the
 * figure is computed, what a run foretells before it begins and what its profile refuses at the end all follow from that one
 * record, so that they cannot disagree. How much more text meets a need is said by who knows the text (`measure/preparing/remedies.ts`).
 */

import { count } from "./amounts.ts";
import { FEWEST_UNITS } from "./bootstrap.ts";

/** What meets a need that is not met. */
export type Remedy =
  /** more sampling units, each of so many tokens at least */
  | { readonly kind: "units"; readonly tokens: number }
  /** one document of as many tokens as are needed; or something else that would do */
  | { readonly kind: "document"; readonly or?: string }
  /** more tokens, in whatever documents */
  | { readonly kind: "tokens" }
  /** what only who says it knows: an imperative without a full stop */
  | { readonly kind: "said"; readonly text: string };

/** Groups that are named where they are too small. */
const MOST_NAMED = 8;

export interface Need {
  /** path of the figure in a profile, or of the part of one that is missing */
  readonly figure: string;
  /** how much there is, and how much of it the figure takes: at least, or at most */
  readonly have: number;
  readonly needs: number;
  readonly bound: "least" | "most";
  /** what is counted, in the singular */
  readonly unit: string;
  /** why the figure is missing where the need is not met, with the numbers; no full stop */
  readonly reason: string;
  readonly remedy: Remedy;
}

export const isMet = ({ have, needs, bound }: Need): boolean => (bound === "least" ? have >= needs : have <= needs);

export const unmet = (needs: readonly Need[]): Need[] => needs.filter((need) => !isMet(need));

/** A need that one thing is there at all, and a sentence of what to do. */
export const needed = (figure: string, there: boolean, unit: string, reason: string, text: string): Need => ({
  figure,
  have: Number(there),
  needs: 1,
  bound: "least",
  unit,
  reason,
  remedy: { kind: "said", text },
});

/** Of a group of so many units each resample has some: that one of 2,000 has none comes once in 10²² texts. */
export const SURELY_DRAWN = 60;

/** How many units a group holds, and whether some resample has none of them though they are enough. */
export type GroupUnits = readonly [name: string, units: number, missed?: boolean];

/** What intervals of groups take, where all together have one: the smallest group decides. */
export function groupsNeed(figure: string, unit: string, groups: Iterable<GroupUnits>): Need {
  const few = [...groups].filter(([, units, missed]) => units < FEWEST_UNITS || missed);
  const needs = few.some(([, , missed]) => missed) ? SURELY_DRAWN : FEWEST_UNITS;
  const named = few.slice(0, MOST_NAMED).map(([name, units]) => `${name} (${count(units)})`);
  const further = few.length > MOST_NAMED ? ` and ${count(few.length - MOST_NAMED)} more` : "";
  return {
    figure,
    have: few.reduce((least, [, units]) => Math.min(least, units), needs),
    needs,
    bound: "least",
    unit,
    reason: `no interval, too few ${unit}s: ${named.join(", ")}${further}`,
    remedy: { kind: "said", text: `${needs} ${unit}s or more of each` },
  };
}
