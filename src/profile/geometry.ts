/** Profile section `geometry`: the shape of the space (METHODS §3, first part). */
import { z } from "zod";
import { count } from "./figures.ts";

export const spectrumSchema = z.object({
  participationRatio: z.number(),
  effectiveRank: z.number(),
  effectiveRankRoyVetterli: z.number(),
  stableRank: z.number(),
});

export const geometryLayerSchema = z.object({
  layer: count,
  positions: count,
  centred: spectrumSchema.nullable().meta({ description: "null where all states are equal" }),
  uncentred: spectrumSchema.nullable(),
  anisotropy: z.number().nullable(),
  twoNN: z
    .object({ dimension: z.number(), standardError: z.number(), points: count, duplicates: count })
    .nullable()
    .meta({ description: "intrinsic dimension, Facco et al. 2017" }),
});
export type GeometryLayer = z.infer<typeof geometryLayerSchema>;

export const packingSchema = z.object({
  vectors: count,
  width: count,
  largest: z.number().meta({ description: "largest |cosine| between two rows" }),
  percentile999: z.number().meta({ description: "99.9th percentile of |cosine|" }),
  random: z
    .object({ largest: z.number(), percentile999: z.number() })
    .meta({ description: "random unit vectors of the same number and width" }),
  welch: z.number().meta({ description: "lower bound on the largest |cosine|" }),
  sampledPairs: count.nullable().meta({ description: "null: all pairs" }),
});

export const geometrySchema = z.object({
  width: count,
  states: z.enum(["all", "reservoir"]).meta({ description: "rows the covariance was taken over" }),
  layers: z.array(geometryLayerSchema),
  embedding: z
    .object({
      packing: packingSchema,
      neighbours: z.array(
        z.object({
          token: z.string(),
          id: count,
          nearest: z.array(z.object({ token: z.string(), id: count, cosine: z.number() })),
        }),
      ),
    })
    .nullable(),
});
export type Geometry = z.infer<typeof geometrySchema>;
