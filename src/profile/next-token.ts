/** Profile section `nextToken`: how often the likeliest token is the next one, and whether the model knows (METHODS §1.5). */
import { z } from "zod";
import { count, intervalSchema } from "./figures.ts";

const binSchema = z.object({
  tokens: count.meta({ description: "tokens whose likeliest one has a probability in this tenth" }),
  confidence: z.number().nullable().meta({ description: "mean probability of the likeliest token; null without any" }),
  accuracy: intervalSchema.meta({ description: "share of them where the likeliest token is the text's" }),
});

const figuresSchema = z
  .object({
    tokens: count.meta({ description: "predicted tokens" }),
    accuracy: intervalSchema.meta({ description: "share of them where the likeliest token is the text's (top-1)" }),
    confidence: intervalSchema.meta({ description: "mean probability of the likeliest token" }),
    calibrationError: intervalSchema.meta({
      description: "expected calibration error over ten equal bins of the likeliest token's probability",
    }),
    bins: z.array(binSchema).length(10).meta({ description: "from the least confident tenth to the most" }),
  })
  .meta({ id: "NextTokenFigures", description: "top-1 accuracy and calibration, METHODS §1.5" });
export type NextTokenFigures = z.infer<typeof figuresSchema>;

export const nextTokenSchema = z.object({
  overall: figuresSchema.meta({ description: "over the whole text" }),
  domains: z
    .record(z.string(), figuresSchema)
    .meta({ description: "by domain; those without a predicted token left out" }),
  interval: z
    .object({
      level: z.number().meta({ description: "of the intervals" }),
      resamples: count.meta({ description: "of the bootstrap; 0 without intervals" }),
      absent: z.string().nullable().meta({ description: "why there are no intervals, or null" }),
    })
    .meta({ description: "the intervals" }),
});
export type NextToken = z.infer<typeof nextTokenSchema>;
