/** Profile section `plane`: what every layer keeps of its input and knows of what comes next (METHODS §2). Shares of ln m. */
import { z } from "zod";
import { count, intervalSchema, share } from "./figures.ts";

/** One mutual information between a label and a layer. */
export const informationSchema = z.object({
  heldOut: intervalSchema.meta({ description: "METHODS §2.4, the headline" }),
  plugin: share.meta({ description: "METHODS §2.3, biased upward" }),
  null: share.meta({ description: "expectation of the plug-in under random relabelling, METHODS §2.5" }),
  excess: share,
  adjusted: share.nullable(),
  kappa: z
    .tuple([z.number().nullable(), z.number().nullable()])
    .nullable()
    .meta({
      description: "back-off strength for odd and even evaluated units, null: infinite; null: nothing held out",
    }),
  shift: share.nullable().meta({ description: "KL(mean evaluated p ‖ fitted p); null where nothing is held out" }),
});
export type Information = z.infer<typeof informationSchema>;

export const orderSchema = z.object({
  complexity: informationSchema,
  expressivity: informationSchema,
  optimality: z.object({
    heldOut: intervalSchema,
    plugin: z.number().nullable(),
    hollow: z.boolean().meta({ description: "held-out and plug-in complexity differ by more than a fifth" }),
  }),
  regularity: z.number().nullable(),
  positions: count,
  labels: z.object({ input: count, output: count, inputOnce: count, outputOnce: count }),
});
export type PlaneOrder = z.infer<typeof orderSchema>;

export const planeLayerSchema = z.object({
  layer: count,
  entropy: share.meta({ description: "H(Z)" }),
  tokenEntropy: share.meta({ description: "mean H(p)" }),
  ceiling: share.meta({ description: "H(Z) − mean H(p): what any label can reach" }),
  residual: z.number().nullable().meta({ description: "ceiling − plug-in I(input 4-gram; Z)" }),
  unexplained: z.number().nullable().meta({ description: "H(Z) − plug-in I(input 4-gram; Z), the source's figure" }),
  orders: z.record(z.string(), orderSchema).meta({ description: 'by n-gram order, "1".."4"' }),
  labels: z.record(z.string(), informationSchema).meta({ description: "any other label the input carries" }),
  overFrontier: intervalSchema
    .optional()
    .meta({ description: "held-out expressivity less the frontier's at equal complexity, order 1, in bits" }),
  draws: z
    .object({ entropy: z.array(share), complexity: z.array(share), expressivity: z.array(share) })
    .optional()
    .meta({ description: "H(Z) and held-out order-1 informations under further draws of the reference points" }),
});
export type PlaneLayer = z.infer<typeof planeLayerSchema>;

export const frontierSchema = z.object({
  vocabulary: count.meta({ description: "most frequent tokens kept apart; the rest is one class" }),
  clusters: count,
  kappa: z.number(),
  points: z
    .array(z.object({ complexity: z.number(), expressivity: z.number(), fitted: z.number() }))
    .meta({ description: "bits" }),
  limit: z.number().meta({ description: "held-out I(X;Y) in bits, where the frontier ends" }),
  seconds: z.number(),
});
export type Frontier = z.infer<typeof frontierSchema>;

export const planeSchema = z.object({
  referencePoints: count.meta({ description: "m" }),
  source: z.string().meta({ description: "seed, or digest of the file the points came from" }),
  lnM: z.number(),
  temperature: z.object({
    rule: z.enum(["bound", "exact", "leading-order", "given"]),
    epsilon: z.number(),
    width: count,
  }),
  positions: count,
  unit: z.enum(["document", "block"]),
  units: z.object({ fitted: count, evaluated: count }),
  absent: z.string().nullable().meta({ description: "why held-out figures or their intervals are missing" }),
  preNorm: z.boolean(),
  spillBytes: count.meta({ description: "largest temporary disk use" }),
  layers: z.array(planeLayerSchema),
  summary: z
    .record(
      z.string(),
      z.object({
        complexity: intervalSchema,
        expressivity: intervalSchema,
        optimality: intervalSchema,
        complexityPlugin: share,
        expressivityPlugin: share,
        optimalityPlugin: z.number().nullable(),
      }),
    )
    .meta({ description: "mean over blocks 1..L by order; optimality is the ratio of the means" }),
  frontier: frontierSchema.optional(),
});
export type Plane = z.infer<typeof planeSchema>;
