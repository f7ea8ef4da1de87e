/** Profile section `coding`: how small the text gets (METHODS §1, §1.1). */
import { z } from "zod";
import { count, intervalSchema } from "./figures.ts";

export const baselineSchema = z
  .object({
    name: z.string().meta({ description: "gzip -9, brotli 11, zstd 19, xz -9e, bzip2 -9, order-2 bytes" }),
    implementation: z.string().meta({ description: "the library that computed it, with its version" }),
    bytes: count.meta({ description: "the whole text as one stream under this compressor" }),
    bitsPerByte: z.number().meta({ description: "the same for each byte of the text" }),
  })
  .meta({ id: "Baseline", description: "an ordinary compressor on the same bytes (METHODS §1)" });
export type Baseline = z.infer<typeof baselineSchema>;

export const codingFiguresSchema = z
  .object({
    documents: count.meta({ description: "documents measured" }),
    bytes: count.meta({ description: "UTF-8 bytes of the text as given" }),
    characters: count.meta({ description: "Unicode code points" }),
    tokens: count.meta({ description: "tokens of the text, each scored once; the prefix is none of them" }),
    nats: z.number().meta({ description: "total code length, first tokens and repairs included" }),
    repairs: z
      .object({
        bytes: count.meta({ description: "bytes that the tokens do not give back" }),
        bits: z.number().meta({ description: "what writing them down costs" }),
      })
      .meta({ description: "what decoding the tokens gets wrong, paid for byte by byte" }),
    isCodeLength: z.boolean().meta({ description: "false where repairs touch more than 0.1 % of the bytes" }),
    bitsPerByte: intervalSchema.meta({ description: "code length in bits / bytes: the headline" }),
    bitsPerCharacter: intervalSchema.meta({ description: "code length in bits / characters" }),
    bitsPerToken: intervalSchema.meta({
      description: "code length in bits / tokens: compares only models with one vocabulary",
    }),
    perplexity: intervalSchema.meta({ description: "per token: compares only models with one vocabulary" }),
    compressionRatio: intervalSchema.meta({ description: "8 / bits per byte" }),
    adjustedRate: z
      .number()
      .nullable()
      .meta({ description: "(8·weight bytes + bits) / (8·text bytes); null where the weights are not at hand" }),
    baselines: z.array(baselineSchema).meta({ description: "other compressors on the same bytes" }),
    breakEven: z
      .array(
        z.object({
          against: z.string().meta({ description: "name of the compressor" }),
          bytes: z
            .number()
            .nullable()
            .meta({ description: "corpus size at which model and text together are as small; null: never" }),
        }),
      )
      .meta({ description: "METHODS §1.1; empty where the weights are not at hand" }),
  })
  .meta({ id: "CodingFigures", description: "how small a text gets (METHODS §1)" });
export type CodingFigures = z.infer<typeof codingFiguresSchema>;

const lmEvalFigures = z.object({
  loglikelihood: z.number().optional().meta({ description: "sum of its log-likelihoods, in nats" }),
  bitsPerByte: z.number().meta({ description: "what it calls bits_per_byte" }),
  bytePerplexity: z.number().meta({ description: "what it calls byte_perplexity" }),
  wordPerplexity: z.number().meta({ description: "what it calls word_perplexity" }),
});

export const codingSchema = z.object({
  overall: codingFiguresSchema.meta({ description: "the whole text" }),
  domains: z.record(z.string(), codingFiguresSchema).meta({ description: "by domain" }),
  interval: z
    .object({
      level: z.literal(0.95).meta({ description: "coverage that the intervals aim at" }),
      resamples: count.meta({ description: "bootstrap resamples of units" }),
      absent: z.string().nullable().meta({ description: "why intervals are missing, or null" }),
    })
    .meta({ description: "how the intervals of this section were made" }),
  repeatability: z
    .object({
      bitsPerByte: z.number().meta({ description: "bits per byte of the same windows, the most − the least" }),
      largestNats: z.number().meta({ description: "the furthest that one token moved" }),
      readings: count.meta({ description: "how often they were read, the pass among them" }),
      windows: count.meta({ description: "windows that were read again" }),
      tokens: count.meta({ description: "tokens of theirs that are scored" }),
    })
    .optional()
    .meta({ description: "how far a served model moves from call to call, METHODS §1.7; absent where it runs here" }),
  likeLmEval: z
    .object({
      version: z.string().optional().meta({ description: "the version that is followed" }),
      ...lmEvalFigures.shape,
      withoutBos: lmEvalFigures
        .nullable()
        .optional()
        .meta({ description: "the same with `add_bos_token=False`; null where nothing changes" }),
      maxLength: count.optional().meta({ description: "tokens of its windows: the model's own length" }),
      prefix: z.string().optional().meta({ description: "the token that opens every document" }),
      why: z.string().meta({ description: "why these differ from the figures above" }),
    })
    .optional()
    .meta({ description: "what lm-evaluation-harness would report; with `--like lm-eval`" }),
  likeLlamaCpp: z
    .object({
      version: z.string().meta({ description: "the version that is followed" }),
      perplexity: z.number().meta({ description: "what it calls PPL: per token, of the tokens that it scores" }),
      standardError: z.number().meta({ description: "what it puts after ±, tokens taken for independent" }),
      lossNats: z.number().meta({ description: "mean loss of a scored token: ln of the perplexity" }),
      tokens: count.meta({ description: "tokens that it scores" }),
      chunks: count.meta({ description: "chunks that it reads" }),
      context: count.meta({ description: "tokens of a chunk, its n_ctx: --context where that is given, else 512" }),
      bos: z.string().nullable().meta({ description: "what stands in place of each chunk's first token, or null" }),
      why: z.string().meta({ description: "why these differ from the figures above" }),
    })
    .optional()
    .meta({ description: "what llama-perplexity would report; with `--like llama.cpp`" }),
});
export type Coding = z.infer<typeof codingSchema>;
