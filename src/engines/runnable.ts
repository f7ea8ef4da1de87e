/**
 * Weights as the runtime can read them, for every graph that is made of them: once a process, into a file that goes
 * with it, where the model's own files will not do (`models/sources/runnable.ts`). Disk: `runnableBytes` in the user's
 * cache folder, which is looked at first; the pages are the runtime's own memory, not a second one.
 */
import { mkdir, readdir, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Products } from "../coding/arithmetic.ts";
import { cacheFolder } from "../files/cache.ts";
import { ioFault } from "../files/faults.ts";
import { isRunning } from "../files/processes.ts";
import { removeAtExit } from "../files/temporary.ts";
import type { Rounding } from "../models/rounded.ts";
import { type RoundedWeights, roundedBytes, writeRounded } from "../models/sources/rounded.ts";
import { asRunnable, type Rows, runnableBytes, tellsRows } from "../models/sources/runnable.ts";
import type { TensorSource } from "../models/sources/tensor-source.ts";
import { sizeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Decoder } from "../ports/model.ts";
import type { PrecisionKind } from "../profile/precision.ts";

const made: Readonly<Record<Rows, WeakMap<TensorSource, Promise<TensorSource>>>> = {
  windows: new WeakMap(),
  steps: new WeakMap(),
  floats: new WeakMap(),
};
let written = 0;

/**
 * @param rows what the graph will be run for
 * @throws LossyscopeError `io` where the disk has no room or refuses; `interrupted`
 */
export function runnable(weights: TensorSource, rows: Rows, signal?: AbortSignal): Promise<TensorSource> {
  const kind = tellsRows(weights, rows) ? rows : "windows";
  const known = made[kind].get(weights);
  if (known) return known;
  const making = make(weights, kind, signal);
  made[kind].set(weights, making);
  making.catch(() => made[kind].delete(weights));
  return making;
}

const inWholeNumbers: Readonly<Record<Rounding, WeakMap<TensorSource, Promise<RoundedWeights>>>> = {
  int8: new WeakMap(),
  sliced: new WeakMap(),
};

/**
 * The matrices of a model as whole numbers, likewise (`models/sources/rounded.ts`).
 * @throws LossyscopeError as `runnable`
 */
export function rounded(
  { spec, weights, precision, products = precision }: Decoder & { readonly products?: Products | PrecisionKind },
  signal?: AbortSignal,
): Promise<RoundedWeights> | undefined {
  if (products !== "int8" && products !== "sliced") return undefined;
  const known = inWholeNumbers[products].get(weights);
  if (known) return known;
  const making = inFile(roundedBytes(spec, products), (path) => writeRounded(spec, weights, products, path, signal));
  inWholeNumbers[products].set(weights, making);
  making.catch(() => inWholeNumbers[products].delete(weights));
  return making;
}

/** Removes what a process has left in such a folder that was ended before it could. */
export async function removeLeft(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, pid] = /^(\d+)-\d+\.weights$/.exec(name) ?? [];
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(folder, name), { force: true }).catch(() => {});
  }
}

async function make(weights: TensorSource, rows: Rows, signal: AbortSignal | undefined): Promise<TensorSource> {
  const bytes = runnableBytes(weights, rows);
  if (bytes === 0) return weights;
  return inFile(bytes, (path) => asRunnable(weights, rows, path, signal));
}

/**
 * Lets weights be written into a file that goes with this process.
 * @throws LossyscopeError `io` where the disk has no room or refuses; what the writing throws
 */
async function inFile<T>(bytes: number, write: (path: string) => Promise<T>): Promise<T> {
  const folder = cacheFolder("weights");
  await removeLeft(folder);
  const { bavail, bsize } = await mkdir(folder, { recursive: true })
    .then(() => statfs(folder))
    .catch((error) => Promise.reject(ioFault(error, `write to the folder ${folder}`)));
  if (bytes > bavail * bsize)
    throw new LossyscopeError(
      "io",
      `the weights take ${sizeText(bytes)} as they are run, ${sizeText(bavail * bsize)} are free at ${folder}`,
      "free space, or set XDG_CACHE_HOME to a larger disk",
    );
  const path = join(folder, `${process.pid}-${written++}.weights`);
  const keep = removeAtExit(path);
  return write(path).catch((error) => {
    keep();
    throw error;
  });
}
