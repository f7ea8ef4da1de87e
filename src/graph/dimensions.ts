/**
 * Sizes that are known when a graph is built, and products of named ones that are known when it runs (`B·S`, `3·S`).
 * Two sizes are the same if they are written the same; that is enough to find a wrong shape where it is made.
 */

/** A size, or a product of named sizes in canonical form: the coefficient, then the names in order. */
export type Dimension = number | string;

const parse = (dimension: Dimension): { coefficient: number; names: string[] } => {
  const factors = `${dimension}`.split("·");
  const coefficient = Number(factors[0]);
  return Number.isInteger(coefficient) ? { coefficient, names: factors.slice(1) } : { coefficient: 1, names: factors };
};

/** The product of sizes; 1 for none. */
export function product(dimensions: readonly Dimension[]): Dimension {
  const parsed = dimensions.map(parse);
  const coefficient = parsed.reduce((total, factor) => total * factor.coefficient, 1);
  const names = parsed.flatMap((factor) => factor.names).sort();
  if (names.length === 0 || coefficient === 0) return coefficient;
  return [...(coefficient === 1 ? [] : [`${coefficient}`]), ...names].join("·");
}

/** The part [start, end) of a size: its own name where the size itself has one, since `end` may lie beyond it. */
export function part(dimension: Dimension, start: number, end: number): Dimension {
  if (typeof dimension === "string") return `[${dimension.replaceAll("·", "*")} ${start}:${end}]`;
  return Math.max(Math.min(end, dimension) - Math.min(start, dimension), 0);
}

/** Sizes as people write them: `[B, S, 576]`. */
export const written = (shape: readonly Dimension[]): string => `[${shape.join(", ")}]`;
