/** Profile section `ledger`: what the weights cost against the data they stand for (METHODS §1.2). */
import { z } from "zod";
import { count } from "./figures.ts";

export const ledgerSchema = z.object({
  parameters: z
    .object({
      total: count.meta({ description: "all parameters, tied ones once" }),
      embedding: count.meta({ description: "of them in input and output embeddings" }),
      nonEmbedding: count.meta({ description: "of them elsewhere" }),
      activePerToken: count
        .nullable()
        .meta({ description: "differs from total for mixtures of experts; null where the architecture is unknown" }),
    })
    .meta({ description: "counted from the tensors' shapes" }),
  weightBytes: count.meta({ description: "as stored, weights only" }),
  bitsPerParameter: z.number().meta({ description: "as stored" }),
  byDtype: z
    .record(
      z.string(),
      z.object({
        tensors: count.meta({ description: "tensors of this number format" }),
        parameters: count.meta({ description: "parameters in them" }),
        bytes: count.meta({ description: "bytes they take" }),
      }),
    )
    .meta({ description: "by number format" }),
  buffers: z
    .object({
      tensors: count.meta({ description: "tensors" }),
      bytes: count.meta({ description: "bytes they take" }),
    })
    .meta({ description: "stored tensors that are no weights" }),
  aside: z
    .array(
      z.object({
        name: z.string().meta({ description: "of the tower, or what joins it to the text model" }),
        tensors: count.meta({ description: "tensors in it" }),
        parameters: count.meta({ description: "parameters in them" }),
        bytes: count.meta({ description: "bytes they take" }),
      }),
    )
    .optional()
    .meta({
      description:
        "stored beside the text model and counted in none of the other figures: no text goes through it; absent where there is none",
    }),
  training: z
    .object({
      tokens: z.number().nullable().meta({ description: "tokens read in training" }),
      bytes: z.number().nullable().meta({ description: "bytes read in training" }),
      bytesPerToken: z.number().nullable().meta({ description: "bytes / tokens" }),
      source: z.string().meta({ description: "where this is from; `given` where the user said it" }),
      note: z.string().nullable().meta({ description: "what has to be known about these figures" }),
    })
    .nullable()
    .meta({ description: "what is known of the training data; null where nothing is" }),
  storageRatio: z.number().nullable().meta({ description: "training bytes / weight bytes" }),
  trainingBytesPerParameter: z.number().nullable().meta({ description: "training bytes / parameters" }),
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
