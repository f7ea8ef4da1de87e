/** What calls have in common: where they run and what they tell, a model by name or opened, profiles with or without a file. */
import { availableParallelism } from "node:os";
import type { Named } from "../atlas/text.ts";
import type { Model } from "../ports/model.ts";
import { type ProgressSink, SILENT } from "../ports/progress.ts";
import type { PlanOptions } from "../profile/plan.ts";
import type { Profile } from "../profile/profile.ts";
import { openModel } from "../references/open.ts";
import { downloadProgress } from "./download.ts";

/** Where a call runs, and whom it tells how far it is. */
export interface Machine {
  /** all cores where not given */
  readonly threads?: number;
  /** nobody where not given; `createProgress(process.stderr)` shows it as the commands do */
  readonly progress?: ProgressSink;
  /** stops the work, which then throws `interrupted` */
  readonly signal?: AbortSignal;
}

/** The same, and whether a model that is not here may be fetched. */
export interface Run extends Machine {
  /** nothing is downloaded */
  readonly offline?: boolean;
}

export const machineOf = ({ threads = availableParallelism(), progress = SILENT, signal }: Machine) => ({
  threads,
  progress,
  signal,
});

/** @throws LossyscopeError as `openModel` */
export const opened = async (model: string | Model, { offline, progress = SILENT, signal }: Run): Promise<Model> =>
  typeof model === "string" ? openModel(model, { offline, signal, onDownload: downloadProgress(progress) }) : model;

/** Files and folders; with a domain where that is not the file's own. */
export type Text = string | readonly (string | { readonly path: string; readonly domain?: string })[];

/** What says which of a text is read, and how. */
export type Reading = Pick<
  PlanOptions,
  | "field"
  | "splitOn"
  | "limitBytes"
  | "limitDocuments"
  | "sample"
  | "invalidUtf8"
  | "specialTokens"
  | "chat"
  | "context"
  | "overlap"
  | "batchTokens"
  | "seed"
>;

export const sourcesOf = (text: Text): { readonly path: string; readonly domain?: string }[] =>
  (typeof text === "string" ? [text] : text).map((one) => (typeof one === "string" ? { path: one } : one));

/** A profile, by itself or with the file that tells it from another one of the same model. */
export type GivenProfile = Profile | Named;

/** One that came without a file is called by its model's name. */
export const named = (given: GivenProfile): Named =>
  "profile" in given ? given : { file: given.model.name, profile: given };
