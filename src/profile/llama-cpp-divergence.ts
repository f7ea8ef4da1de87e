/** What llama.cpp's tool would print of two models (METHODS §1.6): part of the document of two models. */
import { z } from "zod";
import { count } from "./figures.ts";

const estimateSchema = z
  .object({
    value: z.number().meta({ description: "the figure" }),
    error: z.number().meta({ description: "what it puts after ±, tokens taken for independent" }),
  })
  .meta({ id: "PlusMinus", description: "a figure as llama-perplexity prints it" });

const quantilesSchema = z
  .object({
    minimum: z.number().meta({ description: "the least of any token" }),
    p001: z.number().meta({ description: "1 of 1,000 has less" }),
    p01: z.number().meta({ description: "1 of 100 has less" }),
    p05: z.number().meta({ description: "5 of 100 have less" }),
    p10: z.number().meta({ description: "a tenth has less" }),
    p25: z.number().meta({ description: "a quarter has less" }),
    median: z.number().meta({ description: "half of the tokens have less" }),
    p75: z.number().meta({ description: "three quarters have less" }),
    p90: z.number().meta({ description: "nine tenths have less" }),
    p95: z.number().meta({ description: "95 of 100 have less" }),
    p99: z.number().meta({ description: "99 of 100 have less" }),
    p999: z.number().meta({ description: "999 of 1,000 have less" }),
    maximum: z.number().meta({ description: "the most of any token" }),
  })
  .meta({ id: "TokenQuantiles", description: "over the scored tokens, linear between order statistics" });

export const llamaCppDivergenceSchema = z.object({
  version: z.string().meta({ description: "the version that is followed" }),
  tokens: count.meta({ description: "tokens that it scores" }),
  chunks: count.meta({ description: "chunks that it reads" }),
  context: count.meta({ description: "tokens of a chunk, its n_ctx: --context where that is given, else 512" }),
  bos: z.string().nullable().meta({ description: "what stands in place of each chunk's first token, or null" }),
  perplexity: z
    .object({
      model: estimateSchema.meta({ description: "Mean PPL(Q)" }),
      reference: estimateSchema.meta({ description: "Mean PPL(base), of P" }),
      correlation: z
        .number()
        .nullable()
        .meta({ description: "Cor(ln(PPL(Q)), ln(PPL(base))); null where every token costs one of them the same" }),
      logRatio: estimateSchema.meta({ description: "Mean ln(PPL(Q)/PPL(base))" }),
      ratio: estimateSchema.meta({ description: "Mean PPL(Q)/PPL(base)" }),
      difference: estimateSchema.meta({ description: "Mean PPL(Q)-PPL(base)" }),
    })
    .meta({ description: "its perplexity statistics" }),
  kl: z
    .object({
      mean: estimateSchema.meta({ description: "Mean KLD" }),
      quantiles: quantilesSchema.meta({ description: "of the tokens" }),
    })
    .meta({ description: "its KL divergence statistics, in nats a token" }),
  probability: z
    .object({
      mean: estimateSchema.meta({ description: "Mean Δp" }),
      rms: estimateSchema.meta({ description: "RMS Δp" }),
      quantiles: quantilesSchema.meta({ description: "of the tokens" }),
      sameTop: estimateSchema.meta({ description: "Same top p: the share of tokens with one likeliest" }),
    })
    .meta({ description: "its token probability statistics: Q's of the token that came less P's, as shares of 1" }),
  why: z.string().meta({ description: "why these differ from the figures above" }),
});
/** What llama-perplexity --kl-divergence would print of Q beside P. */
export type LlamaCppDivergence = z.infer<typeof llamaCppDivergenceSchema>;
export type PlusMinus = z.infer<typeof estimateSchema>;
export type TokenQuantiles = z.infer<typeof quantilesSchema>;
