/**
 * The options of a measurement, validated once. They are its provenance: the plan is stored whole in the profile, and
 * the digest of what decides the figures is the run's id (DESIGN, 'The way of the data' 1).
 */
import { createHash } from "node:crypto";
import { count } from "../numeric/amounts.ts";
import { canonicalJson } from "../numeric/canonical-json.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { checked, type Naming } from "../numeric/schema-faults.ts";
import { type Plan, planSchema } from "../profile/plan.ts";

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
  const { text, unseen, facts, with: asked, chat, splitOn, precision, likeLmEval, likeLlamaCpp, pairs } = plan;
  if (chat && splitOn !== null)
    throw new LossyscopeError(
      "usage",
      "--split-on cuts texts, and a conversation is one",
      "leave out one of --split-on and --chat",
    );
  if (chat && (likeLmEval || likeLlamaCpp))
    throw new LossyscopeError(
      "usage",
      `${likeLmEval ? "lm-evaluation-harness" : "llama-perplexity"} scores texts, not conversations`,
      "leave out one of --chat and --like",
    );
  if (chat && pairs)
    throw new LossyscopeError(
      "usage",
      "pairs are texts, not conversations",
      "leave out --chat, or measure the pairs by themselves",
    );
  const stepping = asked.filter((what) => what === "recall" || what === "facts");
  if (precision && precision !== "fast" && stepping.length > 0)
    throw new LossyscopeError(
      "usage",
      `--precision ${precision} is of the pass over the text, ${stepping.join(" and ")} of steps besides, which are exact`,
      `leave out --precision, or --with ${stepping.join(" ")}`,
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
  const { text: _where, unseen: _elsewhere, facts, concepts: _sets, pairs, ...rest } = plan;
  return createHash("sha256")
    .update(
      canonicalJson({
        ...rest,
        facts: facts && { ...facts, path: null },
        ...(pairs && { pairs: { ...pairs, path: null } }),
        digests,
      }),
    )
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
    `the model has ${count(positions)} positions, --context asks ${count(tokens)}`,
    `pass --context ${positions}`,
  );
}
