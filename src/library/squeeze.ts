/** Squeezing in one call: `measure/squeeze/` with everything that a program need not say filled in. */
import { validatePlan } from "../measure/plan.ts";
import { defaultWorkFolder } from "../measure/running/run-folder.ts";
import { budgetNamed, mixableApart, mixedName } from "../measure/squeeze/budget.ts";
import { type AskedPoint, askedPoints, refuseImpossible, type Spared, usualGroups } from "../measure/squeeze/points.ts";
import { measureSqueezing } from "../measure/squeeze/squeeze.ts";
import { formatOf, type WriteFormat, type WriteRequest } from "../measure/squeeze/write.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { type Model, requireDecoder } from "../ports/model.ts";
import type { PlanOptions } from "../profile/plan.ts";
import type { Squeezing } from "../profile/squeeze.ts";
import { type Transform, transformNamed } from "../squeeze/transform.ts";
import { machineOf, opened, type Reading, type Run, sourcesOf, type Text } from "./given.ts";

/** What is tried where nothing is named. */
export const TRIES: readonly string[] = ["q8", "q6", "q5", "q4", "q3", "q2"];

/** Types of values, as configs of models name them. */
export const DTYPES = { float32: "F32", float16: "F16", bfloat16: "BF16" } as const satisfies Readonly<
  Record<string, NonNullable<WriteRequest["dtype"]>>
>;

/** What is tried on a model. */
export interface Tried {
  /** rounding to so many bits (`q4`, in each of `groups`; `q4g32a`), GGUF types (`Q4_K`); 8 … 2 bits where nothing at all is named */
  readonly try?: readonly string[];
  /** values of a row that share a scale, or `row`; those of 32, 64, 128 that divide all rows where not given */
  readonly groups?: readonly (number | string)[];
  /** whether every rounding is tried with zero points as well */
  readonly asymmetric?: boolean;
  /** per cent of the blocks' matrices that are set to zero */
  readonly prune?: readonly number[];
  /** n of every m values of a row: `2:4` */
  readonly patterns?: readonly string[];
  /** shares of each matrix's energy below 1, or ranks */
  readonly rank?: readonly number[];
  /** other text of the same kind: `prune`, `patterns` and `rank` are then tried by what the inputs of the matrices are like as well */
  readonly calibration?: Text;
  /** so many blocks less, the least harmful first */
  readonly dropBlocks?: readonly number[];
  /** whether tokens that nothing needs are left out: neither the text, nor these others */
  readonly trimVocabulary?: boolean | Text;
}

/**
 * The points that are tried on a model.
 * @param written a point that is to be written, which is tried in any case
 * @param others whether something else is tried, so that nothing need be
 * @throws LossyscopeError `usage` for names that nothing has
 */
export function triedPoints(
  tried: Tried,
  spec: DecoderSpec,
  written: string | undefined,
  others: boolean,
): AskedPoint[] {
  const { prune, patterns, rank, dropBlocks, trimVocabulary } = tried;
  const trim = trimVocabulary !== undefined && trimVocabulary !== false;
  const named =
    others || [written, prune, patterns, rank, dropBlocks, trim || undefined].some((one) => one !== undefined);
  return askedPoints({
    try: (written === undefined ? [] : [written]).concat(tried.try ?? (named ? [] : TRIES)),
    groups: tried.groups?.map(String) ?? usualGroups(spec),
    asymmetric: tried.asymmetric ?? false,
    calibrated: tried.calibration !== undefined,
    ...{ prune: prune ?? [], patterns: patterns ?? [], rank: rank ?? [], dropBlocks: dropBlocks ?? [], trim },
  });
}

/**
 * What one part at a time is made into: the least rounding tried, or what is named.
 * @throws LossyscopeError `usage` where no rounding is tried, or nothing is called so
 */
export function sensitivityAmong(asked: string | boolean | undefined, points: readonly AskedPoint[]): Transform | null {
  if (asked === undefined || asked === false) return null;
  if (typeof asked === "string") return transformNamed(asked);
  const rounds = points.flatMap((point) =>
    point.kind === "transform" && point.transform.kind === "round" ? [point.transform] : [],
  );
  const least = rounds.reduce<(typeof rounds)[number] | null>(
    (found, one) => (found === null || one.bits < found.bits ? one : found),
    null,
  );
  if (least) return least;
  throw new LossyscopeError("usage", "--sensitivity has no rounding to take", "name one: --sensitivity q4row");
}

/** How a point is written. */
export interface WriteOptions {
  /** its name: `q4g32`, `Q4_K`, or `mixed4.5` of a budget of 4.5 */
  readonly point: string;
  /** a folder, or a file that ends in .gguf */
  readonly path: string;
  /** by the path where not given */
  readonly format?: WriteFormat;
  /** of what is written as values; float32 for what was changed, all else as it is, where not given */
  readonly dtype?: keyof typeof DTYPES;
}

export interface SqueezeOptions extends Run, Tried, Reading, Pick<PlanOptions, "facts" | "recall"> {
  readonly text: Text;
  /** whether passages of the text are asked of every point: `recall` says which; absent: no */
  readonly with?: readonly "recall"[];
  /** files that somebody else made of this model */
  readonly also?: readonly (string | Model)[];
  /** what is left as it is at every point */
  readonly spare?: readonly Spared[];
  /** whether each block and each kind of matrix is squeezed alone as well; or into what */
  readonly sensitivity?: boolean | string;
  /** whether the Gaussian yardstick of the weights' error is set beside the points */
  readonly bound?: boolean;
  /** what a plan of several types may take: bits a parameter (4.5), or bytes ("90MB") */
  readonly budget?: number | string;
  /** the point that is written, and read back */
  readonly write?: WriteOptions;
  /** where points are kept until all are measured */
  readonly work?: string;
  /** whether points that a stopped run left there are taken up */
  readonly resume?: boolean;
}

/**
 * Squeezes a model in several ways, and holds each beside the original on a text, token by token (METHODS §7).
 * @param model a folder in the Hugging Face layout, a GGUF file, `org/name[@revision]`, or what `openModel` gave
 * @throws LossyscopeError `usage` for points that cannot be made of the model, before anything runs; by what is wrong with
 *   models, text, options, machine; `interrupted` when stopped
 */
export async function squeeze(model: string | Model, options: SqueezeOptions): Promise<Squeezing> {
  const {
    text,
    threads,
    progress,
    signal,
    offline,
    work,
    resume,
    also: others,
    spare,
    write,
    budget: asked,
    with: further,
    ...rest
  } = options;
  const {
    try: tries,
    groups,
    asymmetric,
    prune,
    patterns,
    rank,
    calibration,
    dropBlocks,
    trimVocabulary,
    sensitivity,
    bound,
    facts,
    ...plan
  } = rest;
  const run = { offline, progress, signal };
  const original = await opened(model, run);
  const { spec } = requireDecoder(original, "squeezing");
  const also: Model[] = [];
  for (const one of others ?? []) also.push(await opened(one, run));
  const spared = spare ?? [];
  const budget = asked === undefined ? null : budgetNamed(String(asked));
  const isMixed = budget !== null && write?.point === mixedName(budget);
  const tried = { try: tries, groups, asymmetric, prune, patterns, rank, calibration, dropBlocks, trimVocabulary };
  const all = triedPoints(tried, spec, isMixed ? undefined : write?.point, also.length > 0);
  const { points, mixable } = budget ? mixableApart(all, spec, spared) : { points: all, mixable: [] };
  refuseImpossible(points, spec, spared, calibration !== undefined);
  return measureSqueezing({
    ...machineOf({ threads, progress, signal }),
    ...{ model: original, points, mixable, also, spared, budget, bound: bound ?? false, resume: resume ?? false },
    plan: validatePlan({
      ...plan,
      text: sourcesOf(text),
      ...{
        facts,
        with: [...(further ?? []), ...(facts ? (["facts"] as const) : [])],
        plane: null,
        geometry: false,
        baselines: false,
      },
    }),
    keep:
      trimVocabulary === undefined || typeof trimVocabulary === "boolean"
        ? []
        : validatePlan({ text: sourcesOf(trimVocabulary) }).text,
    calibration: calibration === undefined ? null : validatePlan({ text: sourcesOf(calibration) }).text,
    sensitivity: sensitivityAmong(sensitivity, points),
    work: work ?? defaultWorkFolder(),
    write: write === undefined ? null : writeRequest(write),
    outputs: write === undefined ? [] : [write.path],
    commandOf: (point) => `lossyscope squeeze ${original.name} --try ${point}`,
  });
}

/** @throws LossyscopeError `usage` for a type that is none */
export function writeRequest({ point, path, format, dtype }: WriteOptions): WriteRequest {
  if (dtype !== undefined && !Object.hasOwn(DTYPES, dtype))
    throw new LossyscopeError(
      "usage",
      `values are not written as ${shown(dtype)}`,
      `name ${Object.keys(DTYPES).join(", ")}`,
    );
  return { point, path, format: format ?? formatOf(path), dtype: dtype === undefined ? null : DTYPES[dtype] };
}
