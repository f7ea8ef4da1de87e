/** A measurement in one call: `measure/` with everything that a program need not say filled in. */
import { availableParallelism } from "node:os";
import { type MeasureRequest, measure as measured } from "../measure/measure.ts";
import { validatePlan } from "../measure/plan.ts";
import { defaultWorkFolder } from "../measure/run-folder.ts";
import type { Model } from "../ports/model.ts";
import { SILENT } from "../ports/progress.ts";
import type { PlanOptions } from "../profile/plan.ts";
import type { Profile } from "../profile/profile.ts";
import { openModel } from "../references/open.ts";

export interface MeasureOptions
  extends Omit<PlanOptions, "text">,
    Partial<Pick<MeasureRequest, "threads" | "work" | "resume" | "progress" | "signal" | "title">> {
  /** files and folders; with a domain where that is not the file's own */
  readonly text: string | readonly (string | { readonly path: string; readonly domain?: string })[];
  /** nothing is downloaded */
  readonly offline?: boolean;
}

/**
 * @param model a folder in the Hugging Face layout, `org/name[@revision]`, or what `openModel` gave
 * @param options those of a plan (METHODS; `lossyscope/measure` `validatePlan`), where it runs, and what it tells
 * @throws LossyscopeError by what is wrong with model, text, options, machine; `interrupted` when stopped
 */
export async function measure(model: string | Model, options: MeasureOptions): Promise<Profile> {
  const { text, threads, work, resume, progress, signal, title, offline, ...plan } = options;
  const sources = (typeof text === "string" ? [text] : text).map((one) =>
    typeof one === "string" ? { path: one } : one,
  );
  const { profile } = await measured({
    model: typeof model === "string" ? await openModel(model, { offline, signal }) : model,
    plan: validatePlan({ ...plan, text: sources }),
    points: null,
    threads: threads ?? availableParallelism(),
    work: work ?? defaultWorkFolder(),
    resume: resume ?? false,
    progress: progress ?? SILENT,
    signal,
    title,
  });
  return profile;
}
