/** What it cost to compute otherwise than in float32 throughout (METHODS §0 Precision): part of a profile. */
import { z } from "zod";
import { count } from "./figures.ts";

/** Ways other than exact, by their names on the command line. */
export const PRECISIONS = ["sliced", "int8", "fast"] as const;
export type PrecisionKind = (typeof PRECISIONS)[number];

/** Figures of the plane that are set beside each other; those of an order come for each, as `complexity.1`. */
export const PLANE_FIGURES = ["entropy", "tokenEntropy", "ceiling", "residual", "unexplained"] as const;
export const ORDER_FIGURES = [
  "complexity",
  "expressivity",
  "optimality",
  "complexityPlugin",
  "expressivityPlugin",
  "optimalityPlugin",
  "regularity",
] as const;

const planeDifferenceSchema = z.object({
  positions: count.meta({ description: "tokens that the plane of either way was taken over" }),
  figures: z
    .record(
      z.string(),
      z.object({
        mean: z.number().meta({ description: "mean over the layers, less that of the exact way" }),
        largest: z.number().meta({ description: "difference of the layer where it is largest in size" }),
        layer: count.meta({ description: "that layer" }),
      }),
    )
    .meta({ description: "by figure, those of an order as `complexity.1`; shares of ln m, ratios as they are" }),
});
export type PlaneDifference = z.infer<typeof planeDifferenceSchema>;

export const precisionSchema = z.object({
  kind: z.enum(["exact", ...PRECISIONS]).meta({
    description:
      "`sliced`: matrices and what meets them as two whole numbers of 8 bits a value; `int8`: as one; `fast`: what meets codes of weights is rounded to 8 bits in groups; `exact`: another was asked for, and did not pay here",
  }),
  asked: z.enum(PRECISIONS).optional().meta({ description: "what was asked for, where that was not done" }),
  trial: z
    .object({
      speed: z.number().meta({ description: "times as fast as float32 products, on the machine that began the run" }),
      isRight: z.boolean().meta({ description: "whether that machine adds whole numbers of 8 bits without loss" }),
    })
    .optional()
    .meta({ description: "what a timed trial found; absent where there was none" }),
  difference: z
    .object({
      tokens: count.meta({ description: "tokens of the text's first windows, read both ways side by side" }),
      bytes: count.meta({ description: "their UTF-8 bytes" }),
      bitsPerByte: z.number().meta({ description: "bits per byte less those of the exact way" }),
      largest: z.number().meta({ description: "largest difference of a token in size, in bits" }),
      kl: z.number().meta({ description: "mean KL(exact‖this) a token, in bits" }),
      agreement: z
        .number()
        .meta({ description: "share of tokens before which both held the same token for likeliest" }),
      plane: planeDifferenceSchema
        .optional()
        .meta({ description: "figures of the plane, both ways on those tokens; absent where none is asked for" }),
    })
    .optional()
    .meta({ description: "how far it is from the exact way; absent where it is exact" }),
});
export type Precision = z.infer<typeof precisionSchema>;
