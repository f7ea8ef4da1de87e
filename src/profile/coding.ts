/** Profile section `coding`: how small the text gets (METHODS §1, §1.1). */
import { z } from "zod";
import { count, intervalSchema } from "./figures.ts";

export const baselineSchema = z.object({
  name: z.string().meta({ description: "gzip -9, brotli 11, zstd 19, xz -9e, bzip2 -9, order-2 bytes" }),
  implementation: z.string().meta({ description: "the library that computed it, with its version" }),
  bytes: count,
  bitsPerByte: z.number(),
});
export type Baseline = z.infer<typeof baselineSchema>;

export const codingFiguresSchema = z.object({
  documents: count,
  bytes: count,
  characters: count,
  tokens: count.meta({ description: "tokens of the text, each scored once; the prefix is none of them" }),
  nats: z.number().meta({ description: "total code length, first tokens and repairs included" }),
  repairs: z.object({ bytes: count, bits: z.number() }),
  isCodeLength: z.boolean().meta({ description: "false where repairs touch more than 0.1 % of the bytes" }),
  bitsPerByte: intervalSchema,
  bitsPerCharacter: intervalSchema,
  bitsPerToken: intervalSchema,
  perplexity: intervalSchema.meta({ description: "per token: compares only models with one vocabulary" }),
  compressionRatio: intervalSchema,
  adjustedRate: z.number().meta({ description: "(8·weight bytes + bits) / (8·text bytes)" }),
  baselines: z.array(baselineSchema),
  breakEven: z.array(
    z.object({
      against: z.string(),
      bytes: z
        .number()
        .nullable()
        .meta({ description: "corpus size at which model and text together are as small; null: never" }),
    }),
  ),
});
export type CodingFigures = z.infer<typeof codingFiguresSchema>;

export const codingSchema = z.object({
  overall: codingFiguresSchema,
  domains: z.record(z.string(), codingFiguresSchema),
  interval: z.object({ level: z.literal(0.95), resamples: count, absent: z.string().nullable() }),
  likeLmEval: z
    .object({ bitsPerByte: z.number(), bytePerplexity: z.number(), wordPerplexity: z.number(), why: z.string() })
    .optional(),
});
export type Coding = z.infer<typeof codingSchema>;
