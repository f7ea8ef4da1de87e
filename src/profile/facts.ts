/** Profile section `facts`: what a model knows, and whether it knows what it does not know (METHODS §5, §6). */
import { z } from "zod";
import { count, intervalSchema } from "./figures.ts";

export const VERDICTS = ["exact", "confusion", "offType"] as const;
export type Verdict = (typeof VERDICTS)[number];

export const knowledgeSchema = z
  .object({
    priorBits: z
      .number()
      .meta({ description: "what there is to know: −log2 of the priors, over these facts of the file" }),
    unfloored: intervalSchema.meta({ description: "bits: prior less code length, over these facts of the file" }),
    corrected: intervalSchema.meta({
      description: "bits: floored at 0 a fact, less the same mean over never-seen facts; null where there are none",
    }),
    share: intervalSchema.meta({ description: "corrected / prior" }),
  })
  .meta({ id: "Knowledge", description: "bits of facts that the model keeps (METHODS §5)" });
export type Knowledge = z.infer<typeof knowledgeSchema>;

export const factRatesSchema = z
  .object({
    facts: count.meta({ description: "facts asked for" }),
    total: count.meta({ description: "facts of the file that they stand for" }),
    subjects: count.meta({ description: "subjects they are about: the units of the intervals" }),
    exact: intervalSchema.meta({ description: "share of greedy answers that are the true value" }),
    confusion: intervalSchema.meta({ description: "share that are another candidate: fluent and false" }),
    offType: intervalSchema.meta({ description: "share that are no candidate" }),
    choice: intervalSchema.meta({ description: "share whose most probable candidate is the true value" }),
    guess: z.number().meta({ description: "share that the commonest value of each relation would get right" }),
    confidence: intervalSchema.meta({ description: "mean probability of the most probable candidate" }),
    probability: intervalSchema.meta({ description: "mean probability of the true value among the candidates" }),
    reciprocalRank: intervalSchema.meta({ description: "mean of 1 / rank of the true value among the candidates" }),
    codeBits: intervalSchema.meta({ description: "mean code length of the true value with its terminator" }),
    knowledge: knowledgeSchema.nullable().meta({ description: "null where facts have no prior" }),
  })
  .meta({ id: "FactRates", description: "how a group of facts was answered (METHODS §6)" });
export type FactRates = z.infer<typeof factRatesSchema>;

const judgementSchema = z.object({
  calibrationError: intervalSchema.meta({
    description: "expected calibration error over ten equal bins of confidence",
  }),
  auroc: intervalSchema.meta({
    description: "probability that a right answer has the higher confidence than a wrong one",
  }),
});

const exampleSchema = z.object({
  subject: z.string().meta({ description: "whom or what the fact is about" }),
  relation: z.string().meta({ description: "what about it" }),
  exposures: count.nullable().meta({ description: "training documents that state it" }),
  prompt: z.string().meta({ description: "what the model went on from" }),
  value: z.string().meta({ description: "the truth" }),
  answer: z.string().meta({ description: "what greedy decoding said" }),
  verdict: z.enum(VERDICTS).meta({ description: "of the answer" }),
  favourite: z.string().meta({ description: "the most probable candidate" }),
  confidence: z.number().meta({ description: "its probability" }),
  probability: z.number().meta({ description: "that of the truth" }),
});

export const factsSchema = z.object({
  source: z
    .object({
      name: z.string().meta({ description: "the file's own name" }),
      digest: z.string().meta({ description: "SHA-256 over the file and the templates" }),
    })
    .meta({ description: "where the facts are from" }),
  questions: count.meta({ description: "prompts asked; the prompts of a fact share its weight" }),
  overall: factRatesSchema.meta({ description: "all facts of the file, the sampled ones weighted to it" }),
  exposures: z
    .array(
      factRatesSchema.extend({
        exposures: count.nullable().meta({ description: "training documents; null: not known" }),
      }),
    )
    .meta({ description: "by number of exposures, rising" }),
  relations: z
    .array(factRatesSchema.extend({ relation: z.string().meta({ description: "its name in the file" }) }))
    .meta({ description: "by relation, never-seen facts left out where there are others" }),
  calibration: z
    .object({
      exact: judgementSchema.meta({ description: "right: the greedy answer is the true value" }),
      choice: judgementSchema.meta({ description: "right: the most probable candidate is the true value" }),
      bins: z
        .array(
          z.object({
            from: z.number().meta({ description: "least confidence of the bin" }),
            share: z.number().meta({ description: "of the questions, by weight" }),
            confidence: z.number().nullable().meta({ description: "their mean confidence; null in an empty bin" }),
            exact: intervalSchema.meta({ description: "share of them answered exactly" }),
            choice: intervalSchema.meta({ description: "share of them whose most probable candidate is true" }),
          }),
        )
        .meta({ description: "ten equal bins of confidence, the probability of the most probable candidate" }),
    })
    .meta({ description: "does it know what it does not know" }),
  errorByBits: z
    .array(
      z.object({
        from: z.number().nullable().meta({ description: "least bits of the bin; null: below zero" }),
        facts: count.meta({ description: "facts in it" }),
        error: intervalSchema.meta({ description: "share of their answers that are not exact" }),
      }),
    )
    .meta({ description: "by bits spent on a fact, prior less code length, a bit a bin; empty without priors" }),
  knowledge: z
    .object({
      overall: knowledgeSchema.meta({ description: "facts seen in training; all where exposures are not known" }),
      bitsPerParameter: intervalSchema.meta({
        description:
          "corrected bits, or unfloored ones without a control, by parameters; null where these are not known",
      }),
      control: count.meta({ description: "never-seen facts asked for" }),
    })
    .nullable()
    .meta({ description: "what the weights keep of the facts; null where facts have no prior" }),
  examples: z.array(exampleSchema).meta({ description: "some questions with their answers; empty with --no-text" }),
  mistakes: z
    .array(exampleSchema)
    .optional()
    .meta({ description: "answers that were made up with the most confidence, of all asked; absent with --no-text" }),
  interval: z
    .object({
      level: z.literal(0.95).meta({ description: "coverage that the intervals aim at" }),
      resamples: count.meta({ description: "bootstrap resamples of subjects, of each number of exposures by itself" }),
    })
    .meta({ description: "how the intervals of this section were made" }),
  notes: z.array(z.string()).meta({ description: "what a reader of these figures must know, and what is missing" }),
});
export type Facts = z.infer<typeof factsSchema>;
