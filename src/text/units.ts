/**
 * What error bars resample and splits divide (METHODS §0, Unit): documents, or, where there are fewer than twenty of them,
 * consecutive blocks of 2,048 tokens inside them. Documents without tokens are no units.
 * Memory: 4 bytes a document and 4 a unit.
 */
import { counted } from "../numeric/amounts.ts";
import { FEWEST_UNITS } from "../numeric/bootstrap.ts";
import { isMet, type Need } from "../numeric/needs.ts";

/** fewer documents than this are cut into blocks */
export const FEWEST_DOCUMENTS = 20;
/** tokens of a block; the last one of a document has what is left */
export const BLOCK_TOKENS = 2048;
/** fewer units than this have no held-out figure */
const FEWEST_FOR_HELD_OUT = 5;

export interface Units {
  readonly kind: "document" | "block";
  readonly count: number;
  /** [count]: the document that each unit lies in */
  readonly documentOf: Int32Array;
  /** the unit of a token; only for documents that have tokens */
  unitOf(document: number, token: number): number;
}

/**
 * @param tokens [documents]: number of tokens of each, the prefix not counted
 * @param blockTokens of a block, where a short text is to have several
 */
export function unitsOf(tokens: readonly number[], blockTokens = BLOCK_TOKENS): Units {
  const filled = tokens.filter((count) => count > 0).length;
  const kind = filled < FEWEST_DOCUMENTS ? "block" : "document";
  const first = new Int32Array(tokens.length);
  const documentOf: number[] = [];
  for (const [document, count] of tokens.entries()) {
    first[document] = documentOf.length;
    const units = kind === "block" ? Math.ceil(count / blockTokens) : Math.min(count, 1);
    for (let unit = 0; unit < units; unit++) documentOf.push(document);
  }
  return {
    kind,
    count: documentOf.length,
    documentOf: Int32Array.from(documentOf),
    unitOf:
      kind === "block"
        ? (document, token) => first[document] + Math.floor(token / blockTokens)
        : (document) => first[document],
  };
}

type Counted = Pick<Units, "kind" | "count">;

const unitsNeed = (figure: string, { kind, count }: Counted, needs: number, reason: string, tokens: number): Need => ({
  figure,
  have: count,
  needs,
  bound: "least",
  unit: kind,
  reason,
  remedy: { kind: "units", tokens },
});

/**
 * What intervals take.
 * @param tokens that a unit must have to count
 */
export const intervalNeed = (figure: string, units: Counted, tokens = 1): Need =>
  unitsNeed(
    figure,
    units,
    FEWEST_UNITS,
    `no interval: ${counted(units.count, units.kind)} to resample, an interval needs ${FEWEST_UNITS}`,
    tokens,
  );

/** What held-out figures take; `tokens` as above. */
export const heldOutNeed = (figure: string, units: Counted, tokens = 1): Need =>
  unitsNeed(
    figure,
    units,
    FEWEST_FOR_HELD_OUT,
    `no held-out figure: ${counted(units.count, units.kind)} to divide, holding out needs ${FEWEST_FOR_HELD_OUT}`,
    tokens,
  );

/** @returns why there are no intervals, or null where there are */
export function noIntervalReason(units: Counted): string | null {
  const need = intervalNeed("", units);
  return isMet(need) ? null : need.reason;
}
