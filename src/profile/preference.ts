/** Profile section `preference`: what a model makes of completions that were chosen and rejected (METHODS §2.3). */
import { z } from "zod";
import { againstChanceSchema } from "./concepts.ts";
import { count, intervalSchema, share } from "./figures.ts";

const sideSchema = z.object({
  tokens: count.meta({ description: "tokens of the completions" }),
  bytes: count.meta({ description: "bytes that these stand for" }),
  bitsPerByte: intervalSchema.meta({ description: "code length behind the prompts" }),
});

const cheaperSchema = z.object({
  share: intervalSchema.meta({ description: "share of the pairs whose chosen completion costs less; equal ones half" }),
  chance: againstChanceSchema.meta({ description: "the same where labels are swapped inside pairs by a coin" }),
});

const informationOf = {
  heldOut: intervalSchema.meta({ description: "METHODS §2.4, pairs held out: the headline" }),
  heldOutChance: againstChanceSchema.meta({ description: "the same where labels are swapped inside pairs" }),
  plugin: againstChanceSchema.meta({ description: "METHODS §2.3, biased upward, beside the same swaps" }),
};

export const preferenceSchema = z.object({
  source: z
    .object({
      name: z.string().meta({ description: "name of the file" }),
      digest: z.string().meta({ description: "SHA-256 of it" }),
    })
    .meta({ description: "where the pairs are from" }),
  pairs: count.meta({ description: "pairs that figures are of, each a unit" }),
  total: count.meta({ description: "pairs in the file" }),
  chosen: sideSchema.meta({ description: "completions that were chosen" }),
  rejected: sideSchema.meta({ description: "completions that were rejected" }),
  difference: intervalSchema.meta({ description: "bits per byte of chosen less those of rejected, in pairs" }),
  differenceChance: againstChanceSchema.meta({ description: "the same where labels are swapped; low ones speak" }),
  cheaper: cheaperSchema.meta({ description: "by code length per byte" }),
  cheaperInTotal: cheaperSchema.meta({ description: "by code length, which favours the shorter one" }),
  information: z
    .object({
      referencePoints: count.meta({ description: "m" }),
      lnM: z.number().meta({ description: "ln m in nats: multiply a share by it, and divide by ln 2 for bits" }),
      epsilon: z.number().meta({ description: "ε of the soft assignment" }),
      fitted: count.meta({ description: "pairs that labels are learnt on" }),
      evaluated: count.meta({ description: "pairs held out" }),
      layers: z
        .array(
          z.object({
            layer: count.meta({ description: "0: the embedding output" }),
            entropy: share.meta({ description: "H(Z) over the tokens of the completions" }),
            ...informationOf,
            kappa: z.tuple([z.number().nullable(), z.number().nullable()]).meta({
              description: "back-off strength for odd and even evaluated pairs, null: infinite",
            }),
            shift: share.meta({ description: "KL(mean evaluated p ‖ fitted p)" }),
          }),
        )
        .meta({ description: "0..L" }),
      summary: z.object(informationOf).meta({ description: "mean over blocks 1..L" }),
    })
    .nullable()
    .meta({ description: "what layers tell of which was chosen, shares of ln m; null where that is refused" }),
  notes: z.array(z.string()).meta({ description: "what a reader of these figures must know" }),
});
export type Preference = z.infer<typeof preferenceSchema>;
