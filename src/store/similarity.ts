/**
 * How alike the layers of two models see the same places of a text (METHODS §12): the states that `measure --keep states`
 * left beside the profiles, matched by document and byte, and the linear CKA of every pair of layers (`info/cka.ts`).
 *
 * Places are those that both models kept, at most 4,000, and fewer where the arithmetic would take more than
 * `MOST_PRODUCTS` multiply-adds, half a minute or so of one core: then evenly spread over the text. Memory: one layer's
 * places of either model, and that of `info/cka.ts`; files are read a layer's rows at a time.
 */
import { dirname, join } from "node:path";
import { documentKeys } from "../atlas/alignment.ts";
import type { NotAlike, Similarity } from "../atlas/similarity.ts";
import type { Named } from "../atlas/text.ts";
import { openSafetensors, type SafetensorsFile } from "../files/safetensors.ts";
import { ckaByChance, ckaCost, FEWEST_ROWS, type LayeredStates, linearCka } from "../info/cka.ts";
import { LossyscopeError } from "../numeric/errors.ts";

const FILE = "states.safetensors";
const MOST_ROWS = 4000;
const MOST_PRODUCTS = 6e10;

/** A file of kept states, checked against its profile. */
interface Kept {
  readonly file: SafetensorsFile;
  readonly layers: number;
  readonly width: number;
  /** document and byte → row */
  readonly rows: ReadonlyMap<string, number>;
  /** whether the last layer is taken before the final norm */
  readonly preNorm: boolean;
}

export interface SimilarityOptions {
  readonly signal?: AbortSignal;
  /** called as the pairs of `given` are gone through, in matrix products of one pair */
  readonly onProgress?: (pair: number, done: number, total: number) => void;
}

/**
 * Says how alike the layers of models are, from the states kept beside their profiles.
 * @param given the baseline, then the others
 * @returns one for each of the others: what was found, or why nothing could be
 * @throws LossyscopeError `io`, `interrupted`
 */
export async function similarities(
  given: readonly Named[],
  { signal, onProgress }: SimilarityOptions = {},
): Promise<(Similarity | NotAlike)[]> {
  const opened: (Kept | NotAlike)[] = [];
  try {
    for (const one of given) opened.push(await openKept(one));
    const [baseline, ...others] = opened;
    const found: (Similarity | NotAlike)[] = [];
    for (const [pair, other] of others.entries()) {
      if ("absent" in baseline) found.push(baseline);
      else if ("absent" in other) found.push(other);
      else found.push(await similarity(baseline, other, signal, (done, total) => onProgress?.(pair, done, total)));
    }
    return found;
  } finally {
    for (const one of opened) if (!("absent" in one)) await one.file.close();
  }
}

/** What has to be done to have states to compare. */
export const KEEP_STATES = "measure with --keep states --out DIR and compare DIR/profile.json";

async function openKept({ file: named, profile }: Named): Promise<Kept | NotAlike> {
  const path = join(dirname(named), FILE);
  let file: SafetensorsFile;
  try {
    file = await openSafetensors(path);
  } catch (error) {
    if (!(error instanceof LossyscopeError)) throw error;
    const missing = (error.cause as { code?: unknown } | undefined)?.code === "ENOENT";
    return { absent: missing ? `no states were kept beside ${named}: ${KEEP_STATES}` : error.message };
  }
  const refuse = async (message: string): Promise<NotAlike> => {
    await file.close();
    return { absent: `${path} ${message}: ${KEEP_STATES}` };
  };
  const { tensors, metadata } = file.header;
  if (metadata.profile !== profile.id) {
    return refuse(`is of the measurement ${metadata.profile ?? "of no known name"}, ${named} is ${profile.id}`);
  }
  const [states, doc, byteEnd] = ["states", "doc", "byte_end"].map((name) => tensors.get(name));
  const [layers, rows, width] = states?.shape ?? [];
  const sound =
    states?.dtype === "F32" &&
    states.shape.length === 3 &&
    doc?.dtype === "I32" &&
    byteEnd?.dtype === "U32" &&
    [doc, byteEnd].every(({ shape }) => shape.length === 1 && shape[0] === rows);
  if (!sound) return refuse("has no states [layers, n, width], doc [n] and byte_end [n]");
  const keys = documentKeys(profile);
  const [documents, bytes] = [await file.read("doc"), await file.read("byte_end")];
  const places = new Map<string, number>();
  for (const [row, document] of documents.entries()) {
    const key = keys[Number(document)];
    if (key === undefined) return refuse(`has a row of document ${document}, the profile has ${keys.length}`);
    places.set(`${key} ${bytes[row]}`, row);
  }
  return { file, layers, width, rows: places, preNorm: metadata.pre_norm === "true" };
}

async function similarity(
  a: Kept,
  b: Kept,
  signal: AbortSignal | undefined,
  onProgress: (done: number, total: number) => void,
): Promise<Similarity | NotAlike> {
  const shared = [...a.rows].flatMap(([place, row]) => {
    const other = b.rows.get(place);
    return other === undefined ? [] : [[row, other] as const];
  });
  if (shared.length < FEWEST_ROWS) return { absent: `the models kept ${shared.length} places in common` };
  const places = affordable(a, b, Math.min(MOST_ROWS, shared.length));
  const chosen = Array.from({ length: places }, (_, at) => shared[Math.floor((at * shared.length) / places)]);
  const side = (kept: Kept, rows: readonly number[]): LayeredStates => ({
    layers: kept.layers,
    width: kept.width,
    read: (layer, first, last) => readRows(kept, layer, rows.slice(first, last)),
  });
  const cka = await linearCka(
    side(
      a,
      chosen.map(([row]) => row),
    ),
    side(
      b,
      chosen.map(([, row]) => row),
    ),
    { rows: places, signal, onProgress },
  );
  const note =
    a.preNorm === b.preNorm
      ? null
      : "one model's last layer is before its final norm, the other's behind it: they do not compare";
  return { cka, nearest: nearestOf(cka), places, kept: shared.length, byChance: ckaByChance(places), note };
}

/** The most rows, up to `most`, that cost no more than is allowed. */
function affordable(a: Kept, b: Kept, most: number): number {
  const dear = (rows: number): boolean => ckaCost(a, b, rows).products > MOST_PRODUCTS;
  if (!dear(most)) return most;
  let [low, high] = [FEWEST_ROWS, most];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (dear(middle)) high = middle;
    else low = middle;
  }
  return low;
}

/** Bytes between two rows that are read along with them rather than by a call of their own. */
const GAP_BYTES = 2 ** 16;

/** Rows of a layer; those close behind each other in the file are read together. */
async function readRows({ file, width }: Kept, layer: number, rows: readonly number[]): Promise<Float32Array> {
  const { begin, shape } = file.entry("states");
  const rowBytes = 4 * width;
  const start = begin + layer * shape[1] * rowBytes;
  const values = new Float32Array(rows.length * width);
  const into = new Uint8Array(values.buffer);
  const isNear = (row: number, next: number): boolean => next > row && (next - row) * rowBytes <= GAP_BYTES;
  for (let first = 0; first < rows.length; ) {
    let last = first;
    while (last + 1 < rows.length && isNear(rows[last], rows[last + 1])) last++;
    const bytes = await file.readRange(start + rows[first] * rowBytes, start + (rows[last] + 1) * rowBytes);
    for (let at = first; at <= last; at++) {
      const offset = (rows[at] - rows[first]) * rowBytes;
      into.set(bytes.subarray(offset, offset + rowBytes), at * rowBytes);
    }
    first = last + 1;
  }
  return values;
}

/** For each column the row of its greatest entry. */
function nearestOf(cka: Similarity["cka"]): (number | null)[] {
  return cka[0].map((_, column) => {
    let nearest: number | null = null;
    for (const [row, values] of cka.entries()) {
      const value = values[column];
      if (value !== null && (nearest === null || value > cka[nearest][column]!)) nearest = row;
    }
    return nearest;
  });
}
