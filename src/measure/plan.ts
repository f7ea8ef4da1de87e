/**
 * The options of a measurement, validated once. They are its provenance: the plan is stored whole in the profile, and
 * the digest of what decides the figures is the run's id (DESIGN, 'The way of the data' 1).
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalJson } from "../numeric/canonical-json.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { checked, type Naming } from "../numeric/schema-faults.ts";

const positive = z.number().int().positive();

export const temperatureSchema = z.union([z.enum(["bound", "exact", "leading-order"]), z.number().positive()]);

/** files, folders or `-`, each with its domain where one is named */
const sources = z.array(z.object({ path: z.string().min(1), domain: z.string().nullable().default(null) }));

export const planSchema = z
  .object({
    text: sources.min(1),
    /** text of the same kind that the model was not trained on; read as `text` is */
    unseen: sources.default([]),
    field: z.string().nullable().default(null),
    splitOn: z.string().nullable().default(null),
    labels: z.array(z.string()).default([]),
    limitBytes: positive.nullable().default(null),
    limitDocuments: positive.nullable().default(null),
    sample: z.boolean().default(false),
    invalidUtf8: z.enum(["error", "replace"]).default("error"),
    specialTokens: z.boolean().default(false),
    /** records are conversations, rendered by the model's own template; absent where they are texts */
    chat: z.literal(true).optional(),
    /** window length C, prefix included; where it was not asked for, the model's own limit if that is smaller */
    context: z.object({ tokens: positive.min(2).default(1024), asked: z.boolean().default(false) }).prefault({}),
    /** document tokens that a later window re-reads; half the window where null */
    overlap: z.number().int().nonnegative().nullable().default(null),
    /** padded tokens that go through the model together */
    batchTokens: positive.default(2048),
    seed: z.number().int().default(0),
    plane: z
      .object({
        points: positive.min(2).default(100),
        /** digest of the file that the reference points came from, or null: drawn from the seed */
        pointsDigest: z.string().nullable().default(null),
        draws: positive.default(1),
        temperature: temperatureSchema.default("bound"),
        allPositions: z.boolean().default(false),
        frontier: z
          .object({
            vocabulary: positive.default(512),
            clusters: positive.max(128).default(128),
            kappa: z.number().positive().default(16),
          })
          .nullable()
          .prefault({}),
      })
      .nullable()
      .prefault({}),
    geometry: z.boolean().default(true),
    preNorm: z.boolean().default(false),
    baselines: z.boolean().default(true),
    likeLmEval: z.boolean().default(false),
    entropy: z.boolean().default(false),
    trainingTokens: z.number().positive().nullable().default(null),
    trainingBytes: z.number().positive().nullable().default(null),
    keepText: z.boolean().default(true),
    keep: z.array(z.enum(["losses", "states"])).default([]),
    /** what is measured only where it is asked for */
    with: z.array(z.enum(["recall", "facts"])).default([]),
    recall: z
      .object({
        /** tokens of the prompts */
        prefixes: z.array(positive).min(1).default([8, 16, 32, 64]),
        /** tokens of the continuation */
        length: positive.default(32),
        passages: positive.default(256),
      })
      .prefault({}),
    facts: z
      .object({
        /** .jsonl or .csv */
        path: z.string().min(1),
        /** facts asked for, about as many for each number of exposures; null: all */
        limit: positive.nullable().default(256),
        /** of a fact */
        prompts: positive.nullable().default(2),
        /** by relation */
        templates: z.record(z.string(), z.array(z.string())).default({}),
      })
      .nullable()
      .default(null),
  })
  .strict();
export type Plan = z.infer<typeof planSchema>;

/**
 * What is left out of the options takes its default.
 * @param nameOf what an option is called where it was written, if not by its path: `--points`
 * @throws LossyscopeError `usage` naming the options that are wrong
 */
export function validatePlan(options: unknown, nameOf?: Naming): Plan {
  const plan = checked(
    planSchema,
    options,
    (faults) => new LossyscopeError("usage", `the options do not make a plan (${faults})`),
    nameOf,
  );
  const { text, unseen, facts, with: asked, chat, splitOn, likeLmEval } = plan;
  if (chat && splitOn !== null)
    throw new LossyscopeError(
      "usage",
      "--split-on cuts texts, and a conversation is one",
      "leave out one of --split-on and --chat",
    );
  if (chat && likeLmEval)
    throw new LossyscopeError(
      "usage",
      "lm-evaluation-harness scores texts, not conversations",
      "leave out one of --chat and --like",
    );
  if ([...text, ...unseen].filter(({ path }) => path === "-").length > 1)
    throw new LossyscopeError("usage", "standard input can be read once", "name - once among --text and --unseen");
  if (unseen.length > 0 && !asked.includes("recall"))
    throw new LossyscopeError("usage", "unseen text is for recall, which was not asked for", "pass --with recall");
  if (asked.includes("facts") !== (facts !== null))
    throw new LossyscopeError("usage", "facts are measured from a file of facts", "pass --with facts --facts FILE");
  return plan;
}

/**
 * The id of a measurement: a digest of the plan with the files' and the model's own digests in place of their names, so
 * that the same measurement has the same id wherever its files lie.
 */
export function runId(plan: Plan, digests: Readonly<Record<string, string | null>>): string {
  const { text: _where, unseen: _elsewhere, facts, ...rest } = plan;
  return createHash("sha256")
    .update(canonicalJson({ ...rest, facts: facts && { ...facts, path: null }, digests }))
    .digest("hex")
    .slice(0, 16);
}

/**
 * The window length for a model: what was asked for, or the default where the model has positions for it.
 * @throws LossyscopeError `usage` where more positions were asked for, in so many words, than the model has
 */
export function contextOf({ tokens, asked }: Plan["context"], positions: number | null): number {
  if (positions === null || tokens <= positions) return tokens;
  if (!asked) return positions;
  throw new LossyscopeError(
    "usage",
    `the model has ${positions} positions, --context asks ${tokens}`,
    `pass --context ${positions}`,
  );
}
