/** Refuses a measurement that cannot fit before it runs; the formula is `engines/memory.ts`'s. */
import { type Load, requireMemory, runtimeBytes, VOCABULARY_CHUNK } from "../../engines/memory.ts";
import { count, counted } from "../../numeric/amounts.ts";
import type { Decoder } from "../../ports/model.ts";

/** @returns bytes that the runtime takes at most, about, to measure */
export function measuringBytes({ spec, weights }: Decoder, load: Load): number {
  // a chunk of logits waits for its likeliest tokens while the next one is made
  const likeliest = 4 * Math.max(load.longest, load.batchTokens) * Math.min(spec.vocabulary, VOCABULARY_CHUNK);
  return runtimeBytes(spec, weights, load) + likeliest;
}

/** @throws LossyscopeError `memory` where the machine, or the limit this process runs under, has less */
export function foreseeMemory(decoder: Decoder, load: Load): void {
  requireMemory(measuringBytes(decoder, load), "measure a smaller model, pass a smaller --batch-tokens");
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
export function foreseeLmEval({ spec, weights }: Decoder, longest: number): void {
  const heads = spec.blocks.reduce((most, { attention }) => Math.max(most, attention.heads), 0);
  const scores = 12 * heads * Math.ceil(longest / 8) * longest;
  const masks = 2 * longest ** 2;
  const lanes = 16 * longest * Math.min(spec.vocabulary, VOCABULARY_CHUNK);
  requireMemory(
    ARENA * (runtimeBytes(spec, weights, { longest, batchTokens: longest }) + scores + masks + lanes),
    `lm-evaluation-harness's windows are of ${count(longest)} tokens here; leave out --like lm-eval, cut documents with --split-on`,
  );
}
