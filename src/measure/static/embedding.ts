/**
 * Geometry of the input embedding matrix (METHODS §3): how tightly its rows are packed, and which tokens lie nearest to a
 * few of them. Reads the matrix from the weights, in pieces.
 *
 * Memory: 4·V·d bytes for the matrix.
 */
import { setImmediate } from "node:timers/promises";
import { toFloat32 } from "../../formats/tensor-types.ts";
import { type Neighbour, nearestRows, PACKED, type Packing, packingSteps } from "../../info/packing.ts";
import { piecesOf, type TensorSource } from "../../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../../models/spec.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { random } from "../../numeric/random.ts";
import { TaskThread } from "../../probes/threads.ts";
import type { Geometry } from "../../profile/geometry.ts";

/** Tokens whose neighbours are named, neighbours of each, and the most frequent tokens that they are drawn from. */
const SHOWN = 8;
const NEAREST = 6;
const FREQUENT = 400;

/** Multiply-adds that take longer than a thread takes to start. */
const WORTH_A_THREAD = 2 ** 27;

/** From sources (tests) the compiled worker is started: plain Node cannot load TypeScript on every supported version. */
const MODULE = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/measure/static/embedding-worker.js" : "./embedding-worker.js",
  import.meta.url,
);

/** @returns [V·d] the values of a tensor, in memory that threads can share */
async function readMatrix(weights: TensorSource, name: string): Promise<Float32Array> {
  const { dtype, shape } = weights.locate(name)!;
  const values = new Float32Array(new SharedArrayBuffer(4 * shape[0] * shape[1]));
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
  const shown = tokensToShow(counts, textOf, seed);
  const task: MatrixTask = { matrix: await readMatrix(weights, name), width: shape[1], seed, shown };
  const work = Math.min((shape[0] ** 2 * shape[1]) / 2, PACKED);
  const found = await (work < WORTH_A_THREAD ? inSteps(task, signal, onShare) : inThread(task, signal, onShare));
  if (!found) return null;
  const neighbours = found.nearest.map((nearest, i) => ({
    token: textOf(shown[i]),
    id: shown[i],
    nearest: nearest.map(({ id, cosine }) => ({ token: textOf(id), id, cosine })),
  }));
  return { packing: found.packed, neighbours };
}

/** What is computed of a matrix, whatever its rows stand for. Plain data. */
export interface MatrixTask {
  /** [V, width] */
  readonly matrix: Float32Array;
  readonly width: number;
  readonly seed: number;
  /** rows whose neighbours are looked for */
  readonly shown: readonly number[];
}

export interface MatrixShape {
  readonly packed: Packing;
  /** by row of `shown` */
  readonly nearest: readonly (readonly Neighbour[])[];
}

/** Yields the share done. @returns null where fewer than two rows have a direction */
export function* matrixSteps({ matrix, width, seed, shown }: MatrixTask): Generator<number, MatrixShape | null> {
  const packed = yield* packingSteps(matrix, width, seed);
  return packed && { packed, nearest: nearestRows(matrix, width, shown, NEAREST) };
}

const interrupted = (): LossyscopeError => new LossyscopeError("interrupted", "stopped at the embedding matrix");

async function inSteps(
  task: MatrixTask,
  signal: EmbeddingOptions["signal"],
  onShare: EmbeddingOptions["onShare"],
): Promise<MatrixShape | null> {
  const steps = matrixSteps(task);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return step.value;
    onShare?.(step.value);
    await setImmediate();
    if (signal?.aborted) throw interrupted();
  }
}

async function inThread(
  task: MatrixTask,
  signal: EmbeddingOptions["signal"],
  onShare: EmbeddingOptions["onShare"],
): Promise<MatrixShape | null> {
  if (signal?.aborted) throw interrupted();
  const thread = new TaskThread<MatrixTask, MatrixShape | null, number>(MODULE);
  const stop = (): void => void thread.close(interrupted());
  signal?.addEventListener("abort", stop, { once: true });
  try {
    return await thread.take(task, onShare);
  } finally {
    signal?.removeEventListener("abort", stop);
    await thread.close(interrupted());
  }
}
