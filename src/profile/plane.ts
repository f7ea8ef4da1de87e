/** Profile section `plane`: what every layer keeps of its input and knows of what comes next (METHODS §2). Shares of ln m. */
import { z } from "zod";
import { count, intervalSchema, share } from "./figures.ts";

/** One mutual information between a label and a layer. */
export const informationSchema = z
  .object({
    heldOut: intervalSchema.meta({ description: "METHODS §2.4, the headline" }),
    plugin: share.meta({ description: "share of ln m; METHODS §2.3, biased upward" }),
    null: share.meta({ description: "expectation of the plug-in under random relabelling, METHODS §2.5" }),
    excess: share.meta({ description: "plug-in less null: proves more than sampling, too small at rare labels" }),
    adjusted: share.nullable().meta({ description: "excess / (ceiling − null); null where that room is under 0.02" }),
    kappa: z.tuple([z.number().nullable(), z.number().nullable()]).nullable().meta({
      description: "back-off strength for odd and even evaluated units, null: infinite; null: nothing held out",
    }),
    shift: share.nullable().meta({ description: "KL(mean evaluated p ‖ fitted p); null where nothing is held out" }),
  })
  .meta({ id: "Information", description: "a mutual information of a label and a layer, in shares of ln m" });
export type Information = z.infer<typeof informationSchema>;

export const orderSchema = z.object({
  complexity: informationSchema.meta({ description: "I(input n-gram; Z): what the layer keeps of the past" }),
  expressivity: informationSchema.meta({ description: "I(output n-gram; Z): what it knows of the future" }),
  optimality: z
    .object({
      heldOut: intervalSchema.meta({ description: "of the held-out informations" }),
      plugin: z.number().nullable().meta({ description: "of the plug-in ones" }),
      hollow: z.boolean().meta({ description: "held-out and plug-in complexity differ by more than a fifth" }),
    })
    .meta({ description: "expressivity / complexity; no share of anything best" }),
  regularity: z.number().nullable().meta({ description: "plug-in complexity / H(Z)" }),
  positions: count.meta({ description: "tokens that carry both labels" }),
  labels: z
    .object({
      input: count.meta({ description: "distinct input n-grams" }),
      output: count.meta({ description: "distinct output n-grams" }),
      inputOnce: count.meta({ description: "input n-grams that occur once" }),
      outputOnce: count.meta({ description: "output n-grams that occur once" }),
    })
    .meta({ description: "how many labels there are to tell apart" }),
});
export type PlaneOrder = z.infer<typeof orderSchema>;

export const planeLayerSchema = z.object({
  layer: count.meta({ description: "0 is the embedding output, the last one after the final norm" }),
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
    .object({
      entropy: z.array(share).meta({ description: "H(Z) of each draw" }),
      complexity: z.array(share).meta({ description: "held-out order-1 complexity of each draw" }),
      expressivity: z.array(share).meta({ description: "held-out order-1 expressivity of each draw" }),
    })
    .optional()
    .meta({ description: "H(Z) and held-out order-1 informations under further draws of the reference points" }),
});
export type PlaneLayer = z.infer<typeof planeLayerSchema>;

export const frontierSchema = z.object({
  vocabulary: count.meta({ description: "most frequent tokens kept apart; the rest is one class" }),
  clusters: count.meta({ description: "symbols that the code may use" }),
  kappa: z.number().meta({ description: "strength of smoothing of the joint distribution" }),
  points: z
    .array(
      z.object({
        complexity: z.number().meta({ description: "I(X;T), bits" }),
        expressivity: z.number().meta({ description: "held-out I(Y;T), bits" }),
        fitted: z.number().meta({ description: "I(Y;T) on the fitted joint distribution, bits" }),
      }),
    )
    .meta({ description: "bits" }),
  limit: z.number().meta({ description: "held-out I(X;Y) in bits, where the frontier ends" }),
  seconds: z.number().meta({ description: "what finding it took" }),
});
export type Frontier = z.infer<typeof frontierSchema>;

export const planeSchema = z.object({
  referencePoints: count.meta({ description: "m" }),
  source: z.string().meta({ description: "seed, or digest of the file the points came from" }),
  lnM: z.number().meta({ description: "ln m in nats: multiply a share by it, and divide by ln 2 for bits" }),
  temperature: z
    .object({
      rule: z
        .enum(["bound", "exact", "leading-order", "given"])
        .meta({ description: "how it was found, METHODS §2.2" }),
      epsilon: z.number().meta({ description: "ε of the soft assignment" }),
      width: count.meta({ description: "width of the states it is for" }),
    })
    .meta({ description: "of the soft assignment" }),
  positions: count.meta({ description: "tokens that the plane is taken over" }),
  unit: z.enum(["document", "block"]).meta({ description: "what is held out and resampled" }),
  units: z
    .object({
      fitted: count.meta({ description: "units that labels are learnt on" }),
      evaluated: count.meta({ description: "units held out" }),
    })
    .meta({ description: "how the text was divided" }),
  absent: z.string().nullable().meta({ description: "why held-out figures or their intervals are missing" }),
  preNorm: z.boolean().meta({ description: "whether the last layer is taken before the final norm" }),
  spillBytes: count.meta({ description: "largest temporary disk use" }),
  layers: z.array(planeLayerSchema).meta({ description: "by layer, the embedding output first" }),
  summary: z
    .record(
      z.string(),
      z.object({
        complexity: intervalSchema.meta({ description: "held out" }),
        expressivity: intervalSchema.meta({ description: "held out" }),
        optimality: intervalSchema.meta({ description: "ratio of the two" }),
        complexityPlugin: share.meta({ description: "plug-in" }),
        expressivityPlugin: share.meta({ description: "plug-in" }),
        optimalityPlugin: z.number().nullable().meta({ description: "ratio of the two" }),
      }),
    )
    .meta({ description: "mean over blocks 1..L by order; optimality is the ratio of the means" }),
  evaluated: z
    .object({
      positions: z.array(count).meta({ description: "positions of each unit" }),
      complexity: z
        .array(z.number())
        .meta({ description: "their held-out complexity of order 1, mean over blocks, added up; shares of ln m" }),
    })
    .optional()
    .meta({ description: "by evaluated unit, what pairs two profiles of one text; absent where nothing is held out" }),
  frontier: frontierSchema.optional().meta({ description: "best codes of the corpus itself, METHODS §2.7" }),
});
export type Plane = z.infer<typeof planeSchema>;
