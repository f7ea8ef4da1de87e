/** Refuses a measurement that cannot fit before it runs; the formula is `engines/memory.ts`'s. */
import { type Load, requireMemory, runtimeBytes, VOCABULARY_CHUNK } from "../engines/memory.ts";
import type { DecoderSpec } from "../models/spec.ts";
import type { WeightSource } from "../models/weights.ts";

/** @throws LossyscopeError `memory` where the machine, or the limit this process runs under, has less */
export function foreseeMemory(spec: DecoderSpec, weights: WeightSource, load: Load): void {
  requireMemory(runtimeBytes(spec, weights, load), "measure a smaller model, pass a smaller --batch-tokens");
}

/**
 * Windows as long as the model reads at once are long enough for attention's scores to count (`models/attention.ts`), and
 * the losses are the harness's, which take twice a chunk of logits more (`models/heads.ts`).
 * @param longest tokens of the longest window
 * @throws LossyscopeError `memory` as `foreseeMemory`
 */
export function foreseeLmEval(spec: DecoderSpec, weights: WeightSource, longest: number): void {
  const scores = Math.max(...spec.blocks.map((block) => 8 * block.attention.heads)) * Math.ceil(longest / 8) * longest;
  const masks = 2 * longest ** 2;
  const lanes = 8 * longest * Math.min(spec.vocabulary, VOCABULARY_CHUNK);
  requireMemory(
    runtimeBytes(spec, weights, { longest, batchTokens: longest }) + scores + masks + lanes,
    `lm-evaluation-harness's windows are of ${longest.toLocaleString("en-US")} tokens here; leave out --like lm-eval, cut documents with --split-on`,
  );
}
