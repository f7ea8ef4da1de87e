/**
 * Weights as the runtime can read them. What it reads as stored stays where it lies; anything else is written into a file of
 * its own, tensor after tensor: blocks of codes, and codes of quantised folders, as the codes, scales and minima that the runtime
 * multiplies by (`models/coded.ts`), other types as float32. Disk: `runnableBytes`, at most; memory: a piece of 4 MiB as stored and as it is
 * written (80 MiB of the types of one and a half bits).
 *
 * Bits a value: 4 + 32/g for codes of up to 4 bits in groups of g, 8 + 32/g for wider ones, 32/g more where there are
 * minima. Of codes narrower than what they are written in there is room beside them: their middle is moved to the half,
 * which stands for 0; where there is none (Q4_1, Q4_K), the minima take what is missing.
 */
import { type FileHandle, open, realpath, rm } from "node:fs/promises";
import { parse } from "node:path";
import { ioFault } from "../../files/faults.ts";
import { type CodedType, readCoded } from "../../formats/blocks/coded.ts";
import { CODED } from "../../formats/blocks/dequantise.ts";
import { type BlockType, isBlockType } from "../../formats/blocks/types.ts";
import { isFloat8 } from "../../formats/float8.ts";
import { toFloat32 } from "../../formats/tensor-types.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { piecesOf, type RowsOfCodes, type StoredTensor, type TensorSource } from "./tensor-source.ts";

const isInPlace = ({ dtype, isTurned, isComputed }: StoredTensor): boolean =>
  !isBlockType(dtype) && !isFloat8(dtype) && !isTurned && !isComputed;
const isFloat = ({ dtype }: StoredTensor): boolean =>
  isBlockType(dtype) || isFloat8(dtype) || /^B?F(?:16|32|64)$/.test(dtype);
const valuesOf = ({ shape }: StoredTensor): number => shape.reduce((product, size) => product * size, 1);

/** Floats that are read in place and widened. */
const isNarrow = (tensor: StoredTensor): boolean => isInPlace(tensor) && /^B?F16$/.test(tensor.dtype);

/** What rows a graph will mostly be run for: those of windows, or one at a time; or that it takes numbers alone. */
export type Rows = "windows" | "steps" | "floats";

/** What is written of a tensor: codes under scales, or float32. */
type Written = Codes | "float32";
interface Codes {
  readonly coded: Pick<CodedType, "bits" | "middle" | "hasMinima"> & { readonly group: number };
  readonly bits: 4 | 8;
  readonly isHalved: boolean;
  readonly hasMinima: boolean;
  /** all rows, some at a time */
  readonly pieces: (source: TensorSource, name: string, signal?: AbortSignal) => AsyncIterable<RowsOfCodes>;
}

/** As far as headers tell: of zero points that a folder has, that there are minima. */
function writtenOf(tensor: StoredTensor, rows: Rows): Written {
  const { dtype, shape, computed } = tensor;
  if (rows === "floats") return "float32";
  if (computed) {
    const { group, bits, middle } = computed;
    return codesOf({ group, bits: bits as CodedType["bits"], middle, hasMinima: true }, rows, unopened);
  }
  const coded = isBlockType(dtype) ? CODED[dtype] : undefined;
  if (!coded || tensor.isComputed || shape.length < 2) return "float32";
  return codesOf(coded, rows, async function* (source, name, signal) {
    for await (const piece of piecesOf(source, name, signal)) yield readCoded(dtype as BlockType, coded, piece);
  });
}

function codesOf(coded: Codes["coded"], rows: Rows, pieces: Codes["pieces"]): Codes {
  const bits = coded.bits <= 4 ? 4 : 8;
  const isHalved = bits === 8 && rows === "steps";
  return { coded, bits, isHalved, hasMinima: coded.hasMinima || isHalved, pieces };
}

const unopened: Codes["pieces"] = () => {
  throw new Error("codes that were not opened");
};

/** Codes of a piece of a computed matrix. */
const PIECE_CODES = 1 << 22;

/** The same once what all rows of a computed matrix share is read. */
async function openedOf(tensor: StoredTensor, rows: Rows): Promise<Written> {
  const { computed, shape } = tensor;
  if (!computed || rows === "floats") return writtenOf(tensor, rows);
  const opened = await computed.open();
  if (!opened) return "float32";
  const { group, bits, middle } = computed;
  const coded = { group, bits: bits as CodedType["bits"], middle, hasMinima: opened.hasMinima };
  const step = Math.max(1, Math.floor(PIECE_CODES / (valuesOf(tensor) / shape[0])));
  return codesOf(coded, rows, async function* (_source, _name, signal) {
    for (let from = 0; from < shape[0]; from += step) {
      if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped while reading the weights");
      yield await opened.rows(from, Math.min(from + step, shape[0]));
    }
  });
}

/** Whether some of the weights stay codes. */
export const hasCodes = (source: TensorSource): boolean =>
  [...source.names()].some((name) => writtenOf(source.locate(name)!, "windows") !== "float32");

/** Whether weights for such rows are other ones than for windows. */
export const tellsRows = (source: TensorSource, rows: Rows): boolean =>
  [...source.names()].some((name) => {
    const written = writtenOf(source.locate(name)!, "steps");
    return written !== "float32" && (rows === "floats" || (rows === "steps" && written.isHalved));
  });

/** Names of what is written, in order; none where all can stay. @param root of the file system that the file is in */
function toWrite(source: TensorSource, root?: string): readonly string[] {
  const names = [...source.names()].filter((name) => isFloat(source.locate(name)!));
  const moved = names.filter((name) => !isInPlace(source.locate(name)!));
  // The runtime takes one folder that all its files are in.
  const isElsewhere = root !== undefined && names.some((name) => parse(source.locate(name)!.file).root !== root);
  return moved.length > 0 && isElsewhere ? names : moved;
}

interface Sizes {
  readonly codes: number;
  readonly scales: number;
  readonly minima: number;
}

function sizesOf(tensor: StoredTensor, rows: Rows, written = writtenOf(tensor, rows)): Sizes {
  const values = valuesOf(tensor);
  if (written === "float32") return { codes: 4 * values, scales: 0, minima: 0 };
  const numbers = (4 * values) / written.coded.group;
  return { codes: (values * written.bits) / 8, scales: numbers, minima: written.hasMinima ? numbers : 0 };
}

/** Bytes of the file that `asRunnable` writes; 0 where it writes none. */
export const runnableBytes = (source: TensorSource, rows: Rows): number =>
  toWrite(source).reduce((bytes, name) => {
    const { codes, scales, minima } = sizesOf(source.locate(name)!, rows);
    return bytes + codes + scales + minima;
  }, 0);

/** What weights are as they run. */
export interface Holding {
  readonly codes: { readonly tensors: number; readonly bytes: number };
  readonly float32: { readonly tensors: number; readonly bytes: number; readonly types: readonly string[] };
}

const storedType = (_: string, { dtype, isComputed }: StoredTensor): string =>
  isComputed ? "quantised otherwise" : dtype;

/**
 * How weights that are stored in few bits are held as they run: as codes under scales, or as the float32 values that they stand
 * for, with the types of these.
 * @param typeOf what a tensor is stored as, where its own type does not say
 * @returns null where all are stored as plain floats
 */
export function holdingOf(source: TensorSource, typeOf = storedType): Holding | null {
  const codes = { tensors: 0, bytes: 0 };
  const float32 = { tensors: 0, bytes: 0 };
  const types = new Set<string>();
  let isPlain = true;
  for (const name of source.names()) {
    const tensor = source.locate(name)!;
    if (!isFloat(tensor)) continue;
    const written = writtenOf(tensor, "windows");
    const sizes = sizesOf(tensor, "windows", written);
    const part = written === "float32" ? float32 : codes;
    part.tensors++;
    part.bytes += sizes.codes + sizes.scales + sizes.minima;
    if (!isInPlace(tensor)) isPlain = false;
    if (written === "float32") types.add(typeOf(name, tensor));
  }
  return isPlain ? null : { codes, float32: { ...float32, types: [...types].sort() } };
}

/** Some of the weights. */
export interface Part {
  readonly names: Iterable<string>;
  /** of the rows of each that are multiplied by at a time; absent: all */
  readonly share?: number;
}

/**
 * What the runtime holds of the weights, at most: codes as they are, and of 8 bits the largest matrix as float32 twice,
 * while it is multiplied by and the last one's place is still kept; of anything else 4 bytes a value, and 4 again while it
 * is transposed, of narrower floats the file's own pages besides.
 */
export function heldBytes(
  source: TensorSource,
  rows: Rows,
  { names, share = 1 }: Part = { names: source.names() },
): number {
  let [bytes, widened] = [0, 0];
  for (const name of names) {
    const tensor = source.locate(name)!;
    const written = writtenOf(tensor, rows);
    if (written === "float32") bytes += share * (8 * valuesOf(tensor) + (isNarrow(tensor) ? tensor.bytes : 0));
    else {
      const { codes, scales, minima } = sizesOf(tensor, rows);
      bytes += share * (codes + scales + minima);
      if (written.bits === 8 && !written.isHalved) widened = Math.max(widened, 4 * share * valuesOf(tensor));
    }
  }
  return bytes + 2 * widened;
}

/** The same of what is looked up in and never multiplied by: as it is stored, or written. */
export const lookedBytes = (source: TensorSource, rows: Rows, names: Iterable<string>): number =>
  [...names].reduce((sum, name) => {
    const tensor = source.locate(name)!;
    const { codes, scales, minima } = sizesOf(tensor, rows);
    return sum + (isInPlace(tensor) ? tensor.bytes : codes + scales + minima);
  }, 0);

/**
 * @param path of the file, which must not be there
 * @returns the source itself where nothing is written; what it gives to read stays as stored in any case
 * @throws LossyscopeError `io`, `interrupted`; nothing is left behind
 */
export async function asRunnable(
  source: TensorSource,
  rows: Rows,
  path: string,
  signal?: AbortSignal,
): Promise<TensorSource> {
  const names = toWrite(source, parse(path).root);
  if (names.length === 0) return source;
  try {
    const file = await open(path, "wx");
    const places = new Map<string, Omit<StoredTensor, "file">>();
    let end = 0;
    try {
      for (const name of names) {
        const tensor = source.locate(name)!;
        const written = await openedOf(tensor, rows);
        const { codes, scales, minima } = sizesOf(tensor, rows, written);
        const at = { codes: end, scales: end + codes, minima: end + codes + scales };
        end += codes + scales + minima;
        const { shape } = tensor;
        if (written === "float32") {
          await writeFloats(file, source, name, at.codes, signal);
          places.set(name, { dtype: "F32", shape, offset: at.codes, bytes: codes });
          continue;
        }
        await writeCodes(file, source, { name, written, at, bytes: codes }, signal);
        const { bits, isHalved, hasMinima, coded } = written;
        const minimaAt = hasMinima ? at.minima : null;
        const layout = { bits, isHalved, group: coded.group, scales: at.scales, minima: minimaAt };
        places.set(name, { dtype: "U8", shape, offset: at.codes, bytes: codes, codes: layout });
      }
    } finally {
      await file.close();
    }
    const real = await realpath(path);
    const placed = new Map([...places].map(([name, place]) => [name, { ...place, file: real }]));
    return {
      names: () => source.names(),
      locate: (name) => placed.get(name) ?? source.locate(name),
      read: (name, from, to) => source.read(name, from, to),
    };
  } catch (error) {
    await rm(path, { force: true });
    if (error instanceof LossyscopeError) throw error;
    throw ioFault(error, `write ${path}`);
  }
}

async function writeFloats(
  file: FileHandle,
  source: TensorSource,
  name: string,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let at = offset;
  for await (const piece of piecesOf(source, name, signal)) {
    const values = toFloat32(source.locate(name)!.dtype, piece);
    await file.write(values, 0, values.byteLength, at);
    at += values.byteLength;
  }
}

interface CodesToWrite {
  readonly name: string;
  readonly written: Codes;
  readonly at: Sizes;
  /** of all codes */
  readonly bytes: number;
}

async function writeCodes(
  file: FileHandle,
  source: TensorSource,
  { name, written: { coded, bits, isHalved, hasMinima, pieces }, at, bytes }: CodesToWrite,
  signal: AbortSignal | undefined,
): Promise<void> {
  const half = 2 ** (bits - 1);
  const room = 2 ** bits - 2 ** coded.bits;
  const moved = Math.min(half - coded.middle, room);
  const missing = half - coded.middle - moved + (isHalved ? 8 : 0);
  let [codesBefore, groupsBefore] = [0, 0];
  for await (const { codes, scales, minima: own } of pieces(source, name, signal)) {
    const minima = hasMinima && !coded.hasMinima ? new Float32Array(scales.length) : own;
    for (let i = 0; i < codes.length; i++) codes[i] += moved;
    if (missing > 0) for (let i = 0; i < minima.length; i++) minima[i] += missing * scales[i];
    const planes = isHalved ? [inNibbles(codes, 4), inNibbles(codes, 0)] : [bits === 4 ? inNibbles(codes, 0) : codes];
    for (const [index, plane] of planes.entries())
      await file.write(plane, 0, plane.length, at.codes + (index * bytes) / 2 + codesBefore);
    await file.write(scales, 0, scales.byteLength, at.scales + groupsBefore);
    await file.write(minima, 0, minima.byteLength, at.minima + groupsBefore);
    codesBefore += planes[0].length;
    groupsBefore += scales.byteLength;
  }
}

/** Four bits of each code, two a byte, the first in the lower nibble. @param from the lowest of the four */
function inNibbles(codes: Uint8Array, from: number): Uint8Array {
  const packed = new Uint8Array(codes.length / 2);
  for (let i = 0; i < packed.length; i++)
    packed[i] = ((codes[2 * i] >> from) & 15) | (((codes[2 * i + 1] >> from) & 15) << 4);
  return packed;
}

/**
 * The source as it will be once `asRunnable` has written what has to be: for binding it before anything is written.
 * What it gives to read stays as stored.
 */
export const seenAsRunnable = (source: TensorSource): TensorSource => ({
  names: () => source.names(),
  read: (name, from, to) => source.read(name, from, to),
  locate(name) {
    const tensor = source.locate(name);
    return tensor && isFloat(tensor) && !isInPlace(tensor)
      ? { ...tensor, dtype: "F32", isTurned: false, isComputed: false }
      : tensor;
  },
});
