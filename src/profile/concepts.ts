/** Profile section `concepts`: how concepts lie to each other in every layer, and over which units they are spread (METHODS §3.1, §4). */
import { z } from "zod";
import { count, intervalSchema } from "./figures.ts";

/** A figure beside what shuffled labels give. */
export const againstChanceSchema = z
  .object({
    value: z.number().meta({ description: "the figure" }),
    chance: z.number().meta({ description: "its mean under 200 shuffles of the labels" }),
    low: z.number().meta({ description: "lower end of the middle 95 % of the shuffles" }),
    high: z.number().meta({ description: "upper end of it" }),
    p: z.number().meta({ description: "(1 + shuffles that reach the figure) / 201" }),
  })
  .meta({ id: "AgainstChance", description: "a figure beside its null, shuffled labels (METHODS §3.1)" });
export type AgainstChance = z.infer<typeof againstChanceSchema>;

const spreadSchema = z.object({
  name: z.string().meta({ description: "the concept, or the domain" }),
  participation: z.number().meta({ description: "(Σ c)² / Σ c² over all units: how many carry it, were they equal" }),
  half: z.number().nullable().meta({ description: "least share of the units that carry half of it" }),
});

const sharedSchema = z.object({
  a: z.string().meta({ description: "one of two" }),
  b: z.string().meta({ description: "the other" }),
  cosine: againstChanceSchema.meta({ description: "of their contributions; low ones speak against chance" }),
  overlap: againstChanceSchema.meta({
    description: "units among the top of both, over k²/N; low ones speak against chance",
  }),
});

/** Over which units things are spread, and which they share. */
export const sharingSchema = z.object({
  units: count.meta({ description: "units of all blocks' MLPs" }),
  top: count.meta({ description: "k, units that count as the top: a hundredth of all" }),
  spread: z.array(spreadSchema).meta({ description: "of each" }),
  pairs: z.array(sharedSchema).meta({ description: "of every two; without those that have too few parts to shuffle" }),
});
export type Sharing = z.infer<typeof sharingSchema>;

export const conceptsSchema = z.object({
  source: z
    .object({
      name: z.string().meta({ description: "names of sets and files" }),
      digest: z.string().meta({ description: "SHA-256 over what was read" }),
      sets: z.array(z.string()).meta({ description: "of built-in sets, where their words are from" }),
    })
    .meta({ description: "where the concepts are from" }),
  texts: count.meta({ description: "words and passages that figures are of" }),
  words: count.meta({ description: "of them words, each read at the end of neutral sentences" }),
  documents: count.meta({ description: "of which they are; what every interval resamples" }),
  concepts: z
    .array(
      z.object({
        name: z.string().meta({ description: "as it was given" }),
        parent: z.string().nullable().meta({ description: "what it belongs to; null where nothing was said" }),
        texts: count.meta({ description: "its texts" }),
        digest: z
          .string()
          .optional()
          .meta({ description: "SHA-256 over its texts: equal ones compare; absent in profiles of before" }),
      }),
    )
    .meta({ description: "in the order of the sets" }),
  layers: z
    .array(
      z.object({
        layer: count.meta({ description: "0: the embedding output" }),
        silhouette: againstChanceSchema.meta({ description: "mean silhouette of all texts, by cosine distance" }),
        silhouetteInterval: intervalSchema.meta({ description: "the same with its interval, distances held" }),
        purity: againstChanceSchema.meta({ description: "share of the five nearest texts of the same concept" }),
        purityInterval: intervalSchema.meta({ description: "the same with its interval, neighbours held" }),
        separability: intervalSchema.meta({
          description: "accuracy of a linear classifier on documents left out, five folds",
        }),
        alignment: againstChanceSchema.meta({
          description: "mean |cos| between directions of concepts; 0 where they are at right angles",
        }),
        hierarchy: againstChanceSchema
          .nullable()
          .meta({ description: "share of concepts nearest to their own parent; null without two parents of two" }),
        analogies: z
          .array(againstChanceSchema)
          .meta({ description: "of each relation, 3CosAdd over its pairs; the null pairs others" }),
        parallel: z.array(againstChanceSchema.nullable()).optional().meta({
          description:
            "of each relation, linear CKA of its two sides; the null pairs others; absent in profiles of before",
        }),
        configuration: z
          .array(z.number())
          .meta({ description: "lower triangle of the directions' inner products, row by row, of trace 1" }),
      }),
    )
    .meta({ description: "0..L" }),
  relations: z
    .array(
      z.object({
        from: z.string().meta({ description: "a concept" }),
        to: z.string().meta({ description: "the one that its texts are paired with" }),
        pairs: count.meta({ description: "how many; six at least" }),
      }),
    )
    .meta({ description: "pairs of texts that stand for each other" }),
  cka: z
    .object({
      byChance: z
        .number()
        .meta({ description: "root of the mean square of CKA over all orders of the texts; its mean is 0" }),
      layers: z.array(z.number().nullable()).meta({
        description: "linear CKA of layers i and j < i, row by row; null where a layer's states are all equal",
      }),
    })
    .optional()
    .meta({ description: "how alike layers see the texts; absent in profiles of before" }),
  majority: z.number().meta({ description: "share of the largest concept: accuracy without looking" }),
  best: z
    .object({
      layer: count.meta({ description: "where the silhouette is largest" }),
      low: count.meta({ description: "lower end: where it is largest in resamples of documents" }),
      high: count.meta({ description: "upper end" }),
    })
    .nullable()
    .meta({ description: "null where no layer's silhouette is above chance (p ≤ 0.05), or without an interval" }),
  map: z
    .object({
      layer: count.meta({ description: "the best one, or the one of the largest silhouette" }),
      places: z
        .array(
          z.object({
            name: z.string().meta({ description: "the concept" }),
            x: z.number().meta({ description: "along the first" }),
            y: z.number().meta({ description: "along the second" }),
          }),
        )
        .meta({ description: "of the concepts' means along their first two principal directions" }),
      shares: z.array(z.number()).length(2).meta({ description: "share of the means' variance along each" }),
    })
    .meta({ description: "how the concepts lie in one layer" }),
  sharing: sharingSchema.nullable().meta({ description: "METHODS §4; null where the model shows no units" }),
  interval: z
    .object({
      level: z.literal(0.95).meta({ description: "coverage that the intervals aim at" }),
      resamples: count.meta({ description: "bootstrap resamples of documents" }),
      absent: z.string().nullable().meta({ description: "why there are no intervals, where there are none" }),
    })
    .meta({ description: "how the intervals of this section were made" }),
  notes: z.array(z.string()).meta({ description: "what a reader of these figures must know" }),
});
export type Concepts = z.infer<typeof conceptsSchema>;
