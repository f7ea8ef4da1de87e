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
    description: "(unknown floor + g − bits per byte) / (unknown floor − known floor)",
  }),
  shareOfKnowledgeWithoutGap: intervalSchema.meta({ description: "the same with g = 0" }),
});

export const almanacSchema = z.object({
  ...pagesSchema.shape,
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
