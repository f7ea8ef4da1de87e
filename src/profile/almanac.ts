/** Profile section `almanac`: what the model knows of a world whose entropy is known (METHODS §9). */
import { z } from "zod";
import { count, intervalSchema } from "./figures.ts";

const perByte = z.number().meta({ description: "bits per byte" });

/** Pages of one kind: what they cost the model and the two readers whose costs are known. */
const pagesSchema = z.object({
  pages: count.meta({ description: "held-out pages" }),
  bytes: count.meta({ description: "their bytes" }),
  bitsPerByte: intervalSchema.meta({ description: "what they cost the model" }),
  floorKnown: perByte.meta({ description: "bits per byte for a reader who knows the world" }),
  floorUnknown: perByte.meta({ description: "bits per byte for a reader who knows the language and not the world" }),
});

const sharesSchema = z.object({
  shareOfKnowledge: intervalSchema.meta({
    description:
      "superseded by `knowledge.share`, and here for one more version: (unknown floor + g − bits per byte) / (unknown floor − known floor), which can pass 1",
  }),
  shareOfKnowledgeWithoutGap: intervalSchema.meta({ description: "superseded too: the same with g = 0" }),
});

/** What the facts of some pages cost, against their priors. */
const factCostsSchema = z.object({
  pages: count.meta({ description: "pages that state them" }),
  facts: count.meta({ description: "facts, as often as they are stated" }),
  priorBits: z.number().meta({ description: "what they cost a reader who knows the language and not the world" }),
  share: intervalSchema.meta({
    description:
      "1 − bits of a reader who trusts the model as far as it is worth and else guesses by the prior / prior bits; at most 1",
  }),
  unhedged: intervalSchema.meta({
    description: "1 − bits of the model / prior bits: the model at its word; at most 1, below 0 where it is too sure",
  }),
});

const worldKnowledgeSchema = z.object({
  ...factCostsSchema.shape,
  control: factCostsSchema.nullable().meta({
    description:
      "the same on pages about entities never seen, where there is nothing to know; null where there are none",
  }),
  exposures: z
    .array(
      z.object({
        exposures: count.meta({ description: "training pages that state the subject's facts" }),
        ...factCostsSchema.shape,
        trust: z.number().meta({ description: "weight of the model in that reader's bets, best for all these pages" }),
      }),
    )
    .meta({ description: "by exposure, rising: pages held out and balanced ones together" }),
  relations: z
    .array(
      z.object({
        relation: z.string().meta({ description: "with its kind: `person.trade`" }),
        ...factCostsSchema.shape,
        control: intervalSchema.nullable().meta({
          description: "the share on pages about entities never seen; null where none states the relation",
        }),
      }),
    )
    .meta({ description: "by relation, on held-out pages about known entities" }),
  leftOut: z
    .object({
      pages: count.meta({ description: "whose text the tokens do not give back" }),
      facts: count.meta({ description: "whose value shares a token with words before it" }),
    })
    .meta({ description: "what has no part in the figures" }),
});
export type WorldKnowledge = z.infer<typeof worldKnowledgeSchema>;

export const almanacSchema = z.object({
  ...pagesSchema.shape,
  knowledge: worldKnowledgeSchema.nullable().optional().meta({
    description: "how much of the pages' facts the model knows; null where it cannot be said, absent in older profiles",
  }),
  ...sharesSchema.shape,
  aboveFloor: intervalSchema.meta({ description: "bits per byte / known floor − 1" }),
  languageGap: intervalSchema.meta({
    description: "g: bits per byte less the unknown floor on pages about entities never seen",
  }),
  unseen: pagesSchema.nullable().meta({ description: "pages about entities never seen; null where there are none" }),
  exposures: z
    .array(
      z.object({
        exposures: count.meta({ description: "training pages that state the subject's facts" }),
        ...pagesSchema.shape,
        ...sharesSchema.shape,
      }),
    )
    .meta({ description: "by exposure, rising: pages held out and balanced ones together" }),
  interval: z
    .object({
      level: z.literal(0.95).meta({ description: "coverage that the intervals aim at" }),
      resamples: count.meta({ description: "bootstrap resamples of pages" }),
      absent: z.string().nullable().meta({ description: "why intervals are missing, or null" }),
    })
    .meta({ description: "how the intervals of this section were made" }),
});
export type Almanac = z.infer<typeof almanacSchema>;
