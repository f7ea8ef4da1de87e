/**
 * How a step of a model is computed, as far as that changes its last digits: what matrices are multiplied by, and where scores
 * are scaled. Who reads a file computes as its writer did, so a file's header names both (`container.ts`).
 */

/**
 * What stands for weights that are stored as codes: the codes under their scales, the float32 values that they stand for, or
 * the codes met by inputs that are rounded to 8 bits. Weights that are stored as numbers are always `codes`; of any weights
 * there are whole numbers of 8 bits (`models/rounded.ts`).
 */
export const PRODUCTS = ["codes", "float32", "fast", "int8"] as const;
export type Products = (typeof PRODUCTS)[number];

/** What attention's scale is a factor of: products of queries and keys, or queries before, which the runtime has a quicker product for. */
export const SCALED = ["scores", "queries"] as const;
export type Scaled = (typeof SCALED)[number];

export interface Arithmetic {
  readonly products: Products;
  readonly scaled: Scaled;
}

/** What files are of whose header names nothing. */
export const FIRST: Arithmetic = { products: "codes", scaled: "scores" };
/** What steps are by where nobody says otherwise. */
export const USUAL: Arithmetic = { products: "codes", scaled: "queries" };
