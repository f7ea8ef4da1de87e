/** What costs most: parts of a model squeezed alone, each held against the original (METHODS §7). */
import { sum } from "../../numeric/sums.ts";
import type { Interval } from "../../profile/figures.ts";
import type { Squeezing } from "../../profile/squeeze.ts";
import { nameOf, type Transform } from "../../squeeze/transform.ts";
import type { Measuring } from "./measuring.ts";
import { allInto, partsOf } from "./points.ts";
import { sensitivityPart } from "./stages.ts";
import { valuesIn } from "./weights.ts";

/** KL where each block, and each kind of matrix, is squeezed alone. */
export async function sensitivityTo(
  run: Measuring,
  transform: Transform,
): Promise<NonNullable<Squeezing["sensitivity"]>> {
  const { progress, spared } = run.request;
  const parts = partsOf(run.decoder.spec, transform, spared);
  const found = { blocks: [], kinds: [], joint: [] } as Record<
    (typeof parts)[number]["group"],
    { name: string; parameters: number; kl: Interval }[]
  >;
  for (const [index, { group, name, own }] of parts.entries()) {
    progress.enter(sensitivityPart(index, parts.length));
    const key = `${nameOf(transform)} in ${name}`;
    const { point } = await run.once(key, () => run.made(key, "round", allInto(own, transform), { alone: true }));
    found[group].push({ name, parameters: sum(own.map(valuesIn)), kl: point.overall.kl! });
  }
  return {
    transform: nameOf(transform),
    blocks: found.blocks,
    kinds: found.kinds,
    sum: sum(found.kinds.map(({ kl }) => kl.value ?? 0)),
    joint: found.joint[0].kl.value ?? 0,
  };
}
