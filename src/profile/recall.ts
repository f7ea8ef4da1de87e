/** Profile section `recall`: what comes back word for word, in gist, or merely because anybody would guess it (METHODS §5). */
import { z } from "zod";
import { count, intervalSchema } from "./figures.ts";

const memorised = intervalSchema.meta({
  description: "share of passages that come back exactly and that the control does not get right",
});
const exact = intervalSchema.meta({ description: "share of passages that come back byte for byte" });
const commonPrefix = intervalSchema.meta({ description: "bytes before the first difference / bytes of the passages" });

const verbatimSchema = z.object({
  prefix: count.meta({ description: "k: tokens of the prompt" }),
  exact,
  memorised,
  commonPrefix,
  editDistance: intervalSchema.meta({
    description: "mean of the fewest byte edits between continuation and truth / bytes of the longer",
  }),
  guess: z
    .object({ exact, commonPrefix })
    .nullable()
    .meta({ description: "the control on the same passages; null where there is none" }),
});
export type Verbatim = z.infer<typeof verbatimSchema>;

/** Passages of one kind, at the longest prefix. */
const groupShape = {
  passages: count.meta({ description: "passages of this kind" }),
  exact,
  memorised,
};

const occurrencesSchema = z.object({
  from: count.meta({ description: "fewest occurrences" }),
  to: count.meta({ description: "most occurrences" }),
  ...groupShape,
});
export type Occurrences = z.infer<typeof occurrencesSchema>;

const gistSchema = z.object({
  passages: count.meta({ description: "passages with a continuation" }),
  truth: intervalSchema.meta({ description: "mean cosine of continuation and truth" }),
  control: intervalSchema.meta({ description: "mean cosine of continuation and the truth of another document" }),
  difference: intervalSchema.meta({ description: "truth − control, in pairs" }),
});
export type Gist = z.infer<typeof gistSchema>;

const areaSchema = (score: string) =>
  intervalSchema.meta({ description: `probability that ${score} ranks a document of the text above an unseen one` });

const sideSchema = z.object({
  documents: count.meta({ description: "documents that hold a scored token" }),
  bytes: count.meta({ description: "their bytes" }),
  bitsPerByte: intervalSchema.meta({ description: "code length in bits / bytes" }),
});

const membershipSchema = z.object({
  seen: sideSchema.meta({ description: "the text" }),
  unseen: sideSchema.meta({ description: "the text given as never seen" }),
  gap: intervalSchema.meta({ description: "bits per byte on the seen text − on the unseen one" }),
  auc: z
    .object({
      loss: areaSchema("a low mean loss per token"),
      minK: areaSchema("a low mean loss of the dearest fifth of the tokens (Min-K%, k = 20)"),
      lossPerDeflate: areaSchema("a low code length / length deflated"),
    })
    .meta({ description: "areas under the curve of three membership scores" }),
  blind: areaSchema("order-5 statistics of the bytes, which know nothing of the model,"),
  shared: count.meta({ description: "documents given as unseen that are in the text, and were left out" }),
  warning: z.string().nullable().meta({ description: "why the areas are not memory alone, or null" }),
});
export type Membership = z.infer<typeof membershipSchema>;

export const recallSchema = z.object({
  passages: count.meta({ description: "passages asked for at every prefix length" }),
  documents: count.meta({ description: "documents they come from" }),
  length: count.meta({ description: "l: tokens of the continuation" }),
  skipped: z
    .object({
      documents: count.meta({ description: "documents that are too short" }),
      tokens: count.meta({ description: "tokens that a document must have: longest prefix + length" }),
    })
    .meta({ description: "documents no passage could be taken from" }),
  memorised: memorised.meta({
    description:
      "the headline: passages that come back exactly at the longest prefix and that the control does not get",
  }),
  control: z
    .object({
      source: z
        .enum(["unseen", "text"])
        .meta({ description: "the unseen text, or other documents of the text itself" }),
      bytes: count.meta({ description: "bytes that the order-5 byte model learnt" }),
    })
    .nullable()
    .meta({ description: "what says which passages anybody would guess; null where nothing is there to learn from" }),
  verbatim: z.array(verbatimSchema).meta({ description: "by prefix length, rising; the same places at all of them" }),
  places: z
    .array(
      z.object({
        place: z.enum(["start", "inside"]).meta({ description: "prompt opens its document, or lies inside it" }),
        ...groupShape,
      }),
    )
    .meta({ description: "by place, at the longest prefix" }),
  exposures: z
    .array(occurrencesSchema)
    .meta({ description: "by the records' field `exposures`, at the longest prefix; empty where records have none" }),
  repeats: z
    .array(occurrencesSchema)
    .meta({ description: "by how often prompt and passage stand in the text itself, at the longest prefix" }),
  gist: z
    .object({
      all: gistSchema.meta({ description: "all passages" }),
      inexact: gistSchema.meta({ description: "those that did not come back exactly" }),
    })
    .nullable()
    .meta({ description: "cosines of mean final-layer states, at the longest prefix" }),
  membership: membershipSchema
    .nullable()
    .meta({ description: "seen against unseen text; null where no unseen text was given" }),
  samples: z
    .array(
      z.object({
        document: count.meta({ description: "place in `documents`" }),
        token: count.meta({ description: "first token of the passage in its document" }),
        prompt: z.string().meta({ description: "the longest prefix as text" }),
        truth: z.string().meta({ description: "what follows in the document" }),
        came: z.string().meta({ description: "what came back" }),
        exact: z.boolean().meta({ description: "whether the two are the same" }),
        guessable: z.boolean().nullable().meta({ description: "whether the control gets it right; null without one" }),
        exposures: count.nullable().meta({ description: "of its record; null where it has none" }),
        repeats: count.meta({ description: "how often it stands in the text" }),
      }),
    )
    .meta({ description: "some passages, memorised ones first; empty with --no-text" }),
  interval: z
    .object({
      level: z.literal(0.95).meta({ description: "coverage that the intervals aim at" }),
      resamples: count.meta({ description: "bootstrap resamples" }),
      unit: z.enum(["document", "block"]).meta({ description: "what is resampled" }),
      units: count.meta({ description: "how many of them hold passages" }),
      absent: z.string().nullable().meta({ description: "why intervals are missing, or null" }),
    })
    .meta({ description: "how the intervals of this section were made; those of membership resample documents" }),
});
export type Recall = z.infer<typeof recallSchema>;
