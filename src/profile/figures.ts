/**
 * The small shapes every section of a profile is made of. A figure with an error bar is always
 * `{ value, low, high }`; where no interval can be given both ends are null and the section's `interval` says why.
 */
import { z } from "zod";

const finite = z.number();

/** 95 % percentile bootstrap over sampling units (METHODS §0). */
export const intervalSchema = z
  .object({
    value: finite.nullable().meta({ description: "the figure; null where it is not defined" }),
    low: finite.nullable().meta({ description: "lower end; null where there is no interval" }),
    high: finite.nullable().meta({ description: "upper end; null where there is no interval" }),
  })
  .meta({
    id: "Interval",
    description: "a figure with its 95 % interval, percentile bootstrap over units (METHODS §0)",
  });
export type Interval = z.infer<typeof intervalSchema>;

export const count = z.number().int().nonnegative();
export const share = finite.meta({ description: "share of ln m" });
