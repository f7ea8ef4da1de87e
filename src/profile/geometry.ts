/** Profile section `geometry`: the shape of the space (METHODS §3, first part). */
import { z } from "zod";
import { count } from "./figures.ts";

export const spectrumSchema = z
  .object({
    participationRatio: z.number().meta({ description: "(Σλ)² / Σλ²" }),
    effectiveRank: z.number().meta({ description: "exp of the entropy of λ / Σλ" }),
    effectiveRankRoyVetterli: z.number().meta({ description: "the same on √λ (Roy & Vetterli 2007)" }),
    stableRank: z.number().meta({ description: "Σλ / λ₁" }),
  })
  .meta({ id: "Spectrum", description: "over how many directions a layer's variance is spread (METHODS §3)" });

export const geometryLayerSchema = z.object({
  layer: count.meta({ description: "0 is the embedding output" }),
  positions: count.meta({ description: "states that the spectra were taken over" }),
  centred: spectrumSchema.nullable().meta({ description: "null where all states are equal" }),
  uncentred: spectrumSchema.nullable().meta({ description: "the same without taking the mean off" }),
  anisotropy: z.number().nullable().meta({ description: "mean cosine of two states" }),
  twoNN: z
    .object({
      dimension: z.number().meta({ description: "the estimate" }),
      standardError: z.number().meta({ description: "its standard error" }),
      points: count.meta({ description: "distinct states it was made from" }),
      duplicates: count.meta({ description: "equal states left out" }),
    })
    .nullable()
    .meta({ description: "intrinsic dimension, Facco et al. 2017" }),
});
export type GeometryLayer = z.infer<typeof geometryLayerSchema>;

export const packingSchema = z.object({
  vectors: count.meta({ description: "rows of the embedding matrix" }),
  width: count.meta({ description: "dimensions of the space" }),
  largest: z.number().meta({ description: "largest |cosine| between two rows" }),
  percentile999: z.number().meta({ description: "99.9th percentile of |cosine|" }),
  random: z
    .object({
      largest: z.number().meta({ description: "largest |cosine|" }),
      percentile999: z.number().meta({ description: "99.9th percentile of |cosine|" }),
    })
    .meta({ description: "random unit vectors of the same number and width" }),
  welch: z.number().meta({ description: "lower bound on the largest |cosine|" }),
  sampledPairs: count.nullable().meta({ description: "null: all pairs" }),
});

export const geometrySchema = z.object({
  width: count.meta({ description: "dimensions of the hidden state" }),
  states: z.enum(["all", "reservoir"]).meta({ description: "rows the covariance was taken over" }),
  layers: z.array(geometryLayerSchema).meta({ description: "by layer, the embedding output first" }),
  embedding: z
    .object({
      packing: packingSchema.meta({ description: "how far past orthogonality the space is filled" }),
      neighbours: z
        .array(
          z.object({
            token: z.string().meta({ description: "text of the token" }),
            id: count.meta({ description: "its id" }),
            nearest: z
              .array(
                z.object({
                  token: z.string().meta({ description: "text of the neighbour" }),
                  id: count.meta({ description: "its id" }),
                  cosine: z.number().meta({ description: "cosine of the two rows" }),
                }),
              )
              .meta({ description: "nearest rows first" }),
          }),
        )
        .meta({ description: "nearest neighbours of a few tokens" }),
    })
    .nullable()
    .meta({ description: "the input embedding matrix" }),
});
export type Geometry = z.infer<typeof geometrySchema>;
