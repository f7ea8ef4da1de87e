/** What a session's products are by where nobody asks for a way (docs/decisions/codec-steps.md). */
import { type Arithmetic, type Products, USUAL } from "../coding/arithmetic.ts";
import { availableMemory } from "../engines/memory.ts";
import { hasCodes } from "../models/sources/runnable.ts";
import type { Decoder } from "../ports/model.ts";
import type { PrecisionKind } from "../profile/precision.ts";

/** Rows from which on float32 is quicker than codes, which the runtime has a product of their own for one row of. */
const FLOAT_ROWS = 3;

/** What products are by at a precision; slices are of windows, which a step would gain nothing from. */
export const productsAt = (precision: PrecisionKind | undefined): Products =>
  precision === undefined || precision === "sliced" ? "codes" : precision;

/**
 * How steps are computed beside passes over windows. Where inputs are rounded, the last digits decide what to: scores are scaled
 * there as windows scale them, so that both round alike.
 */
export const beside = (products: Products): Arithmetic => ({
  products,
  scaled: products === "codes" || products === "float32" ? USUAL.scaled : "scores",
});

/**
 * @param precision that was asked for, which decides
 * @param rows that go through together
 * @param needed bytes of all sessions with such products: float32 is taken where half of the machine's memory has room
 */
export function quickestProducts(
  { weights, precision }: Pick<Decoder, "weights" | "precision">,
  rows: number,
  needed: (products: Products) => number,
): Products {
  if (precision !== undefined) return productsAt(precision);
  if (rows < FLOAT_ROWS || !hasCodes(weights)) return "codes";
  return needed("float32") <= availableMemory() / 2 ? "float32" : "codes";
}
