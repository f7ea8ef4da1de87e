/**
 * Geometry of the input embedding matrix (METHODS §3): how tightly its rows are packed, and which tokens lie nearest to a
 * few of them. Reads the matrix from the weights, in pieces.
 *
 * Memory: 4·V·d bytes for the matrix.
 */
import { setImmediate } from "node:timers/promises";
import { toFloat32 } from "../../formats/tensor-types.ts";
import { nearestRows, packingSteps } from "../../info/packing.ts";
import { piecesOf, type TensorSource } from "../../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../../models/spec.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { random } from "../../numeric/random.ts";
import type { Geometry } from "../../profile/geometry.ts";

/** Tokens whose neighbours are named, neighbours of each, and the most frequent tokens that they are drawn from. */
const SHOWN = 8;
const NEAREST = 6;
const FREQUENT = 400;

/** @returns [V·d] the values of a tensor */
async function readMatrix(weights: TensorSource, name: string): Promise<Float32Array> {
  const { dtype, shape } = weights.locate(name)!;
  const values = new Float32Array(shape[0] * shape[1]);
  let at = 0;
  for await (const piece of piecesOf(weights, name)) {
    const floats = toFloat32(dtype, piece);
    values.set(floats, at);
    at += floats.length;
  }
  return values;
}

/** Tokens worth a look: some of the text's frequent ones that hold a word, by seed. */
function tokensToShow(counts: Int32Array, textOf: (id: number) => string, seed: number): number[] {
  const words = [...counts.keys()]
    .filter((id) => counts[id] > 0 && /\p{L}{3,}/u.test(textOf(id)))
    .sort((a, b) => counts[b] - counts[a] || a - b)
    .slice(0, FREQUENT);
  return random(seed, "neighbours").shuffle(words).slice(0, SHOWN);
}

export interface EmbeddingOptions {
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** told how much of the matrix has been gone through, up to 1 */
  readonly onShare?: (share: number) => void;
}

/**
 * @param counts [V] occurrences of every token in the text
 * @param textOf what a token stands for, for people
 * @returns null where fewer than two rows have a direction
 * @throws LossyscopeError `io`; `model` where the matrix is missing; `interrupted`
 */
export async function embeddingGeometry(
  spec: DecoderSpec,
  weights: TensorSource,
  counts: Int32Array,
  textOf: (id: number) => string,
  { seed, signal, onShare }: EmbeddingOptions,
): Promise<Geometry["embedding"]> {
  const { names, shape } = spec.embedding.tokens;
  const name = names.find((candidate) => weights.locate(candidate));
  if (name === undefined) throw new LossyscopeError("model", `the embedding matrix ${names[0]} is missing`);
  const matrix = await readMatrix(weights, name);
  const width = shape[1];
  const steps = packingSteps(matrix, width, seed);
  let step = steps.next();
  for (; !step.done; step = steps.next()) {
    onShare?.(step.value);
    await setImmediate();
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped at the embedding matrix");
  }
  const packed = step.value;
  if (!packed) return null;
  const shown = tokensToShow(counts, textOf, seed);
  const neighbours = nearestRows(matrix, width, shown, NEAREST).map((nearest, i) => ({
    token: textOf(shown[i]),
    id: shown[i],
    nearest: nearest.map(({ id, cosine }) => ({ token: textOf(id), id, cosine })),
  }));
  return { packing: packed, neighbours };
}
