/** Profile section `ledger`: what the weights cost against the data they stand for (METHODS §1.2). */
import { z } from "zod";
import { count } from "./figures.ts";

export const ledgerSchema = z.object({
  parameters: z.object({
    total: count,
    embedding: count,
    nonEmbedding: count,
    activePerToken: count
      .nullable()
      .meta({ description: "differs from total for mixtures of experts; null where the architecture is unknown" }),
  }),
  weightBytes: count.meta({ description: "as stored, weights only" }),
  bitsPerParameter: z.number(),
  byDtype: z.record(z.string(), z.object({ tensors: count, parameters: count, bytes: count })),
  buffers: z.object({ tensors: count, bytes: count }).meta({ description: "stored tensors that are no weights" }),
  training: z
    .object({
      tokens: z.number().nullable(),
      bytes: z.number().nullable(),
      bytesPerToken: z.number().nullable(),
      source: z.string(),
      note: z.string().nullable(),
    })
    .nullable(),
  storageRatio: z.number().nullable().meta({ description: "training bytes / weight bytes" }),
  trainingBytesPerParameter: z.number().nullable(),
  entropyCodedBytes: z
    .number()
    .nullable()
    .meta({ description: "Σ n·H over the fields of every tensor; null unless asked for" }),
  notes: z
    .array(z.string())
    .optional()
    .meta({ description: "what a reader of these figures must know (quantised, a tied matrix stored twice)" }),
});
export type Ledger = z.infer<typeof ledgerSchema>;
