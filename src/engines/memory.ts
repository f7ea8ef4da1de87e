/**
 * What the runtime will need for a forward pass, foreseen from headers alone, and whether this machine has it, so that what
 * cannot fit is refused before the run and not killed in it. An upper estimate for CPU: bytes = weights + activations of one
 * batch; of P parameters the weights are 4·P (float32) + 4·P again while they are transposed at load + 2·P of a 16-bit file, or
 * what their codes and scales take (`models/sources/runnable.ts`). Steps are `decode/memory.ts`'s.
 */
import { freemem, totalmem } from "node:os";
import { heldBytes, lookedBytes } from "../models/sources/runnable.ts";
import type { TensorSource } from "../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { piecesOf } from "../models/streamed.ts";
import { sizeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { waitingBytes } from "./streamed-groups.ts";

/** Logits are made in chunks of this many columns (`models/decoder.ts`). */
export const VOCABULARY_CHUNK = 16384;
/** States of a token that live side by side, in widths: MLPs are some four wide, and two of their products are. */
const STATES = 8;

/** Of what a piece takes, with what is not given back of the one before: 1.1 to 1.4 as measured. */
const KEPT = 3 / 2;

/** What a process with the runtime takes before it has a model. */
export const PROCESS_BYTES = 1e8;

export interface Load {
  readonly longest: number;
  readonly batchTokens: number;
}

/** @returns bytes of the states of so many tokens, attention's scores not among them */
export const stateBytes = ({ width }: DecoderSpec, tokens: number): number => 4 * tokens * STATES * width;

/** @returns bytes the runtime's process will take at most, about */
export function runtimeBytes(spec: DecoderSpec, weights: TensorSource, { longest, batchTokens }: Load): number {
  const tokens = Math.max(longest, batchTokens);
  const logits = 4 * tokens * 2 * Math.min(spec.vocabulary, VOCABULARY_CHUNK);
  const layers = 4 * tokens * spec.width * (spec.blocks.length + 1);
  return heldBytes(weights, "windows") + Math.max(logits, stateBytes(spec, tokens)) + layers;
}

/** Bytes that the machine has, or the limit that this process runs under. */
export function availableMemory(): number {
  const limit = process.constrainedMemory();
  const machine = totalmem();
  return limit > 0 && limit < machine ? limit : machine;
}

/**
 * The same where the pieces of the model come one after the other (`streamed.ts`): of the weights the largest piece, and half
 * of it that the allocator keeps of the one before; and the states of the batches that go through it together.
 */
export function streamedBytes(spec: DecoderSpec, weights: TensorSource, { longest, batchTokens }: Load): number {
  const tokens = Math.max(longest, batchTokens);
  const logits = 4 * tokens * 2 * Math.min(spec.vocabulary, VOCABULARY_CHUNK);
  const pieces = piecesOf(spec, weights, { losses: true }, longest).map(({ slots, share, isLookedUp }) => {
    const names = slots.flatMap((slot) => slot.names.find((name) => weights.locate(name)) ?? []);
    return isLookedUp ? lookedBytes(weights, "windows", names) : heldBytes(weights, "windows", { names, share });
  });
  return KEPT * Math.max(...pieces) + waitingBytes(spec, tokens) + Math.max(logits, stateBytes(spec, tokens));
}

/**
 * @param next what would need less; undefined where nothing can be chosen
 * @param way how it would run, where not as usual: `even one block at a time`
 * @throws LossyscopeError `memory` where the machine, or the limit this process runs under, has less
 */
export function requireMemory(needed: number, next?: string, way?: string): void {
  const available = availableMemory();
  if (needed <= available) return;
  throw new LossyscopeError(
    "memory",
    `the model needs about ${sizeText(needed)} of memory${way === undefined ? "" : ` ${way}`}, this machine has ${sizeText(available)} (${sizeText(freemem())} free)`,
    `${next === undefined ? "" : `${next}, or `}use a machine with more memory`,
  );
}
