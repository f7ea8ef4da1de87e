/**
 * What the runtime will need, foreseen from headers alone, so that a model that cannot fit is refused before the run and
 * not killed in it. The formula is an upper estimate for CPU: bytes = 4·P (float32 weights) + 4·P again while a 16-bit
 * file is widened and transposed at load + activations of one batch.
 */
import { freemem, totalmem } from "node:os";
import type { DecoderSpec } from "../models/spec.ts";
import type { WeightSource } from "../models/weights.ts";
import { LossyscopeError } from "../numeric/errors.ts";

/** Logits are made in chunks of this many columns (`models/decoder.ts`). */
const VOCABULARY_CHUNK = 16384;

export interface Load {
  readonly longest: number;
  readonly batchTokens: number;
}

/** @returns bytes the runtime's process will take at most, about */
export function runtimeBytes(spec: DecoderSpec, weights: WeightSource, { longest, batchTokens }: Load): number {
  let parameters = 0;
  for (const name of weights.names()) {
    parameters += weights.tensor(name)!.shape.reduce((product, size) => product * size, 1);
  }
  const tokens = Math.max(longest, batchTokens);
  const widest = Math.max(2 * Math.min(spec.vocabulary, VOCABULARY_CHUNK), 8 * spec.width);
  return 8 * parameters + 4 * tokens * widest + 4 * tokens * spec.width * (spec.blocks.length + 1);
}

/** @throws LossyscopeError `memory` where the machine, or the limit this process runs under, has less */
export function foreseeMemory(spec: DecoderSpec, weights: WeightSource, load: Load): void {
  const needed = runtimeBytes(spec, weights, load);
  const limit = process.constrainedMemory();
  const machine = totalmem();
  const available = limit > 0 && limit < machine ? limit : machine;
  if (needed <= available) return;
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new LossyscopeError(
    "memory",
    `the model needs about ${gigabytes(needed)} of memory, this machine has ${gigabytes(available)} (${gigabytes(freemem())} free)`,
    "measure a smaller model, pass a smaller --batch-tokens, or use a machine with more memory",
  );
}
