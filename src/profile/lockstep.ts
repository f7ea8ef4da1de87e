/** What reading a text with two models at a time finds (METHODS §12.1): part of what `lossyscope compare` writes. */
import { z } from "zod";
import { count, intervalSchema } from "./figures.ts";
import { llamaCppDivergenceSchema } from "./llama-cpp-divergence.ts";
import { PRECISIONS } from "./precision.ts";

/** Name and version of the document of two models. */
export const LOCKSTEP_SCHEMA = "lossyscope.lockstep/1";

const bits = z.number();

const figuresSchema = z
  .object({
    tokens: count.meta({ description: "tokens that both models scored" }),
    bytes: count.meta({ description: "UTF-8 bytes of the text" }),
    kl: intervalSchema.nullable().meta({ description: "mean KL(P‖Q) a token, in bits; null where it is refused" }),
    klQuantiles: z
      .object({
        median: bits.meta({ description: "half of the tokens have less" }),
        p90: bits.meta({ description: "nine tenths have less" }),
        p99: bits.meta({ description: "99 of 100 have less" }),
        p999: bits.meta({ description: "999 of 1,000 have less" }),
        maximum: bits.meta({ description: "the most of any token" }),
      })
      .nullable()
      .meta({ description: "KL by token, in bits; null where it is refused" }),
    bitsPerByte: intervalSchema.meta({ description: "bits per byte of Q less those of P, resampled in pairs" }),
    agreement: intervalSchema
      .nullable()
      .meta({ description: "share of tokens before which both held the same token for likeliest; null where refused" }),
    probability: intervalSchema.meta({
      description: "root of the mean squared difference in the probability of the token that came",
    }),
  })
  .meta({ id: "LockstepFigures", description: "how far Q is from P on a text (METHODS §12.1)" });
/** Of a text, or of one domain of it. */
export type LockstepFigures = z.infer<typeof figuresSchema>;

const placeShape = {
  document: z.string().meta({ description: "name of the document" }),
  domain: z.string().meta({ description: "its domain" }),
  start: count.meta({ description: "first byte in the document" }),
  bytes: count.meta({ description: "UTF-8 bytes" }),
  kl: bits.nullable().meta({ description: "KL in bits, of all its tokens; null where it is refused" }),
  delta: bits.meta({ description: "bits that Q spends on it less those that P does" }),
};

/** The document, as zod checks it. */
export const lockstepSchema = z.object({
  schema: z.literal(LOCKSTEP_SCHEMA).meta({ description: "this schema and its version" }),
  reference: z.string().meta({ description: "name of P" }),
  model: z.string().meta({ description: "name of Q" }),
  vocabulary: z
    .object({
      shared: count.meta({ description: "tokens that both have, over which KL is taken" }),
      reference: count.meta({ description: "rows of P; those past the shared ones are left out of its softmax" }),
      model: count.meta({ description: "rows of Q, as above" }),
    })
    .meta({ description: "ids that mean the same to both" }),
  precision: z
    .object({
      reference: z.enum(PRECISIONS).nullable().meta({ description: "of P; null: exactly" }),
      model: z.enum(PRECISIONS).nullable().meta({ description: "of Q; null: exactly" }),
    })
    .optional()
    .meta({ description: "how each was computed (METHODS §0 Precision), where one was not exactly" }),
  context: count.meta({ description: "tokens of a window at most, prefix included" }),
  overlap: count.meta({ description: "tokens that a later window re-reads" }),
  overall: figuresSchema.meta({ description: "the whole text" }),
  domains: z.record(z.string(), figuresSchema).meta({ description: "by domain" }),
  tokens: z
    .array(
      z.object({
        ...placeShape,
        before: z.string().nullable().meta({ description: "some text before it; null where no text is kept" }),
        text: z.string().nullable().meta({ description: "its own text; null where no text is kept" }),
        p: z.number().meta({ description: "what P held it for" }),
        q: z.number().meta({ description: "what Q held it for" }),
        likeliest: z
          .object({
            p: z.string().meta({ description: "what P held for likeliest" }),
            q: z.string().meta({ description: "what Q held for likeliest" }),
          })
          .nullable()
          .meta({ description: "null where it is refused, or no text is kept" }),
      }),
    )
    .meta({ description: "tokens of the largest KL, or where that is refused of the largest difference in bits" }),
  stretches: z
    .array(
      z.object({
        ...placeShape,
        text: z.string().nullable().meta({ description: "null where no text is kept" }),
        ends: z.array(count).meta({ description: "end of each token's bytes, from the start" }),
        bits: z.array(bits).meta({ description: "KL of each token, or the difference in bits where that is refused" }),
      }),
    )
    .meta({ description: "stretches of 240 bytes or a token more that lost most" }),
  likeLlamaCpp: llamaCppDivergenceSchema.nullable().optional().meta({
    description:
      "what llama-perplexity --kl-divergence would print, METHODS §1.6; with `--like llama.cpp`; null where it is refused",
  }),
  interval: z
    .object({
      level: z.literal(0.95).meta({ description: "coverage that the intervals aim at" }),
      resamples: count.meta({ description: "bootstrap resamples of units" }),
      unit: z.enum(["document", "block"]).meta({ description: "what is resampled, METHODS §0" }),
      units: count.meta({ description: "how many of them there are" }),
      absent: z.string().nullable().meta({ description: "why intervals are missing, or null" }),
    })
    .meta({ description: "how the intervals were made" }),
  refusals: z
    .array(
      z.object({
        figure: z.string().meta({ description: "path of what is missing" }),
        reason: z.string().meta({ description: "why" }),
      }),
    )
    .meta({ description: "what could not be had" }),
  provenance: z
    .object({
      engine: z.string().meta({ description: "what ran both" }),
      threads: count.meta({ description: "threads of it" }),
      seed: z.number().meta({ description: "of the resamples" }),
      seconds: z.number().meta({ description: "of the pass" }),
      peakMemoryBytes: count.meta({ description: "largest memory of the runtime" }),
    })
    .meta({ description: "how it was measured" }),
});
/** How far a model is from another over one text. */
export type Lockstep = z.infer<typeof lockstepSchema>;
