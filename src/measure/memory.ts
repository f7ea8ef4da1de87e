/** Refuses a measurement that cannot fit before it runs; the formula is `engines/memory.ts`'s. */
import { type Load, requireMemory, runtimeBytes } from "../engines/memory.ts";
import type { DecoderSpec } from "../models/spec.ts";
import type { WeightSource } from "../models/weights.ts";

/** @throws LossyscopeError `memory` where the machine, or the limit this process runs under, has less */
export function foreseeMemory(spec: DecoderSpec, weights: WeightSource, load: Load): void {
  requireMemory(runtimeBytes(spec, weights, load), "measure a smaller model, pass a smaller --batch-tokens");
}
