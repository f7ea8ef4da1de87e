/** The document that `lossyscope ablate` ends in: what taking parts away does to each domain (METHODS §4). */
import { z } from "zod";
import { count, intervalSchema } from "./figures.ts";

export const ABLATION_SCHEMA = "lossyscope.ablation/1";

export const ablationSchema = z.object({
  schema: z.literal(ABLATION_SCHEMA).meta({ description: "name and version of this schema" }),
  model: z.string().meta({ description: "as profiles name it" }),
  corpus: z.string().meta({ description: "the text's own name" }),
  of: z.enum(["domains", "concepts"]).meta({ description: "what the text's parts are, here called domains" }),
  sites: z.enum(["units", "heads", "blocks"]).meta({ description: "what is taken away" }),
  fill: z.enum(["mean", "zero"]).meta({ description: "what stands in its stead" }),
  total: count.meta({ description: "how many of them the model has" }),
  taken: count.meta({ description: "how many are taken away of each domain in the matrix" }),
  draws: count.meta({ description: "draws of as many matched sites that each is held against" }),
  domains: z
    .array(
      z.object({
        name: z.string().meta({ description: "the domain" }),
        chosen: count.meta({ description: "documents that its sites were chosen by" }),
        evaluated: count.meta({ description: "documents that effects are of" }),
        bitsPerByte: intervalSchema.meta({ description: "of the whole model on the latter" }),
      }),
    )
    .meta({ description: "in order of name" }),
  matrix: z
    .array(
      z.object({
        domain: z.string().meta({ description: "whose own sites are taken away" }),
        effects: z.array(intervalSchema).meta({ description: "Δ bits per byte on each domain, in their order" }),
        shares: z.array(z.number()).meta({ description: "the same over the sum of the row's sizes" }),
        matched: z
          .array(z.object({ mean: z.number(), high: z.number() }))
          .meta({ description: "of matched sites, on each domain: mean over draws, and their 95 %" }),
        localised: z.boolean().meta({
          description: "more on the domain than 95 % of matched draws, and more on it than on any other",
        }),
      }),
    )
    .meta({ description: "a row for each domain" }),
  curves: z
    .array(
      z.object({
        domain: z.string().meta({ description: "whose own sites are taken away, the most its own first" }),
        points: z
          .array(
            z.object({
              share: z.number().meta({ description: "of all sites" }),
              taken: count.meta({ description: "how many" }),
              own: z.number().meta({ description: "Δ bits per byte on the domain" }),
              others: z.number().meta({ description: "the mean of those on the others" }),
              ownInterval: intervalSchema.meta({ description: "the first with its interval" }),
              othersInterval: intervalSchema.meta({ description: "the second with its interval" }),
            }),
          )
          .meta({ description: "rising" }),
        area: z.number().meta({ description: "between the two, a mean over the shares, bits per byte" }),
        areaInterval: intervalSchema.meta({ description: "the same with its interval, domains resampled apart" }),
      }),
    )
    .meta({ description: "separability of each domain" }),
  interval: z
    .object({
      level: z.literal(0.95).meta({ description: "coverage that the intervals aim at" }),
      resamples: count.meta({ description: "paired bootstrap resamples of the domain's documents" }),
    })
    .meta({ description: "how the intervals were made; none where a domain has fewer than ten documents" }),
  left: z
    .array(
      z.object({
        name: z.string().meta({ description: "a concept that has no part in it" }),
        reason: z.string().meta({ description: "why, with the number needed" }),
      }),
    )
    .meta({ description: "concepts of too few texts" }),
  provenance: z
    .object({
      id: z.string().meta({ description: "digest of text, model and options" }),
      seed: z.number().meta({ description: "of the halves and the draws" }),
      masks: count.meta({ description: "passes over the evaluated documents" }),
      seconds: z.number().meta({ description: "what it took" }),
    })
    .meta({ description: "what took part" }),
});
export type Ablation = z.infer<typeof ablationSchema>;
