/**
 * The weights of a point on their way into the runtime: what a plan changes is squeezed, in as many threads as the runtime
 * has, and written as float32 into one file of the cache folder, which the runtime maps; everything else stays where it is.
 * The file is used again for the next point, once nothing reads it, and goes with the process.
 *
 * Disk: 4 bytes a value that is changed. Memory: about 40 bytes a value of the largest tensor for every thread; vectors of
 * matrices of lower rank, 4·min(m,n)² bytes each, stay for other ranks, up to 1 GiB in all.
 */
import { type FileHandle, mkdir, open, realpath, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { removeLeft } from "../../engines/runnable.ts";
import { cacheFolder } from "../../files/cache.ts";
import { ioFault } from "../../files/faults.ts";
import { readRange } from "../../files/ranges.ts";
import { removeAtExit } from "../../files/temporary.ts";
import { toFloat32 } from "../../formats/tensor-types.ts";
import type { ModelMatrix } from "../../models/matrices.ts";
import { piecesOf, type StoredTensor, type TensorSource } from "../../models/sources/tensor-source.ts";
import { sizeText } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { Decoder } from "../../ports/model.ts";
import { TaskThread } from "../../probes/threads.ts";
import type { Decomposition } from "../../squeeze/low-rank.ts";
import { keptAs } from "../../squeeze/matrix.ts";
import { isByInputs, type Transform } from "../../squeeze/transform.ts";
import { type MatrixResult, type MatrixTask, squeezeTensor } from "./matrix-task.ts";

/** Values, over all tensors, that take longer than threads take to start. */
const WORTH_THREADS = 2 ** 21;
const KEPT_VECTORS_BYTES = 2 ** 30;

/** What is known of the inputs of a matrix (METHODS §7.1). */
export type InputsOf = (matrix: ModelMatrix) => MatrixTask["inputs"];

export interface MadeMatrix {
  readonly bytes: number;
  readonly coded: number;
  readonly error: number;
  readonly energy: number;
}

export interface Made {
  readonly weights: TensorSource;
  /** of every matrix that was changed */
  readonly matrices: ReadonlyMap<ModelMatrix, MadeMatrix>;
}

export interface MakeRequest {
  readonly jobs: ReadonlyMap<ModelMatrix, Transform>;
  readonly inputsOf?: InputsOf;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** The tensor that a slot is filled with. */
export const nameIn = (source: TensorSource, { slot }: Pick<ModelMatrix, "slot">): string =>
  slot.names.find((name) => source.locate(name))!;

/** All values of a tensor. Memory: 4 bytes each. */
export async function valuesOf(source: TensorSource, name: string, signal?: AbortSignal): Promise<Float32Array> {
  const { dtype, shape } = source.locate(name)!;
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  let at = 0;
  for await (const piece of piecesOf(source, name, signal)) {
    const decoded = toFloat32(dtype, piece);
    values.set(decoded, at);
    at += decoded.length;
  }
  return values;
}

interface Lane {
  take(task: MatrixTask): Promise<MatrixResult>;
}

let written = 0;

export class SqueezedWeights {
  readonly #original: TensorSource;
  readonly #plain: TensorSource;
  readonly #threads: number;
  /** by the matrix itself, and by what it does to its inputs */
  readonly #vectors = [
    new Map<ModelMatrix, readonly Decomposition[]>(),
    new Map<ModelMatrix, readonly Decomposition[]>(),
  ];
  #vectorBytes = 0;
  #path: string | undefined;
  #keep: () => void = () => {};
  #lanes: Lane[] = [];
  #workers: TaskThread<MatrixTask, MatrixResult>[] = [];

  /**
   * @param decoder the original
   * @param plain its weights as the runtime reads them in place (`engines/runnable.ts`)
   */
  constructor({ weights }: Decoder, plain: TensorSource, threads: number) {
    this.#original = weights;
    this.#plain = plain;
    this.#threads = threads;
  }

  /**
   * Makes the weights of a point. Those of the one before are gone then: nothing may read them any more.
   * @throws LossyscopeError `io`, `interrupted`; `usage`, `model` as `squeezed` does, naming the tensor
   */
  async make({ jobs, inputsOf, onProgress = () => {}, signal }: MakeRequest): Promise<Made> {
    const order = [...jobs.keys()].sort((a, b) => valuesIn(b) - valuesIn(a));
    const total = order.reduce((values, matrix) => values + valuesIn(matrix), 0);
    const path = await this.#place(4 * total);
    const places = new Map<string, StoredTensor>();
    const matrices = new Map<ModelMatrix, MadeMatrix>();
    let offset = 0;
    for (const matrix of order) {
      const name = nameIn(this.#original, matrix);
      const { shape } = this.#original.locate(name)!;
      const bytes = 4 * valuesIn(matrix);
      places.set(name, { dtype: "F32", shape, file: path, offset, bytes });
      offset += bytes;
    }
    const file = await open(path, "w").catch((error) => Promise.reject(ioFault(error, `write ${path}`)));
    let done = 0;
    try {
      const queue = [...order];
      const work = async (lane: Lane): Promise<void> => {
        for (let matrix = queue.shift(); matrix; matrix = queue.shift()) {
          if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped while squeezing the weights");
          const transform = jobs.get(matrix)!;
          matrices.set(matrix, await this.#squeeze(lane, matrix, transform, inputsOf, file, places));
          onProgress((done += valuesIn(matrix)), total);
        }
      };
      await Promise.all(this.#open(total).map(work));
    } finally {
      await file.close();
    }
    const { names, locate } = this.#plain;
    const [original, plain] = [this.#original, this.#plain];
    return {
      matrices,
      weights: {
        names: () => names.call(plain),
        locate: (name) => places.get(name) ?? locate.call(plain, name),
        async read(name, from, to) {
          const place = places.get(name);
          return place ? readRange(place.file, place.offset + from, to - from) : original.read(name, from, to);
        },
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close(new LossyscopeError("interrupted", "stopped"))));
    this.#lanes = [];
    this.#workers = [];
    if (this.#path !== undefined) await rm(this.#path, { force: true });
    this.#keep();
  }

  async #squeeze(
    lane: Lane,
    matrix: ModelMatrix,
    transform: Transform,
    inputsOf: InputsOf | undefined,
    file: FileHandle,
    places: ReadonlyMap<string, StoredTensor>,
  ): Promise<MadeMatrix> {
    const { rows, columns, stack, layout } = matrix;
    const name = nameIn(this.#original, matrix);
    const { dtype, isComputed } = this.#original.locate(name)!;
    const vectors = this.#vectors[Number(isByInputs(transform))];
    const task: MatrixTask = {
      ...{ transform, rows, columns, stack, isTurned: layout === "in-out" },
      values: await valuesOf(this.#original, name),
      kept: isComputed ? "F16" : keptAs(dtype),
      inputs: isByInputs(transform) ? inputsOf?.(matrix) : undefined,
      decompositions: vectors.get(matrix),
    };
    const found = await lane.take(task).catch((error: unknown) => {
      if (!(error instanceof LossyscopeError)) throw error;
      throw new LossyscopeError(error.fault, `${name}: ${error.said}`, error.next);
    });
    const { values, bytes, coded, error, energy, decompositions } = found;
    if (decompositions && !vectors.has(matrix)) this.#remember(vectors, matrix, decompositions);
    await file
      .write(values, 0, values.byteLength, places.get(name)!.offset)
      .catch((fault) => Promise.reject(ioFault(fault, "write the squeezed weights")));
    return { bytes, coded, error, energy };
  }

  #remember(
    vectors: Map<ModelMatrix, readonly Decomposition[]>,
    matrix: ModelMatrix,
    decompositions: readonly Decomposition[],
  ): void {
    const bytes = decompositions.reduce((sum, { vectors, values }) => sum + vectors.byteLength + values.byteLength, 0);
    if (this.#vectorBytes + bytes > KEPT_VECTORS_BYTES) return;
    this.#vectorBytes += bytes;
    vectors.set(matrix, decompositions);
  }

  #open(values: number): readonly Lane[] {
    if (values < WORTH_THREADS) return [{ take: async (task) => squeezeTensor(task) }];
    if (this.#lanes.length === 0) {
      this.#workers = Array.from({ length: this.#threads }, () => new TaskThread<MatrixTask, MatrixResult>(MODULE));
      this.#lanes = this.#workers.map((worker) => ({ take: (task) => worker.take(task) }));
    }
    return this.#lanes;
  }

  async #place(bytes: number): Promise<string> {
    const folder = cacheFolder("squeezed");
    await removeLeft(folder);
    const { bavail, bsize } = await mkdir(folder, { recursive: true })
      .then(() => statfs(folder))
      .catch((error) => Promise.reject(ioFault(error, `write to the folder ${folder}`)));
    if (this.#path === undefined) {
      if (bytes > bavail * bsize)
        throw new LossyscopeError(
          "io",
          `the squeezed weights take ${sizeText(bytes)} as float32, ${sizeText(bavail * bsize)} are free at ${folder}`,
          "free space, or set XDG_CACHE_HOME to a larger disk",
        );
      this.#path = join(await realpath(folder), `${process.pid}-${written++}.weights`);
      this.#keep = removeAtExit(this.#path);
    }
    return this.#path;
  }
}

export const valuesIn = ({ rows, columns, stack }: ModelMatrix): number => rows * columns * stack;

/** From sources (tests) the compiled worker is started: plain Node cannot load TypeScript on every supported version. */
const MODULE = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/measure/squeeze/matrix-worker.js" : "./matrix-worker.js",
  import.meta.url,
);
