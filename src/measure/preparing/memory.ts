/**
 * Decides before a measurement runs whether the model is held whole or streams, and refuses what cannot fit; the formulas are
 * `engines/memory.ts`'s.
 */
import {
  availableMemory,
  type Load,
  requireMemory,
  runtimeBytes,
  streamedBytes,
  VOCABULARY_CHUNK,
} from "../../engines/memory.ts";
import { count, counted } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { type Decoder, decoderOf, type Model, requireDecoder, streamed } from "../../ports/model.ts";
import type { Plan } from "../../profile/plan.ts";

const LESS = "measure a smaller model, pass a smaller --batch-tokens";

/** @returns bytes that the runtime takes at most, about, to measure */
export function measuringBytes({ spec, weights, streams }: Decoder, load: Load): number {
  // a chunk of logits waits for its likeliest tokens while the next one is made
  const likeliest = 4 * Math.max(load.longest, load.batchTokens) * Math.min(spec.vocabulary, VOCABULARY_CHUNK);
  return (streams ? streamedBytes : runtimeBytes)(spec, weights, load) + likeliest;
}

/** Whether weights stream: where they must, if they do not fit otherwise, or not at all. */
export type Streaming = "always" | "if needed" | "never";

/**
 * The model as it is held: whole, or with weights that stream where they are to, or where it does not fit otherwise.
 * @throws LossyscopeError `usage` where they are to, and what was asked for needs them whole, or they are not at hand; `memory`
 * where the machine, or the limit this process runs under, has not enough for the way that is left
 */
export function asHeld(
  model: Model,
  load: Load,
  {
    streaming = "never",
    plan,
    reference,
  }: { readonly streaming?: Streaming; readonly plan: Plan; readonly reference?: Model },
): Model {
  if (streaming === "always") requireDecoder(model, "--stream-weights");
  const decoder = decoderOf(model);
  if (!decoder) return model;
  const whole = needsWhole(plan, reference !== undefined);
  if (streaming === "always" && whole !== null)
    throw new LossyscopeError(
      "usage",
      `${whole} needs the weights whole, and --stream-weights reads them piece by piece`,
      "leave out one of them",
    );
  const isNeeded = streaming === "always" || measuringBytes(decoder, load) > availableMemory();
  if (streaming === "never" || whole !== null || !isNeeded) {
    foreseeMemory(
      decoder,
      load,
      streaming === "never" || whole === null ? LESS : `${LESS}, leave out ${whole} so that its weights stream`,
    );
    return model;
  }
  requireMemory(measuringBytes({ ...decoder, streams: true }, load), LESS, "even one block at a time");
  return streamed(model);
}

/** What of a plan steps through text, or holds two models, in words; null where nothing does. */
function needsWhole({ with: asked, precision }: Plan, beside: boolean): string | null {
  const steps = asked.find((what) => what === "recall" || what === "facts");
  if (steps) return `--with ${steps}`;
  if (precision) return `--precision ${precision}`;
  return beside ? "--reference" : null;
}

/** @throws LossyscopeError `memory` where the machine, or the limit this process runs under, has less */
export function foreseeMemory(decoder: Decoder, load: Load, next = LESS): void {
  requireMemory(measuringBytes(decoder, load), next);
}

/**
 * The same beside sums of assignments over completions (`measure/pairs/pairs.ts`).
 * @throws LossyscopeError `memory` as `foreseeMemory`
 */
export function foreseePairs(decoder: Decoder, load: Load, pairs: number, points: number): void {
  const sums = 16 * pairs * points * (decoder.spec.blocks.length + 1);
  requireMemory(
    measuringBytes(decoder, load) + sums,
    `sums over ${counted(pairs, "pair")} are among it: pass a smaller --limit-pairs`,
  );
}

/** What the runtime's arena holds beyond what is alive, as measured on windows of 8,192 tokens (SmolLM2-135M: 7.7 GB). */
const ARENA = 1.3;

/**
 * Windows as long as the model reads at once are long enough for attention's scores to count (`models/attention.ts`): three
 * arrays of a block's, an eighth of the window. The losses are the harness's, with four chunks of logits alive at a time
 * (`models/heads.ts`).
 * @param longest tokens of the longest window
 * @throws LossyscopeError `memory` as `foreseeMemory`
 */
export function foreseeLmEval({ spec, weights, streams }: Decoder, longest: number): void {
  const heads = spec.blocks.reduce((most, { attention }) => Math.max(most, attention.heads), 0);
  const scores = 12 * heads * Math.ceil(longest / 8) * longest;
  const masks = 2 * longest ** 2;
  const lanes = 16 * longest * Math.min(spec.vocabulary, VOCABULARY_CHUNK);
  requireMemory(
    ARENA *
      ((streams ? streamedBytes : runtimeBytes)(spec, weights, { longest, batchTokens: longest }) +
        scores +
        masks +
        lanes),
    `lm-evaluation-harness's windows are of ${count(longest)} tokens here; leave out --like lm-eval, cut documents with --split-on`,
  );
}
