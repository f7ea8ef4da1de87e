/** What `lossyscope squeeze` finds: how much further a model can be squeezed, and what goes first (METHODS §7). */
import { z } from "zod";
import { count, intervalSchema } from "./figures.ts";
import { lockstepSchema } from "./lockstep.ts";

/** Name and version of the document. */
export const SQUEEZE_SCHEMA = "lossyscope.squeeze/1";

const figures = lockstepSchema.shape.overall;

const rateSchema = z
  .object({
    bytes: z.number().meta({ description: "of the weights as they are stored" }),
    codedBytes: z.number().meta({ description: "of the weights entropy-coded (METHODS §1.2)" }),
    bitsPerParameter: z.number().meta({ description: "stored bits / parameters of the original" }),
    codedBitsPerParameter: z.number().meta({ description: "entropy-coded bits / parameters of the original" }),
  })
  .meta({ id: "Rate", description: "what weights take" });
export type Rate = z.infer<typeof rateSchema>;

const exposureShape = {
  exposures: count.nullable().meta({ description: "training documents that state the facts; null: not known" }),
  facts: count.meta({ description: "facts asked for" }),
};

const factsSchema = z
  .object({
    exact: intervalSchema.meta({ description: "share answered exactly, less that of the original, in pairs" }),
    codeBits: intervalSchema.meta({
      description: "mean code length of the true values in bits, less that of the original, in pairs",
    }),
    exposures: z
      .array(
        z.object({
          ...exposureShape,
          original: z.number().nullable().meta({ description: "share that the original answers exactly" }),
          exact: intervalSchema.meta({ description: "share answered exactly, less that of the original, in pairs" }),
          codeBits: intervalSchema.meta({ description: "code length in bits, less that of the original, in pairs" }),
        }),
      )
      .meta({ description: "by number of exposures, rising" }),
    knowledge: z
      .object({
        facts: count.meta({ description: "facts told at least once whose prior is known" }),
        original: z
          .number()
          .nullable()
          .meta({ description: "prior bits less code length of the true value from the original, mean over them" }),
        bits: intervalSchema.meta({ description: "that mean, less that of the original, in pairs" }),
      })
      .nullable()
      .optional()
      .meta({ description: "bits that the model knows of a fact (METHODS §5); null where no prior is known" }),
  })
  .meta({ id: "FactsLost", description: "what of the facts was lost" });
export type FactsLost = z.infer<typeof factsSchema>;

const recallSchema = z
  .object({
    passages: count.meta({ description: "passages asked for" }),
    prefix: count.optional().meta({ description: "tokens of the prompts" }),
    length: count.optional().meta({ description: "tokens of the passages" }),
    original: z.number().nullable().meta({ description: "share that comes back from the original byte for byte" }),
    exact: intervalSchema.meta({ description: "share that comes back exactly, less that of the original, in pairs" }),
    originalBytes: z.number().nullable().optional().meta({
      description: "share of the passages' bytes that comes back from the original before the first wrong one",
    }),
    bytes: intervalSchema.optional().meta({ description: "that share, less that of the original, in pairs" }),
  })
  .meta({ id: "RecallLost", description: "what of the text no longer comes back" });
export type RecallLost = z.infer<typeof recallSchema>;

export const pointSchema = z
  .object({
    name: z.string().meta({ description: "`q4g32`, `Q4_K`, `prune50`, `drop2`, or a file's own name" }),
    kind: z
      .enum(["round", "blocks", "prune", "rank", "drop", "trim", "mixed", "file"])
      .meta({ description: "what was done; `file`: somebody else's" }),
    command: z.string().meta({ description: "what measures it again" }),
    rate: rateSchema.meta({ description: "what its weights take" }),
    weightError: z
      .number()
      .nullable()
      .meta({ description: "Σ (w − ŵ)² / Σ w² over the matrices that were changed; null where that is not known" }),
    overall: figures.meta({ description: "how far it is from the original on the whole text" }),
    domains: z.record(z.string(), figures).meta({ description: "by domain" }),
    facts: factsSchema.nullable().meta({ description: "null where none were asked for" }),
    recall: recallSchema.nullable().meta({ description: "null where it was not asked for" }),
    blocks: z.array(count).optional().meta({ description: "blocks that were dropped, from 0; absent where none were" }),
    tokens: count.optional().meta({ description: "tokens that are left of the vocabulary; absent where all are" }),
    plan: z
      .array(
        z.object({
          unit: z.string().meta({ description: "what has one type: `block 3 attention`" }),
          transform: z.string().meta({ description: "its type" }),
          parameters: count.meta({ description: "parameters in it" }),
        }),
      )
      .optional()
      .meta({ description: "what each part was made into; absent where all were made into one" }),
    seconds: z
      .object({
        making: z.number().meta({ description: "of making its weights" }),
        reading: z.number().meta({ description: "of reading the text with it and the original" }),
      })
      .meta({ description: "how long it took" }),
  })
  .meta({ id: "Point", description: "a rate, and what it costs (METHODS §7)" });
export type Point = z.infer<typeof pointSchema>;

const partSchema = z.object({
  name: z.string().meta({ description: "`block 3`, or a kind of matrix" }),
  parameters: count.meta({ description: "parameters in it" }),
  kl: intervalSchema.meta({ description: "mean KL in bits a token where it alone is squeezed" }),
});

export const squeezeSchema = z.object({
  schema: z.literal(SQUEEZE_SCHEMA).meta({ description: "this schema and its version" }),
  model: z
    .object({
      name: z.string().meta({ description: "the original" }),
      revision: z.string().nullable().meta({ description: "commit of a model from the Hub, or null" }),
      parameters: count.meta({ description: "numbers in its weights" }),
      rate: rateSchema.meta({ description: "as it is stored" }),
    })
    .meta({ description: "what was squeezed" }),
  text: z
    .object({
      name: z.string().meta({ description: "the text's own name; never a path" }),
      digest: z.string().meta({ description: "of its documents" }),
      documents: count.meta({ description: "documents" }),
      bytes: count.meta({ description: "UTF-8 bytes" }),
      tokens: count.meta({ description: "tokens" }),
      bitsPerByte: z.number().meta({ description: "what the original needs" }),
      domains: z.record(z.string(), z.number()).meta({ description: "bits per byte of the original, by domain" }),
    })
    .meta({ description: "what was read" }),
  facts: z
    .object({
      name: z.string().meta({ description: "name of the file" }),
      digest: z.string().meta({ description: "SHA-256 over the file and the templates" }),
    })
    .nullable()
    .meta({ description: "the facts that were asked for; null where none were" }),
  calibration: z
    .object({
      name: z.string().meta({ description: "the text's own name; never a path" }),
      digest: z.string().meta({ description: "of its documents" }),
      documents: count.meta({ description: "documents that were read" }),
      bytes: count.meta({ description: "UTF-8 bytes of them" }),
      tokens: count.meta({ description: "tokens of them" }),
      shared: z
        .number()
        .meta({ description: "share of its tokens in runs of 32 or more that the measured text has too" }),
    })
    .nullable()
    .optional()
    .meta({ description: "what the inputs of the matrices were taken from; null where no point goes by them" }),
  context: count.meta({ description: "tokens of a window at most, prefix included" }),
  overlap: count.meta({ description: "tokens that a later window re-reads" }),
  points: z.array(pointSchema).meta({ description: "by rate, falling" }),
  frontier: z
    .array(z.string())
    .meta({ description: "names of the points that no other beats in rate and in KL, by rate, falling" }),
  enough: z
    .object({
      point: z.string().meta({ description: "its name" }),
      share: z.number().meta({ description: "of the original's bits per byte that it may cost" }),
    })
    .nullable()
    .meta({ description: "the least rate whose interval stays below that share; null where none does" }),
  losses: z
    .array(
      z.object({
        figure: z.string().meta({ description: "`bits per byte`, `facts told 8 times` …" }),
        group: z.enum(["text", "facts", "recall", "capacity"]).meta({ description: "what it is of" }),
        from: z
          .object({
            point: z.string().meta({ description: "of the frontier" }),
            bitsPerParameter: z.number().meta({ description: "its rate" }),
            change: intervalSchema.meta({ description: "the figure less the original's, in pairs" }),
          })
          .nullable()
          .meta({ description: "highest rate from which on down every point of the frontier has lost; null: none" }),
        kept: z
          .object({
            point: z.string().meta({ description: "of the frontier" }),
            bitsPerParameter: z.number().meta({ description: "its rate" }),
          })
          .nullable()
          .meta({
            description: "the point above it, the least rate that is not told apart from the original; null: none",
          }),
      }),
    )
    .meta({ description: "order of loss, what goes first first" }),
  sensitivity: z
    .object({
      transform: z.string().meta({ description: "what one part at a time was made into" }),
      blocks: z.array(partSchema).meta({ description: "each block alone" }),
      kinds: z.array(partSchema).meta({ description: "each kind of matrix alone, in all blocks" }),
      sum: z.number().meta({ description: "Σ KL of the kinds" }),
      joint: z.number().meta({ description: "KL of all of them together" }),
    })
    .nullable()
    .meta({ description: "what costs most; null where it was not asked for" }),
  budget: z
    .object({
      bitsPerParameter: z.number().meta({ description: "that the plan may take" }),
      point: z.string().meta({ description: "name of the mixed point" }),
      uniform: z.string().nullable().meta({ description: "best point of one type within the budget; null: none fits" }),
      documents: count.meta({ description: "documents that the plan was not made from, by which it is judged" }),
      kl: z.number().meta({ description: "mean KL of the plan on those documents, bits a token" }),
      uniformKl: z.number().nullable().meta({ description: "that of the uniform point; null: none fits" }),
      difference: intervalSchema.meta({ description: "KL of the plan less that of the uniform point, in pairs" }),
    })
    .nullable()
    .meta({ description: "a plan of several types beside one of one; null where it was not asked for" }),
  bound: z
    .array(
      z.object({
        bitsPerParameter: z.number().meta({ description: "rate of the matrices" }),
        error: z.number().meta({ description: "least Σ (w − ŵ)² / Σ w² of Gaussian matrices of these spectra" }),
      }),
    )
    .nullable()
    .meta({ description: "Gaussian yardstick of the weights' error; null where it was not asked for" }),
  interval: lockstepSchema.shape.interval.meta({ description: "how the intervals of the text's figures were made" }),
  refusals: lockstepSchema.shape.refusals.meta({ description: "what could not be had" }),
  notes: z.array(z.string()).meta({ description: "what a reader of these figures must know" }),
  provenance: z
    .object({
      engine: z.string().meta({ description: "what ran the models" }),
      threads: count.meta({ description: "threads of it" }),
      seed: z.number().meta({ description: "of the resamples" }),
      seconds: z.number().meta({ description: "of all points together" }),
    })
    .meta({ description: "how it was measured" }),
});
/** Points of rate and distortion of one model on one text. */
export type Squeezing = z.infer<typeof squeezeSchema>;
