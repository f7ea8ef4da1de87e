/** Plans of several types within a budget: made of what parts cost, judged by other documents (METHODS §7.5). */
import type { ModelMatrix } from "../../models/matrices.ts";
import { bootstrapSums, FEWEST_UNITS, percentileInterval } from "../../numeric/bootstrap.ts";
import { groupBy } from "../../numeric/groups.ts";
import { sum } from "../../numeric/sums.ts";
import type { Squeezing } from "../../profile/squeeze.ts";
import { allot, costAt, nearest } from "../../squeeze/mixed.ts";
import { nameOf, type Transform } from "../../squeeze/transform.ts";
import { type Budget, bitsWithin, intoOrInstead, mixedName, typesAmong } from "./budget.ts";
import type { Measuring } from "./measuring.ts";
import { matricesFor } from "./points.ts";
import { MIXED_PART } from "./stages.ts";
import type { Measured } from "./store.ts";
import { type Made, nameIn, valuesIn } from "./weights.ts";

export interface MixedPlan {
  readonly measured: Measured;
  /** what becomes of every matrix */
  readonly jobs: ReadonlyMap<ModelMatrix, Transform>;
  readonly budget: NonNullable<Squeezing["budget"]>;
}

/**
 * A plan of several types within a budget, judged by documents that it was not made from (METHODS §7.5).
 * @param found points measured so far: their roundings and blocks are what a part may become
 */
export async function mixedPlan(run: Measuring, budget: Budget, found: readonly Measured[]): Promise<MixedPlan> {
  const { points, mixable = [], progress, spared, signal, plan } = run.request;
  const { spec, weights } = run.decoder;
  const bitsPerParameter = bitsWithin(budget, run.parameters);
  const types = [...typesAmong(points), ...mixable];
  const parts = unitsOf(matricesFor(spec, types[0], spared));
  const all = parts.flatMap(({ own }) => own);
  progress.enter(MIXED_PART);
  const made: Made["matrices"][] = [];
  for (const type of types) made.push((await run.make(intoOrInstead(all, type))).matrices);
  const isFor = (type: number, own: readonly ModelMatrix[]): boolean => own.every((matrix) => made[type].has(matrix));
  const total = (type: number, own: readonly ModelMatrix[], of: "bytes" | "error"): number =>
    sum(own.map((matrix) => made[type].get(matrix)![of]));
  const halves = run.course.documents.map(({ sha256: own }) => Number.parseInt(own.slice(0, 8), 16) % 2 === 0);
  const klOf = ({ kl, tokens }: Measured, half: boolean): number => {
    const within = (values: readonly number[]): number => sum(values.filter((_, index) => halves[index] === half));
    return within(kl) / Math.max(1, within(tokens));
  };
  const left = await run.untouched.size(spec, new Set(all.map((one) => nameIn(weights, one))), signal);
  const bytes = (bitsPerParameter * run.parameters) / 8 - left.bytes;
  const choices = [];
  for (const { name, own } of parts) {
    const fitting = [...types.keys()].filter((type) => isFor(type, own));
    // What a part costs is measured on either side of the budget: with the best type of its share of it, and with the next.
    const near = nearest(
      fitting.map((type) => ({ type, bytes: total(type, own, "bytes"), error: total(type, own, "error") })),
      (bytes * sum(own.map(valuesIn))) / sum(all.map(valuesIn)),
    );
    const measured: { error: number; kl: number }[] = [];
    for (const { type, error } of near) {
      const key = `${nameOf(types[type])} in ${name}`;
      const jobs = intoOrInstead(own, types[type]);
      const one = await run.once(key, () => run.made(key, "round", jobs, { alone: true }));
      measured.push({ error, kl: klOf(one, true) });
    }
    choices.push(
      fitting.map((type) => ({
        ...{ jobs: intoOrInstead(own, types[type]), own, name, bytes: total(type, own, "bytes") },
        cost: costAt(total(type, own, "error"), measured),
      })),
    );
  }
  const chosen = allot(choices, bytes);
  if (!chosen) throw new Error("the smallest types are larger than they were foreseen to be");
  const name = mixedName(budget);
  const jobs = new Map(chosen.flatMap((one) => [...one.jobs]));
  const measured = await run.made(name, "mixed", jobs, {
    plan: chosen.map((one) => ({
      ...{ unit: one.name, transform: [...new Set([...one.jobs.values()].map(nameOf))].join(", ") },
      parameters: sum(one.own.map(valuesIn)),
    })),
  });
  const fitting = found.filter(
    ({ point }) =>
      types.some((type) => nameOf(type) === point.name) && point.rate.bitsPerParameter <= bitsPerParameter + 1e-9,
  );
  const uniform = fitting.reduce<Measured | null>(
    (best, one) => (best === null || klOf(one, false) < klOf(best, false) ? one : best),
    null,
  );
  const held = (values: readonly number[]): Float64Array =>
    Float64Array.from(values.filter((_, index) => !halves[index]));
  const columns = uniform ? [held(measured.kl), held(uniform.kl), held(measured.tokens)] : [];
  const enough = columns.length > 0 && columns[0].length >= FEWEST_UNITS;
  const samples = enough ? bootstrapSums(columns, { seed: plan.seed }) : null;
  const value = uniform ? klOf(measured, false) - klOf(uniform, false) : Number.NaN;
  return {
    measured,
    jobs,
    budget: {
      ...{ bitsPerParameter, point: name, uniform: uniform?.point.name ?? null },
      documents: held(measured.kl).length,
      kl: klOf(measured, false),
      uniformKl: uniform && klOf(uniform, false),
      difference: percentileInterval(
        value,
        samples ? samples[0].map((kl, r) => (kl - samples[1][r]) / samples[2][r]) : new Float64Array(),
      ),
    },
  };
}

/** Parts of a model that a plan gives one type each: the embedding, the head, attention and MLP of every block. */
export function unitsOf(
  matrices: readonly ModelMatrix[],
): { readonly name: string; readonly own: readonly ModelMatrix[] }[] {
  const units = groupBy(matrices, ({ block, part }) => (block === null ? part : `block ${block} ${part}`));
  return [...units].map(([name, own]) => ({ name, own }));
}
