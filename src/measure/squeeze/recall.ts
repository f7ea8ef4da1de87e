/**
 * What of the text no longer comes back from a squeezed model (METHODS §7.2): the same passages are asked of it and of the original
 * (§5, at one prefix length), and what comes back is held against the text; differences in pairs, units resampled.
 *
 * Memory: the places; one runtime at a time.
 */
import { type Need, unmet } from "../../numeric/needs.ts";
import type { RunContext } from "../../ports/context.ts";
import type { Model } from "../../ports/model.ts";
import { withProgress } from "../../ports/progress.ts";
import type { Interval } from "../../profile/figures.ts";
import type { Plan } from "../../profile/plan.ts";
import type { RecallLost } from "../../profile/squeeze.ts";
import { type Units, unitsOf } from "../../text/units.ts";
import type { Course } from "../lockstep/course.ts";
import { type InUnit, Means } from "../recall/means.ts";
import { fittingPrefixes, recallNeeds } from "../recall/needs.ts";
import { placesOf } from "../recall/places.ts";
import { type Asked, asked, bytesOf, type Compared, compare, continuations } from "../recall/verbatim.ts";
import { PASSAGES } from "../stages.ts";

/** Passages that are asked of every model. */
export interface Passages {
  readonly questions: readonly Asked[];
  /** tokens of the prompts, and of what follows */
  readonly prefix: number;
  readonly length: number;
  readonly units: Units;
}

/** @returns the passages, or why there are none */
export function passagesIn(
  { documents, tokenizer }: Pick<Course, "documents" | "tokenizer">,
  { positions, can }: Pick<Model, "positions" | "can">,
  plan: Plan,
): Passages | { readonly absent: string } {
  const units = unitsOf(documents.map(({ ids }) => ids.length));
  const { prefix: opening } = tokenizer;
  const ground = { plan, positions, can, prefix: opening, documents, units, unseen: null };
  const missing = unmet(recallNeeds(ground)).find(({ figure }: Need) => figure === "recall");
  if (missing) return { absent: missing.reason };
  const prefix = fittingPrefixes(plan.recall, positions, opening).at(-1)!;
  const { length, passages: most } = plan.recall;
  const shape = { longest: prefix, length };
  const places = placesOf(documents, { ...shape, most, seed: plan.seed });
  return { questions: asked(places, prefix, shape, tokenizer, units.unitOf), prefix, length, units };
}

/** What came back of each passage. @throws LossyscopeError as `DecodingSession` does */
export async function broughtBack(
  { questions, length }: Passages,
  { model, tokenizer, ...context }: RunContext & { readonly model: Model } & Pick<Course, "tokenizer">,
): Promise<Compared[]> {
  const [came] = await withProgress(context.progress, PASSAGES, "passages", (update) =>
    continuations([questions], {
      ...{ ...context, model, tokenizer, length },
      onPassages: (done) => update(Math.floor(done), questions.length),
    }),
  );
  return questions.map(({ prompt, truthBytes }, index) =>
    compare(bytesOf(tokenizer, came[index], prompt[prompt.length - 1]), truthBytes),
  );
}

interface Pair extends InUnit {
  readonly bytes: number;
  readonly before: Compared;
  readonly after: Compared;
}

/** @param before @param after what came back from the original and from the squeezed model */
export function recallLost(
  { questions, prefix, length, units }: Passages,
  before: readonly Compared[],
  after: readonly Compared[],
  seed: number,
): RecallLost {
  const means = new Means(units, seed);
  const pairs = questions.map(
    ({ unit, truthBytes }, index): Pair => ({
      ...{ unit, bytes: truthBytes.length },
      ...{ before: before[index], after: after[index] },
    }),
  );
  const share = (of: (pair: Pair) => number, weight?: (pair: Pair) => number): Interval => means.of(pairs, of, weight);
  const size = ({ bytes }: Pair): number => bytes;
  return {
    ...{ passages: pairs.length, prefix, length },
    original: share(({ before: { exact } }) => Number(exact)).value,
    exact: share((pair) => Number(pair.after.exact) - Number(pair.before.exact)),
    originalBytes: share(({ before: { common } }) => common, size).value,
    bytes: share((pair) => pair.after.common - pair.before.common, size),
  };
}
