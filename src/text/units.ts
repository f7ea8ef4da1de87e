/**
 * What error bars resample and splits divide (METHODS §0, Unit): documents, or, where there are fewer than twenty of them,
 * consecutive blocks of 2,048 tokens inside them. Documents without tokens are no units.
 * Memory: 4 bytes a document and 4 a unit.
 */
import { counted } from "../numeric/amounts.ts";

/** fewer documents than this are cut into blocks */
const MIN_DOCUMENTS = 20;
/** tokens of a block; the last one of a document has what is left */
export const BLOCK_TOKENS = 2048;
/** fewer units than this have no interval */
const MIN_UNITS_FOR_INTERVAL = 10;
/** fewer units than this have no held-out figure either */
const MIN_UNITS_FOR_HELD_OUT = 5;

export interface Units {
  readonly kind: "document" | "block";
  readonly count: number;
  /** [count]: the document that each unit lies in */
  readonly documentOf: Int32Array;
  /** the unit of a token; only for documents that have tokens */
  unitOf(document: number, token: number): number;
}

/** @param tokens [documents]: number of tokens of each, the prefix not counted */
export function unitsOf(tokens: readonly number[]): Units {
  const filled = tokens.filter((count) => count > 0).length;
  const kind = filled < MIN_DOCUMENTS ? "block" : "document";
  const first = new Int32Array(tokens.length);
  const documentOf: number[] = [];
  for (const [document, count] of tokens.entries()) {
    first[document] = documentOf.length;
    const units = kind === "block" ? Math.ceil(count / BLOCK_TOKENS) : Math.min(count, 1);
    for (let unit = 0; unit < units; unit++) documentOf.push(document);
  }
  return {
    kind,
    count: documentOf.length,
    documentOf: Int32Array.from(documentOf),
    unitOf:
      kind === "block"
        ? (document, token) => first[document] + Math.floor(token / BLOCK_TOKENS)
        : (document) => first[document],
  };
}

type Counted = Pick<Units, "kind" | "count">;

/** @returns why there are no intervals, or null where there are */
export function noIntervalReason(units: Counted): string | null {
  if (units.count >= MIN_UNITS_FOR_INTERVAL) return null;
  return `no interval: ${counted(units.count, units.kind)} to resample, an interval needs ${MIN_UNITS_FOR_INTERVAL}`;
}

/** @returns why there are no held-out figures, or null where there are */
export function noHeldOutReason(units: Counted): string | null {
  if (units.count >= MIN_UNITS_FOR_HELD_OUT) return null;
  return `no held-out figure: ${counted(units.count, units.kind)} to divide, holding out needs ${MIN_UNITS_FOR_HELD_OUT}`;
}
