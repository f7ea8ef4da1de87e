/**
 * What the information plane takes of a text (METHODS §2.3 Positions, §2.4): documents long enough to hold two n-grams in a
 * row, and units enough to hold some out. Counted from the lengths of the documents alone.
 */

import { count } from "../../numeric/amounts.ts";
import { isMet, type Need } from "../../numeric/needs.ts";
import type { Prefix, TokenizedDocument } from "../../text/corpus.ts";
import { heldOutNeed, intervalNeed, type Units } from "../../text/units.ts";
import { ORDERS } from "./positions.ts";

export interface PlaneGround {
  readonly documents: readonly TokenizedDocument[];
  readonly prefix: Prefix | null;
  readonly units: Units;
  readonly allPositions: boolean;
  /** whether the frontier is asked for */
  readonly frontier: boolean;
}

const tokensOf = (count: number): string => `${count} token${count === 1 ? "" : "s"}`;

/** Tokens of the longest document, a prefix that counts as one of them among them. */
function longestOf({ documents, prefix }: PlaneGround): number {
  const longest = documents.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  return longest === 0 ? 0 : longest + Number(prefix?.addedByTokenizer ?? false);
}

/** What it takes for one token to be a position. */
export function positionNeed(ground: Omit<PlaneGround, "frontier">): Need {
  const { documents, allPositions } = ground;
  const counted = Number(ground.prefix?.addedByTokenizer ?? false);
  const own = Math.max(0, longestOf({ ...ground, frontier: false }) - counted);
  const around = allPositions ? "another one after it" : `${ORDERS} tokens before and after it`;
  return {
    figure: "plane",
    have: own,
    needs: 2 * (allPositions ? 1 : ORDERS) - counted,
    bound: "least",
    unit: "token",
    reason: `no token has ${around}: the longest of ${count(documents.length)} documents has ${count(own)}`,
    remedy: { kind: "document" },
  };
}

/** Tokens that are positions. */
export function countPositions({ documents, prefix, allPositions }: Omit<PlaneGround, "frontier" | "units">): number {
  const counted = Number(prefix?.addedByTokenizer ?? false);
  const around = 2 * (allPositions ? 1 : ORDERS) - 1;
  return documents.reduce(
    (total, { ids }) => total + (ids.length > 0 ? Math.max(0, ids.length + counted - around) : 0),
    0,
  );
}

/** Units that hold positions. */
export function countPlaneUnits({ documents, prefix, units, allPositions }: Omit<PlaneGround, "frontier">): number {
  const counted = Number(prefix?.addedByTokenizer ?? false);
  const margin = allPositions ? 1 : ORDERS;
  let count = 0;
  for (const [document, { ids }] of documents.entries()) {
    // Positions of the sequence run from margin − 1 to its length − margin − 1; a prefix lies in the unit of the first token.
    const end = ids.length + counted - margin - 1;
    if (ids.length === 0 || end < margin - 1) continue;
    const unitAt = (index: number): number => units.unitOf(document, Math.max(0, index - counted));
    count += unitAt(end) - unitAt(margin - 1) + 1;
  }
  return count;
}

/** What the plane, its held-out figures, their intervals, its orders and the frontier take. */
export function planeNeeds(ground: PlaneGround): Need[] {
  const position = positionNeed(ground);
  if (!isMet(position)) return [position];
  const { units, allPositions, frontier, prefix } = ground;
  const tokens = position.needs;
  const counted = { ...units, count: countPlaneUnits(ground) };
  const heldOut = heldOutNeed("plane", counted, tokens);
  return [
    isMet(heldOut) ? intervalNeed("plane", counted, tokens) : heldOut,
    ...(frontier ? [heldOutNeed("plane.frontier", counted, tokens)] : []),
    ...(allPositions ? Array.from({ length: ORDERS - 1 }, (_, n) => orderNeed(n + 2, ground, prefix)) : []),
  ];
}

function orderNeed(order: number, ground: PlaneGround, prefix: PlaneGround["prefix"]): Need {
  const longest = longestOf(ground);
  const counted = Number(prefix?.addedByTokenizer ?? false);
  return {
    figure: `plane.summary.${order}`,
    have: longest - counted,
    needs: 2 * order - counted,
    bound: "least",
    unit: "token",
    reason: `no document holds two ${order}-grams in a row: the longest sequence has ${tokensOf(longest)}, ${2 * order} are needed`,
    remedy: { kind: "document" },
  };
}
