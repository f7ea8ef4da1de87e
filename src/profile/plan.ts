/** The options of a measurement; stored whole in the profile, with the text named as `corpus.name` has it. */
import { z } from "zod";
import { PRECISIONS } from "./precision.ts";

const positive = z.number().int().positive();

export const temperatureSchema = z.union([z.enum(["bound", "exact", "leading-order"]), z.number().positive()]);

/** files, folders or `-`, each with its domain where one is named */
const sources = z.array(z.object({ path: z.string().min(1), domain: z.string().nullable().default(null) }));

export const planSchema = z
  .object({
    text: sources.min(1),
    /** text of the same kind that the model was not trained on; read as `text` is */
    unseen: sources.default([]),
    field: z.string().nullable().default(null),
    splitOn: z.string().nullable().default(null),
    labels: z.array(z.string()).default([]),
    limitBytes: positive.nullable().default(null),
    limitDocuments: positive.nullable().default(null),
    sample: z.boolean().default(false),
    invalidUtf8: z.enum(["error", "replace"]).default("error"),
    specialTokens: z.boolean().default(false),
    /** records are conversations, rendered by the model's own template; absent where they are texts */
    chat: z.literal(true).optional(),
    /** window length C, prefix included; where it was not asked for, the model's own limit if that is smaller */
    context: z.object({ tokens: positive.min(2).default(1024), asked: z.boolean().default(false) }).prefault({}),
    /** document tokens that a later window re-reads; half the window where null */
    overlap: z.number().int().nonnegative().nullable().default(null),
    /** padded tokens that go through the model together */
    batchTokens: positive.default(2048),
    /** how the model is computed; absent where exactly */
    precision: z.enum(PRECISIONS).optional(),
    seed: z.number().int().default(0),
    plane: z
      .object({
        points: positive.min(2).default(100),
        /** digest of the file that the reference points came from, or null: drawn from the seed */
        pointsDigest: z.string().nullable().default(null),
        draws: positive.default(1),
        temperature: temperatureSchema.default("bound"),
        allPositions: z.boolean().default(false),
        frontier: z
          .object({
            vocabulary: positive.default(512),
            clusters: positive.max(128).default(128),
            kappa: z.number().positive().default(16),
          })
          .nullable()
          .prefault({}),
      })
      .nullable()
      .prefault({}),
    geometry: z.boolean().default(true),
    preNorm: z.boolean().default(false),
    baselines: z.boolean().default(true),
    likeLmEval: z.boolean().default(false),
    likeLlamaCpp: z.boolean().default(false),
    entropy: z.boolean().default(false),
    trainingTokens: z.number().positive().nullable().default(null),
    trainingBytes: z.number().positive().nullable().default(null),
    keepText: z.boolean().default(true),
    keep: z.array(z.enum(["losses", "states"])).default([]),
    /** what is measured only where it is asked for */
    with: z.array(z.enum(["next-token", "spread", "sharing", "recall", "facts"])).default([]),
    recall: z
      .object({
        /** tokens of the prompts */
        prefixes: z.array(positive).min(1).default([8, 16, 32, 64]),
        /** tokens of the continuation */
        length: positive.default(32),
        passages: positive.default(256),
      })
      .prefault({}),
    facts: z
      .object({
        /** .jsonl or .csv */
        path: z.string().min(1),
        /** facts asked for, about as many for each number of exposures; null: all */
        limit: positive.nullable().default(256),
        /** of a fact */
        prompts: positive.nullable().default(2),
        /** by relation */
        templates: z.record(z.string(), z.array(z.string())).default({}),
      })
      .nullable()
      .default(null),
    /** names of built-in sets of concepts, and files of one's own; absent where none are asked for */
    concepts: z.array(z.string().min(1)).min(1).optional(),
    /** completions chosen and rejected; absent where none are given */
    pairs: z
      .object({
        /** .jsonl of prompt, chosen, rejected */
        path: z.string().min(1),
        /** pairs at most, drawn by the seed; null: all */
        limit: positive.nullable().default(1024),
      })
      .optional(),
  })
  .strict();
export type Plan = z.infer<typeof planSchema>;
/** The same as it is given, before defaults are filled in. */
export type PlanOptions = z.input<typeof planSchema>;
