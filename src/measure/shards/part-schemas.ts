/**
 * What sealed files say (`checksummed.ts`), held against what it has to be before anybody goes by it: a seal shows that a file is as
 * it was written, not who wrote it. What probes have seen they check themselves, each by its own shape.
 *
 * Memory: the records of the documents once more; their texts and arrays are shared.
 */
import { z } from "zod";
import { almanacPages, pageSchema } from "../../almanac/record.ts";
import { expecting } from "../../numeric/schema-faults.ts";
import { CAPABILITIES, type Capability } from "../../ports/model.ts";
import { baselineSchema } from "../../profile/coding.ts";
import { count } from "../../profile/figures.ts";
import { geometrySchema } from "../../profile/geometry.ts";
import { planSchema } from "../../profile/plan.ts";
import { profileSchema } from "../../profile/profile.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import type { LlamaCppText } from "../llama-cpp/llama-cpp.ts";
import type { LmEvalCorpus, LmEvalNats } from "../lm-eval/lm-eval.ts";
import type { Subject } from "../prepare.ts";
import type { Foretold } from "../preparing/remedies.ts";
import type { Execution } from "../running/execution.ts";
import type { Part, Whole } from "./part.ts";

/** More than anybody cuts a measurement into, and more than any model has. */
const MOST = { parts: 2 ** 20, layers: 2 ** 12, width: 2 ** 20, vocabulary: 2 ** 31 };

const arrayOf = <A extends object>(type: new (length: number) => A): z.ZodType<A> =>
  z.custom<A>((value) => value instanceof type, { error: expecting(`a ${type.name}`) });
const amount = z.number().nonnegative();

const { model, corpus, ledger, provenance, refusals } = profileSchema.shape;
const { digests } = provenance.shape;

const metadataSchema = z.object({
  labels: z.record(z.string(), z.string()),
  exposures: count.nullable(),
  chat: z.object({ messages: count, messageBytes: count.nullable() }).nullable(),
  ofWhole: z.map(z.literal(almanacPages.name), pageSchema),
});

/** Whether the tokens of a document tile its bytes, which are those of its text. */
function isTiled({ text, bytes, ids, byteEnds }: TokenizedDocument): boolean {
  const rising = byteEnds.every((end, token) => token === 0 || end >= byteEnds[token - 1]);
  return (
    ids.length === byteEnds.length && rising && (byteEnds.at(-1) ?? 0) === bytes && Buffer.byteLength(text) === bytes
  );
}

const documentSchema: z.ZodType<TokenizedDocument> = z
  .object({
    index: count,
    id: z.string(),
    domain: z.string(),
    sha256: z.string(),
    text: z.string(),
    bytes: count,
    characters: count,
    ids: arrayOf(Int32Array),
    byteEnds: arrayOf(Uint32Array),
    normalised: z.boolean(),
    repairs: z.object({ bytes: count, bits: amount }),
    metadata: metadataSchema.optional(),
  })
  .refine(isTiled, { error: expecting("a document that its tokens tile") });

const lmEvalSchema: z.ZodType<LmEvalCorpus> = z
  .object({
    prefix: z.object({ id: count, token: z.string() }),
    maxLength: count.min(1),
    bytes: count,
    words: count,
    sequences: z.array(z.object({ id: z.string(), ids: arrayOf(Int32Array) })),
    byDefault: z.array(count),
    withoutBos: z.array(count).nullable(),
  })
  .refine(
    ({ sequences, byDefault, withoutBos }) =>
      [...byDefault, ...(withoutBos ?? [])].every((sequence) => sequence < sequences.length),
    { error: expecting("sequences that are there") },
  );

const llamaCppSchema: z.ZodType<LlamaCppText> = z.object({
  tokens: count,
  context: count.min(3),
  bos: z.object({ id: count, token: z.string() }).nullable(),
});

const foretoldSchema: z.ZodType<Foretold> = z.object({
  figure: z.string(),
  reason: z.string(),
  remedy: z.string(),
  have: z.number(),
  needs: z.number(),
  bound: z.enum(["least", "most"]),
  unit: z.string(),
});

const SHOWN: readonly Capability[] = ["assignments", "moments", "states"];

const subjectSchema: z.ZodType<Subject> = z
  .object({
    id: z.string(),
    title: z.string().nullable(),
    model: model.extend({
      layers: count.max(MOST.layers).nullable(),
      width: count.min(1).max(MOST.width).nullable(),
      vocabulary: count.min(1).max(MOST.vocabulary),
    }),
    // Parts of before models said what they can do are of folders, which can do everything.
    can: z.array(z.enum(CAPABILITIES)).default([...CAPABILITIES]),
    plan: planSchema,
    context: count,
    overlap: count,
    documents: z.array(documentSchema).refine((documents) => documents.every(({ index }, place) => index === place), {
      error: expecting("documents in their order"),
    }),
    prefix: z.object({ id: count, addedByTokenizer: z.boolean() }).nullable(),
    likeLmEval: lmEvalSchema.nullable(),
    likeLlamaCpp: llamaCppSchema.nullable().default(null),
    corpus,
    digests,
    reference: z
      .object({
        m: count.min(2),
        draws: count.min(1),
        source: z.string(),
        temperature: z.object({
          rule: z.enum(["bound", "exact", "leading-order", "given"]),
          epsilon: z.number().positive(),
        }),
      })
      .nullable(),
    refusals,
    foretold: z.array(foretoldSchema),
  })
  .refine(
    ({ model: { layers, width }, can }) =>
      (layers !== null && width !== null) || !SHOWN.some((one) => can.includes(one)),
    {
      error: expecting("a model with layers and a width where its states are shown"),
    },
  );

/** What a plan needs once, in the first part. */
export const wholeSchema: z.ZodType<Whole> = z.object({
  subject: subjectSchema,
  asides: z.object({
    ledger,
    baselines: z.object({
      overall: z.array(baselineSchema),
      domains: z.record(z.string(), z.array(baselineSchema)),
      refusals,
    }),
    embedding: geometrySchema.shape.embedding,
  }),
});

const ranSchema: z.ZodType<Execution> = z.object({
  node: z.string(),
  platform: z.string(),
  engine: z.string(),
  threads: count,
  started: z.string(),
  seconds: amount,
  tokens: count,
  passSeconds: amount,
  enginePeakBytes: count,
  ownPeakBytes: count,
  streams: z.literal(true).optional(),
  served: z
    .object({ server: z.string(), requests: count, again: count, tokens: count, price: amount.nullable() })
    .optional(),
});

const natsSchema: z.ZodType<LmEvalNats> = z.array(z.tuple([count, z.number()]));

export const partSchema: z.ZodType<Part> = z
  .object({
    id: z.string(),
    index: count.min(1),
    count: count.min(1).max(MOST.parts),
    plan: planSchema,
    digests: z.record(z.string(), z.string().nullable()),
    ran: ranSchema,
    likeLmEval: z.map(count, natsSchema).nullable(),
    likeLlamaCpp: arrayOf(Float32Array).nullable().default(null),
  })
  .refine(({ index, count: all }) => index <= all, { error: expecting("a part of those that there are") });
