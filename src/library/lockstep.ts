/** Two models over one text in one call: `measure/lockstep/` with everything that a program need not say filled in. */
import { measureLockstep } from "../measure/lockstep/lockstep.ts";
import { validatePlan } from "../measure/plan.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { eachAtPrecision, type Model } from "../ports/model.ts";
import type { Lockstep } from "../profile/lockstep.ts";
import type { PlanOptions } from "../profile/plan.ts";
import { machineOf, opened, type Reading, type Run, sourcesOf, type Text } from "./given.ts";

export interface LockstepOptions extends Run, Reading, Pick<PlanOptions, "likeLlamaCpp" | "keepText" | "precision"> {
  readonly text: Text;
}

/**
 * Reads a text with two models side by side: how far the second is from the first, token by token (METHODS §12.1).
 * @param reference by which the other is judged: a folder, a GGUF file, `org/name[@revision]`, or what `openModel` gave
 * @throws LossyscopeError `unsupported` where their vocabularies differ; by what is wrong with models, text, options, machine;
 *   `interrupted` when stopped
 */
export async function lockstep(
  reference: string | Model,
  model: string | Model,
  { text, threads, progress, signal, offline, ...plan }: LockstepOptions,
): Promise<Lockstep> {
  const run = { offline, progress, signal };
  const [p, q] = eachAtPrecision([await opened(reference, run), await opened(model, run)], plan.precision);
  const found = await measureLockstep({
    ...machineOf({ threads, progress, signal }),
    reference: p,
    model: q,
    plan: validatePlan({ ...plan, text: sourcesOf(text) }),
  });
  if ("absent" in found)
    throw new LossyscopeError("unsupported", found.absent, "compare their profiles, which need no common vocabulary");
  return found;
}
