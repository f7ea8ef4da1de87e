/**
 * The profile: the one JSON document a measurement ends in (DESIGN, 'The way of the data' 7). Everything shown anywhere
 * is drawn from it. The schema below is published as `schema/profile.schema.json`.
 */
import { z } from "zod";
import { codingSchema } from "./coding.ts";
import { count, intervalSchema } from "./figures.ts";
import { geometrySchema } from "./geometry.ts";
import { ledgerSchema } from "./ledger.ts";
import { planeSchema } from "./plane.ts";

export const PROFILE_SCHEMA = "lossyscope.profile/1";

export const profileSchema = z.object({
  schema: z.literal(PROFILE_SCHEMA),
  id: z.string().meta({ description: "digest of the plan: the same id is the same measurement" }),
  title: z
    .string()
    .nullable()
    .meta({ description: "a line the reader must see first (`this model is untrained`), or null" }),
  model: z.object({
    name: z.string().meta({ description: "org/name[@revision] or the folder's own name; never a path" }),
    revision: z.string().nullable(),
    architecture: z.string(),
    layers: count,
    width: count,
    vocabulary: count,
    positions: count.nullable(),
  }),
  plan: z.record(z.string(), z.unknown()).meta({ description: "every option of the measurement, as validated" }),
  corpus: z.object({
    name: z.string(),
    digest: z.string(),
    documents: count,
    bytes: count,
    characters: count,
    tokens: count,
    unit: z.enum(["document", "block"]),
    units: count,
    domains: z.record(z.string(), z.object({ documents: count, bytes: count })),
    normalised: count.meta({ description: "documents a normaliser changed" }),
    refused: count.meta({ description: "documents that could not be aligned with their tokens" }),
    invalidUtf8: count.meta({ description: "byte sequences replaced on request" }),
  }),
  ledger: ledgerSchema,
  coding: codingSchema.nullable(),
  plane: planeSchema.nullable(),
  geometry: geometrySchema.nullable(),
  documents: z.array(
    z.object({
      id: z.string(),
      sha256: z.string(),
      domain: z.string(),
      bytes: count,
      tokens: count,
      nats: z.number().nullable(),
    }),
  ),
  passages: z
    .array(
      z.object({
        document: count,
        start: count.meta({ description: "byte offset in the document" }),
        text: z.string(),
        bitsPerByte: intervalSchema.shape.value,
        ends: z.array(count).meta({ description: "byte ends of the tokens, from the passage's start" }),
        nats: z.array(z.number()).meta({ description: "code length of each token" }),
      }),
    )
    .meta({ description: "at most 200 kB of text, empty with --no-text" }),
  provenance: z.object({
    tool: z.object({ name: z.literal("lossyscope"), version: z.string() }),
    runtime: z.object({ node: z.string(), engine: z.string(), platform: z.string(), threads: count }),
    digests: z.object({ config: z.string(), weights: z.string(), tokenizer: z.string().nullable() }),
    seeds: z.record(z.string(), z.union([z.number(), z.string()])),
    started: z
      .string()
      .meta({ description: "ISO 8601; the only fields that differ between two equal runs are in provenance" }),
    seconds: z.number(),
    tokensPerSecond: z.number().nullable(),
    peakMemoryBytes: count.nullable(),
  }),
  refusals: z.array(z.object({ figure: z.string(), reason: z.string() })),
});
export type Profile = z.infer<typeof profileSchema>;
