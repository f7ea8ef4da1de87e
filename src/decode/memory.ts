/**
 * What stepping a model will need, foreseen before it runs (the machine's share is `engines/memory.ts`'s). Bytes, upper
 * estimates on a CPU, for B rows of P slots (a multiple of 64), T tokens read at once, P parameters in `heldBytes`:
 *
 *   runtime = 10^8 (a process) + weights + 3 · cache (twice while it grows, and once until it is collected) + 2 · step
 *   cache   = B·P · (4 + Σ over blocks of 8·K·h)
 *   step    = B·T · (states of a token + Σ over blocks of 8·K·h) + B·T·P · (8·H + 16) for scores and masks + 12·B·V
 *   codec   = sessions · runtime (rows: the lanes of all blocks of a batch) + 48 · (plain bytes of a batch): the bytes, tokens at most as many, codes
 *
 * The size of a file is in none of them beyond a batch of it. Beside them the byte model of what is no text takes 1 KiB for
 * each distinct pair of bytes in a block (`coding/order2.ts`), until the block is through.
 */
import { type Arithmetic, USUAL } from "../coding/arithmetic.ts";
import { PROCESS_BYTES, stateBytes } from "../engines/memory.ts";
import { keptCapacity } from "../engines/runtime-messages.ts";
import { roundedBytes } from "../models/sources/rounded.ts";
import { heldBytes } from "../models/sources/runnable.ts";
import type { TensorSource } from "../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { rowsOf } from "../models/steps.ts";

const PER_PLAIN_BYTE = 48;

export interface SessionLoad {
  readonly rows: number;
  /** positions that a row reaches */
  readonly longest: number;
  /** tokens of a row that are read at once, at most */
  readonly together: number;
  readonly products?: Arithmetic["products"];
}

export interface CodecLoad extends Omit<SessionLoad, "rows"> {
  readonly plainBytes: number;
  readonly blockBytes: number;
  /** blocks of a batch at most, and lanes of each */
  readonly rows: number;
  readonly lanes: number;
  /** two where what is written is decoded again meanwhile */
  readonly sessions: number;
}

/** Bytes of keys and values that a token leaves behind. */
export const cacheBytes = ({ blocks }: DecoderSpec): number =>
  blocks.reduce((sum, { attention: { kvHeads, headWidth } }) => sum + 8 * kvHeads * headWidth, 0);

/** @returns bytes the runtime's process will take at most, about */
export function sessionBytes(
  spec: DecoderSpec,
  weights: TensorSource,
  { rows, longest, together, products = USUAL.products }: SessionLoad,
): number {
  const slots = keptCapacity(longest);
  const perToken = cacheBytes(spec);
  const heads = Math.max(...spec.blocks.map(({ attention }) => attention.heads));
  const tokens = rows * Math.min(together, longest);
  const step =
    stateBytes(spec, tokens) + tokens * perToken + tokens * slots * (8 * heads + 16) + 12 * rows * spec.vocabulary;
  // Laid out for the processor they are there twice; what they were made of is not read.
  const whole = products === "int8" ? 2 * roundedBytes(spec, products) : 0;
  return (
    PROCESS_BYTES + heldBytes(weights, rowsOf({ products })) + whole + 3 * rows * slots * (4 + perToken) + 2 * step
  );
}

/** @returns bytes of both processes, or of all three */
export function codecBytes(spec: DecoderSpec, weights: TensorSource, load: CodecLoad): number {
  const { plainBytes, blockBytes, sessions } = load;
  const rows = Math.min(load.rows, Math.max(1, Math.ceil(plainBytes / blockBytes))) * load.lanes;
  return sessions * sessionBytes(spec, weights, { ...load, rows }) + batchBytes(load);
}

/** @returns bytes of this process for a batch of blocks */
export const batchBytes = ({
  plainBytes,
  blockBytes,
  rows,
}: Pick<CodecLoad, "plainBytes" | "blockBytes" | "rows">): number =>
  PER_PLAIN_BYTE * Math.min(plainBytes, rows * blockBytes);
