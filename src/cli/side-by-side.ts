/** Models that `lossyscope compare` reads two at a time, each beside the first (METHODS §12.1). */
import type { NotTogether } from "../measure/lockstep/course.ts";
import { measureLockstep } from "../measure/lockstep/lockstep.ts";
import { canBeAt, eachAtPrecision, type Model } from "../ports/model.ts";
import type { Lockstep } from "../profile/lockstep.ts";
import type { Plan } from "../profile/plan.ts";
import { openModel } from "../references/open.ts";
import type { Progress } from "../report/progress.ts";
import { interruptible } from "./interrupt.ts";
import { type Asked, placesOf } from "./outputs.ts";

interface Named {
  readonly name: string;
}

interface Options extends Asked {
  readonly lockstep: boolean;
  readonly offline: boolean;
  readonly threads: number;
}

/** @param candidates models, and profiles by their file @returns none where the first is a profile */
export function besideFirst<M extends Named>(
  candidates: readonly (M | string)[],
  { lockstep }: Pick<Options, "lockstep">,
): M[] {
  const [first, ...others] = candidates;
  return lockstep && typeof first !== "string" ? others.filter((one) => typeof one !== "string") : [];
}

/** What progress calls it. */
export const besideOf = (model: Named, all: readonly Named[]): string =>
  all.length === 2 ? "side by side" : `model ${all.indexOf(model) + 1} beside the first`;

/**
 * @param models of which the first is the one that the others are read beside
 * @throws LossyscopeError as `openModel` and `measureLockstep`
 */
export function readBeside<M extends Named>(
  beside: readonly M[],
  models: readonly M[],
  {
    plan,
    outputs,
    progress,
  }: {
    readonly plan: Plan;
    readonly outputs: readonly { readonly paths: readonly string[] }[];
    readonly progress: Progress;
  },
  options: Options,
): Promise<ReadonlyMap<M, Lockstep | NotTogether>> {
  const { offline, threads } = options;
  const places = placesOf(
    options,
    outputs.flatMap(({ paths }) => paths),
  );
  return interruptible(async (signal) => {
    const open = ({ name }: M) => openModel(name, { offline, signal });
    const found = new Map<M, Lockstep | NotTogether>();
    for (const one of beside) {
      progress.enter(besideOf(one, models));
      const opened = [await open(models[0]), await open(one)];
      const [reference, model] = isAny(opened, plan) ? eachAtPrecision(opened, plan.precision) : opened;
      found.set(one, await measureLockstep({ reference, model, plan, threads, outputs: places, progress, signal }));
    }
    return found;
  });
}

/** Whether one of them is computed as the plan says. */
const isAny = (models: readonly Model[], { precision }: Plan): boolean =>
  precision !== undefined && models.some((model) => canBeAt(model, precision));
