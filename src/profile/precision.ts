/** What it cost to compute otherwise than in float32 throughout (METHODS §0 Precision): part of a profile. */
import { z } from "zod";
import { count } from "./figures.ts";

/** Ways other than exact, by their names on the command line. */
export const PRECISIONS = ["fast"] as const;

export const precisionSchema = z.object({
  kind: z.enum(PRECISIONS).meta({ description: "`fast`: what meets codes of weights is rounded to 8 bits in groups" }),
  difference: z
    .object({
      tokens: count.meta({ description: "tokens of the text's first windows, read both ways side by side" }),
      bytes: count.meta({ description: "their UTF-8 bytes" }),
      bitsPerByte: z.number().meta({ description: "bits per byte less those of the exact way" }),
      largest: z.number().meta({ description: "largest difference of a token in size, in bits" }),
      kl: z.number().meta({ description: "mean KL(exact‖this) a token, in bits" }),
      agreement: z
        .number()
        .meta({ description: "share of tokens before which both held the same token for likeliest" }),
    })
    .meta({ description: "how far it is from the exact way" }),
});
export type Precision = z.infer<typeof precisionSchema>;
export type PrecisionKind = Precision["kind"];
