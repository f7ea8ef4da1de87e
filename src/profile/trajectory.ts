/**
 * The trajectory: the JSON document that measuring the checkpoints of one training run ends in (METHODS §2.8). What it says
 * of each step is taken from that step's profile; shown is what is drawn from this document alone. The schema below is
 * published as `schema/trajectory.schema.json`.
 */
import { z } from "zod";
import { baselineSchema } from "./coding.ts";
import { count, intervalSchema, share } from "./figures.ts";
import { frontierSchema } from "./plane.ts";

/** Name and version of the document of a run. */
export const TRAJECTORY_SCHEMA = "lossyscope.trajectory/1";

const informations = {
  complexity: intervalSchema.meta({ description: "I(input token; Z), held out, share of ln m" }),
  expressivity: intervalSchema.meta({ description: "I(next token; Z), held out, share of ln m" }),
  optimality: intervalSchema.meta({ description: "expressivity / complexity" }),
};

const stepSchema = z.object({
  step: count.meta({ description: "step of the run" }),
  name: z.string().meta({ description: "name of the checkpoint: its folder's, or its revision on the Hub" }),
  commit: z.string().nullable().meta({ description: "commit on the Hub; null for a folder" }),
  profile: z.string().meta({ description: "id of the profile that the figures are from" }),
  trainedTokens: count.nullable().meta({ description: "tokens read by then, where the run's log tells" }),
  bitsPerByte: intervalSchema.meta({ description: "code length in bits / bytes" }),
  almanac: z
    .object({
      bitsPerByte: intervalSchema.meta({ description: "on held-out pages about known entities" }),
      knowledge: intervalSchema.nullable().optional().meta({
        description: "share of knowledge, METHODS §9; null where it cannot be said, absent in older trajectories",
      }),
      shareOfKnowledge: intervalSchema.meta({
        description:
          "superseded by `knowledge`, and here for one more version; null where no page is about entities unseen",
      }),
      shareOfKnowledgeWithoutGap: intervalSchema.meta({ description: "superseded too: the same with g = 0" }),
    })
    .nullable()
    .meta({ description: "what the model knows of the almanac's world; null where the text is no almanac" }),
  plane: z
    .object({
      mean: z.object(informations).meta({ description: "mean over blocks; optimality is the ratio of the means" }),
      layers: z
        .array(
          z.object({
            layer: count.meta({ description: "0 is the embedding output" }),
            ...informations,
            hollow: z.boolean().meta({ description: "held-out and plug-in complexity differ by more than a fifth" }),
            entropy: share.meta({ description: "H(Z), share of ln m" }),
          }),
        )
        .meta({ description: "by layer, the embedding output first" }),
    })
    .nullable()
    .meta({ description: "order 1 of the information plane; null where it was not measured" }),
  effectiveRank: z
    .object({
      mean: z.number().nullable().meta({ description: "over blocks; null where a block has none" }),
      layers: z.array(z.number().nullable()).meta({ description: "by layer, the embedding output first" }),
    })
    .nullable()
    .meta({ description: "exp of the entropy of λ / Σλ, METHODS §3; null where it was not measured" }),
});

/** The document of a run, as zod checks it. */
export const trajectorySchema = z.object({
  schema: z.literal(TRAJECTORY_SCHEMA).meta({ description: "name and version of this schema" }),
  run: z
    .object({
      name: z.string().meta({ description: "folder of the run, or org/name on the Hub; never a path" }),
      architecture: z.string().meta({ description: "model_type of its config" }),
      blocks: count.meta({ description: "blocks of the model" }),
      width: count.meta({ description: "dimensions of the hidden state" }),
      parameters: count.meta({ description: "all parameters, tied ones once" }),
    })
    .meta({ description: "what was trained" }),
  plan: z.record(z.string(), z.unknown()).meta({
    description: "options that every step was measured with; the frontier and other compressors, first step alone",
  }),
  corpus: z
    .object({
      name: z.string().meta({ description: "the text's own name; never a path" }),
      digest: z.string().meta({ description: "SHA-256 over the documents' domains and digests, in order" }),
      documents: count.meta({ description: "documents measured" }),
      bytes: count.meta({ description: "UTF-8 bytes as given" }),
      tokens: count.meta({ description: "tokens of the text, without prefixes" }),
      unit: z.enum(["document", "block"]).meta({ description: "what every interval resamples, METHODS §0" }),
      units: count.meta({ description: "how many of them there are" }),
      tokenizer: z.string().nullable().meta({ description: "SHA-256 of the tokenizer's files, the same at all steps" }),
      floors: z
        .object({
          known: z.number().meta({ description: "for a reader who knows the world, bits per byte" }),
          unknown: z.number().meta({ description: "for a reader who knows the language alone, bits per byte" }),
        })
        .nullable()
        .meta({ description: "of an almanac's held-out pages about known entities, METHODS §9; else null" }),
      baselines: z.array(baselineSchema).meta({ description: "other compressors on the same bytes" }),
    })
    .meta({ description: "the text that every step was measured on" }),
  plane: z
    .object({
      referencePoints: count.meta({ description: "m" }),
      source: z.string().meta({ description: "seed, or digest of the file the points came from" }),
      lnM: z.number().meta({ description: "ln m in nats: multiply a share by it, and divide by ln 2 for bits" }),
      epsilon: z.number().meta({ description: "ε of the soft assignment" }),
      evaluated: count.meta({ description: "units held out, which every held-out figure is taken on" }),
      absent: z.string().nullable().meta({ description: "why held-out figures or their intervals are missing" }),
      frontier: frontierSchema.nullable().meta({ description: "best codes of the corpus itself, METHODS §2.7" }),
    })
    .nullable()
    .meta({ description: "what the planes of all steps have in common; null where none was measured" }),
  steps: z.array(stepSchema).min(1).meta({ description: "in order of the steps" }),
  phaseChange: z
    .object({
      found: z.boolean().meta({ description: "whether a phase change inside the run is claimed" }),
      step: count.meta({ description: "step of the largest held-out complexity, mean over blocks" }),
      interval: z
        .object({
          low: count.meta({ description: "first step" }),
          high: count.meta({ description: "last step" }),
        })
        .nullable()
        .meta({ description: "95 % interval of that step, ends at measured steps; null: no interval" }),
      fall: intervalSchema.meta({
        description: "complexity there less complexity at the last step, share of ln m; simultaneous over steps",
      }),
      reason: z.string().nullable().meta({ description: "why none is claimed, or null" }),
    })
    .nullable()
    .meta({ description: "METHODS §2.8; null where complexity was not held out" }),
  training: z
    .array(
      z.object({
        step: z.number().meta({ description: "geometric mean of the steps taken together" }),
        nats: z.number().meta({ description: "mean loss for each token of these steps" }),
      }),
    )
    .nullable()
    .meta({ description: "training loss from the run's log, on the run's own text; null where there is none" }),
  tool: z
    .object({
      name: z.literal("lossyscope").meta({ description: "this tool" }),
      version: z.string().meta({ description: "its version" }),
    })
    .meta({ description: "what measured" }),
});
export type Trajectory = z.infer<typeof trajectorySchema>;
export type TrajectoryStep = Trajectory["steps"][number];
