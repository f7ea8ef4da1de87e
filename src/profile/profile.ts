/**
 * The profile: the one JSON document a measurement ends in (DESIGN, 'The way of the data' 7). Everything shown anywhere
 * is drawn from it. The schema below is published as `schema/profile.schema.json`.
 */
import { z } from "zod";
import { almanacSchema } from "./almanac.ts";
import { codingSchema } from "./coding.ts";
import { conceptsSchema } from "./concepts.ts";
import { factsSchema } from "./facts.ts";
import { count } from "./figures.ts";
import { geometrySchema } from "./geometry.ts";
import { ledgerSchema } from "./ledger.ts";
import { lockstepSchema } from "./lockstep.ts";
import { nextTokenSchema } from "./next-token.ts";
import { planeSchema } from "./plane.ts";
import { precisionSchema } from "./precision.ts";
import { preferenceSchema } from "./preference.ts";
import { recallSchema } from "./recall.ts";
import { domainSharingSchema, spreadSchema } from "./spread.ts";

/** Name and version of the published document. */
export const PROFILE_SCHEMA = "lossyscope.profile/2";

const digestsSchema = z.object({
  config: z.string().nullable().meta({ description: "of config.json; null where there is none" }),
  weights: z.string().nullable().meta({ description: "of all weight files; null where they are not at hand" }),
  tokenizer: z.string().nullable().meta({ description: "of the tokenizer's files; null where there is none" }),
});

/** The published document, as zod checks it. */
export const profileSchema = z.object({
  schema: z.literal(PROFILE_SCHEMA).meta({ description: "name and version of this schema" }),
  id: z.string().meta({ description: "digest of the plan: the same id is the same measurement" }),
  title: z
    .string()
    .nullable()
    .meta({ description: "a line the reader must see first (`this model is untrained`), or null" }),
  model: z
    .object({
      name: z.string().meta({ description: "org/name[@revision] or the folder's own name; never a path" }),
      revision: z.string().nullable().meta({ description: "commit on the Hub; null for a folder" }),
      architecture: z.string().nullable().meta({ description: "model_type of its config; null where it is not known" }),
      layers: count
        .nullable()
        .meta({ description: "blocks; the plane and the geometry have one layer more; null where none can be seen" }),
      width: count.nullable().meta({ description: "dimensions of the hidden state; null where none can be seen" }),
      vocabulary: count.meta({ description: "tokens that it gives a probability" }),
      positions: count.nullable().meta({ description: "longest window; null where nothing limits it" }),
    })
    .meta({ description: "what was measured" }),
  plan: z.record(z.string(), z.unknown()).meta({ description: "every option of the measurement, as validated" }),
  corpus: z
    .object({
      name: z.string().meta({ description: "the text's own name; never a path" }),
      digest: z.string().meta({ description: "SHA-256 over the documents' domains, digests and floors, in order" }),
      documents: count.meta({ description: "documents measured" }),
      bytes: count.meta({ description: "UTF-8 bytes as given" }),
      characters: count.meta({ description: "Unicode code points" }),
      tokens: count.meta({ description: "tokens of the text, without prefixes" }),
      unit: z.enum(["document", "block"]).meta({ description: "what every interval resamples, METHODS §0" }),
      units: count.meta({ description: "how many of them there are" }),
      domains: z
        .record(
          z.string(),
          z.object({
            documents: count.meta({ description: "documents of this domain" }),
            bytes: count.meta({ description: "their bytes" }),
          }),
        )
        .meta({ description: "by domain" }),
      normalised: count.meta({ description: "documents a normaliser changed" }),
      refused: count.meta({ description: "documents that could not be aligned with their tokens" }),
      invalidUtf8: count.meta({ description: "byte sequences replaced on request" }),
      files: z
        .object({
          read: count.meta({ description: "files that text was read from" }),
          asPlainText: z
            .object({
              total: count.meta({ description: "how many" }),
              names: z.array(z.string()).meta({ description: "the first 100 of them" }),
            })
            .meta({ description: "JSON files of folders that hold no records with text, read as plain text" }),
          leftOut: z
            .object({
              total: count.meta({ description: "how many; a folder that was not entered counts as one" }),
              reasons: z.record(z.string(), count).meta({ description: "how many by reason" }),
              files: z
                .array(
                  z.object({
                    name: z.string().meta({ description: "as the folder has it" }),
                    reason: z.string().meta({ description: "why" }),
                  }),
                )
                .meta({ description: "the first 100 of them" }),
            })
            .meta({ description: "what lies in the folders and is no part of the text" }),
        })
        .optional()
        .meta({ description: "which files the text is; absent in profiles of before it was taken down" }),
      chat: z
        .object({
          template: z.string().meta({ description: "file of the model that the template came from" }),
          digest: z.string().meta({ description: "SHA-256 of the template and of the special tokens that it sees" }),
          conversations: count.meta({ description: "conversations rendered" }),
          messages: count.meta({ description: "messages in them" }),
          messageBytes: count
            .nullable()
            .meta({ description: "UTF-8 bytes of what the messages say; null where a limit cut a conversation" }),
        })
        .optional()
        .meta({
          description:
            "METHODS §0 Conversations: the text is what the model's own template wrote; absent where it is not",
        }),
    })
    .meta({ description: "the text it was measured on" }),
  ledger: ledgerSchema
    .nullable()
    .meta({ description: "what the weights cost, METHODS §1.2; null where the weights are not at hand" }),
  coding: codingSchema.nullable().meta({ description: "how small the text gets, METHODS §1" }),
  nextToken: nextTokenSchema
    .nullable()
    .optional()
    .meta({ description: "how often the likeliest token is right, METHODS §1.5; absent where it was not asked for" }),
  plane: planeSchema.nullable().meta({ description: "what every layer keeps and knows, METHODS §2" }),
  geometry: geometrySchema.nullable().meta({ description: "the shape of the space, METHODS §3" }),
  almanac: almanacSchema
    .nullable()
    .optional()
    .meta({ description: "what is known of the almanac's world, METHODS §9; absent where the text is no almanac" }),
  recall: recallSchema
    .nullable()
    .optional()
    .meta({ description: "what comes back of the text, METHODS §5; absent where it was not asked for" }),
  facts: factsSchema
    .nullable()
    .optional()
    .meta({ description: "what is known of facts, METHODS §5, §6; absent where it was not asked for" }),
  precision: precisionSchema
    .optional()
    .meta({ description: "how it was computed, METHODS §0 Precision; absent where exactly" }),
  lockstep: lockstepSchema
    .nullable()
    .optional()
    .meta({ description: "how far it is from its reference, METHODS §12.1; absent where none was named" }),
  concepts: conceptsSchema
    .nullable()
    .optional()
    .meta({ description: "how concepts lie in every layer, METHODS §3.1, §4; absent where they were not asked for" }),
  spread: spreadSchema
    .nullable()
    .optional()
    .meta({ description: "over how many units the domains are spread, METHODS §4; absent where it was not asked for" }),
  sharing: domainSharingSchema
    .nullable()
    .optional()
    .meta({ description: "which units the domains share, METHODS §4; absent where it was not asked for" }),
  preference: preferenceSchema.nullable().optional().meta({
    description: "what is made of completions chosen and rejected, METHODS §2.3; absent where none were given",
  }),
  documents: z
    .array(
      z.object({
        id: z.string().meta({ description: "name of the file, with the number of the record" }),
        sha256: z.string().meta({ description: "of its bytes" }),
        domain: z.string().meta({ description: "its domain" }),
        bytes: count.meta({ description: "its bytes" }),
        tokens: count.meta({ description: "its tokens" }),
        nats: z.number().nullable().meta({ description: "its code length; null where losses were not taken" }),
      }),
    )
    .meta({ description: "every document, in the order of the text" }),
  passages: z
    .array(
      z.object({
        document: count.meta({ description: "place in `documents`" }),
        start: count.meta({ description: "byte offset in the document" }),
        text: z.string().meta({ description: "the text itself" }),
        bitsPerByte: z.number().nullable().meta({ description: "of this passage" }),
        ends: z.array(count).meta({ description: "byte ends of the tokens, from the passage's start" }),
        nats: z.array(z.number()).meta({ description: "code length of each token" }),
        expected: z
          .object({
            tokens: z.array(z.string()).meta({ description: "the tokens that occur in `best`, as they are spelt" }),
            each: z.number().int().positive().meta({ description: "likeliest tokens kept of a token of the text" }),
            best: z.array(z.number().int().min(-1)).meta({
              description: "`each` places in `tokens` a token, the likeliest first; −1 where none was expected",
            }),
            shares: z.array(z.number()).meta({ description: "the probability of each entry of `best`" }),
          })
          .optional()
          .meta({ description: "what was likeliest in place of the passage's first tokens; 12,288 tokens in all" }),
      }),
    )
    .meta({ description: "at most 200 kB of text, empty with --no-text" }),
  provenance: z
    .object({
      tool: z
        .object({
          name: z.literal("lossyscope").meta({ description: "this tool" }),
          version: z.string().meta({ description: "its version" }),
        })
        .meta({ description: "what measured" }),
      runtime: z
        .object({
          node: z.string().meta({ description: "version of Node" }),
          engine: z.string().meta({ description: "what ran the model, with its version" }),
          platform: z.string().meta({ description: "operating system and processor" }),
          threads: count.meta({ description: "threads of the engine" }),
          weights: z.literal("streamed").optional().meta({
            description:
              "`streamed`: read piece by piece, again for every group of batches; absent where all were held",
          }),
        })
        .meta({ description: "where it ran" }),
      served: z
        .object({
          server: z.string().meta({ description: "what served the model, with its version where it says it" }),
          requests: count.meta({ description: "requests that were made" }),
          again: count.meta({ description: "of them, those that were made again" }),
          tokens: count.meta({ description: "tokens of all prompts that were sent" }),
          price: z
            .number()
            .nullable()
            .meta({ description: "what they cost at the price that was given; null where none was" }),
        })
        .optional()
        .meta({ description: "METHODS §1.7; absent where the model ran here. Of the processes that finished the run" }),
      digests: digestsSchema.meta({ description: "SHA-256 of the model's files" }),
      reference: digestsSchema.optional().meta({
        description: "SHA-256 of the files of the model that it was read beside; absent where there was none",
      }),
      seeds: z
        .record(z.string(), z.union([z.number(), z.string()]))
        .meta({ description: "everything random, by what it decides" }),
      started: z
        .string()
        .meta({ description: "ISO 8601; the only fields that differ between two equal runs are in provenance" }),
      seconds: z.number().meta({ description: "what the measurement took" }),
      tokensPerSecond: z.number().nullable().meta({ description: "of the pass through the model" }),
      peakMemoryBytes: count.nullable().meta({ description: "largest memory of all processes" }),
    })
    .meta({ description: "everything that took part" }),
  refusals: z
    .array(
      z.object({
        figure: z.string().meta({ description: "path of the figure, or name of the document" }),
        reason: z.string().meta({ description: "why it is missing" }),
        remedy: z
          .string()
          .optional()
          .meta({ description: "what would make it possible; absent where nothing is known to" }),
      }),
    )
    .meta({ description: "figures refused rather than guessed" }),
});
export type Profile = z.infer<typeof profileSchema>;
