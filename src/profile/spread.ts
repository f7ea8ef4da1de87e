/** Profile sections `spread` and `sharing`: over how many units the domains of a text are spread, and which they share (METHODS §4). */
import { z } from "zod";
import { againstChanceSchema } from "./concepts.ts";
import { count, intervalSchema } from "./figures.ts";

const intervals = z
  .object({
    level: z.literal(0.95).meta({ description: "coverage that the intervals aim at" }),
    pools: count.meta({ description: "parts of a domain's text, of which an interval leaves one out at a time" }),
    absent: z.string().nullable().meta({ description: "why some have no interval, where some have none" }),
  })
  .meta({ description: "how the intervals of this section were made" });

export const spreadSchema = z.object({
  units: count.meta({ description: "units of all blocks' MLPs" }),
  domains: z
    .array(
      z.object({
        name: z.string().meta({ description: "the domain" }),
        tokens: count.meta({ description: "its tokens, over which contributions are means" }),
        pools: count.meta({ description: "parts that they were summed in" }),
        participation: intervalSchema.meta({
          description: "(Σ c)² / Σ c² over all units: how many carry it, were they equal",
        }),
        participationChance: againstChanceSchema
          .nullable()
          .meta({ description: "the same beside as many parts of any domains; low ones speak against chance" }),
        half: intervalSchema.meta({ description: "least share of the units that carry half of it" }),
        halfChance: againstChanceSchema.nullable().meta({ description: "likewise" }),
        blocks: z
          .array(
            z.object({
              share: z.number().meta({ description: "of all contributions, those of this block" }),
              participation: z.number().meta({ description: "(Σ c)² / Σ c² inside it, over its units" }),
            }),
          )
          .meta({ description: "one a block" }),
      }),
    )
    .meta({ description: "in order of name; without those that are too short" }),
  interval: intervals,
});
export type Spread = z.infer<typeof spreadSchema>;

export const domainSharingSchema = z.object({
  units: count.meta({ description: "units of all blocks' MLPs" }),
  top: count.meta({ description: "k, units that count as the top: a hundredth of all" }),
  domains: z.array(z.string()).meta({ description: "in order of name; without those that are too short" }),
  pairs: z
    .array(
      z.object({
        a: z.string().meta({ description: "one of two" }),
        b: z.string().meta({ description: "the other" }),
        cosine: againstChanceSchema.meta({
          description: "of their contributions, beside their parts dealt anew; low ones speak against chance",
        }),
        cosineInterval: intervalSchema.meta({ description: "the same with its interval" }),
        overlap: againstChanceSchema.meta({
          description: "units among the top of both, over k²/N; low ones speak against chance",
        }),
        overlapInterval: intervalSchema.meta({ description: "the same with its interval" }),
      }),
    )
    .meta({ description: "of every two" }),
  interval: intervals,
});
export type DomainSharing = z.infer<typeof domainSharingSchema>;
