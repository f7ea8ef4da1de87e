/**
 * The port between files of weights and all that looks at weights: what tensors there are, where each lies, and its bytes as
 * they are stored. The runtime reads a tensor in place, from what `locate` says; everything else asks for bytes. What a
 * tensor is for is left to `weights.ts`, what its bytes mean to `formats/`.
 *
 * A new kind of file is a source of its own beside `safetensors.ts`; its test hands it to `tensor-source.testing.ts`.
 */
import { readRange } from "../../files/ranges.ts";
import { BLOCKS, isBlockType } from "../../formats/blocks/types.ts";
import type { Dtype } from "../../formats/tensor-types.ts";
import { LossyscopeError } from "../../numeric/errors.ts";

/** How a matrix lies as codes under the scales of groups (`models/coded.ts`): codes where the tensor lies, the rest further on. */
export interface StoredCodes {
  readonly bits: 4 | 8;
  readonly group: number;
  /** of 8 bits, the higher four of all come first, then the lower four */
  readonly isHalved: boolean;
  /** first bytes in the file, of float32 a group */
  readonly scales: number;
  readonly minima: number | null;
}

/** Codes of some rows: scale · (code − middle) + minimum, a scale and a minimum for every `group` columns. */
export interface RowsOfCodes {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  /** empty where there are none */
  readonly minima: Float32Array;
}

/** What the values of a computed matrix are made of, where that is codes under scales of stretches of a row. */
export interface ComputedCodes {
  /** a power of two */
  readonly group: number;
  /** codes are 0 … 2^bits − 1 */
  readonly bits: number;
  readonly middle: number;
  /**
   * Reads what all rows share.
   * @returns undefined where groups turn out to be no stretches of a row
   * @throws LossyscopeError as `TensorSource.read`
   */
  open(): Promise<{ readonly hasMinima: boolean; rows(from: number, to: number): Promise<RowsOfCodes> } | undefined>;
}

/** Where a tensor lies, and as what. */
export interface StoredTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** absolute path of the file, links resolved; a name where the file is not on this machine */
  readonly file: string;
  /** first byte in the file */
  readonly offset: number;
  readonly bytes: number;
  /** the file has its values big-endian: nobody can read it in place, `read` turns them */
  readonly isTurned?: boolean;
  /**
   * what `read` gives is computed from several tensors of the file: nobody can read it in place. `bytes` are those that
   * `read` gives, `offset` is where the tensor begins that most of it is in
   */
  readonly isComputed?: boolean;
  /** what is computed, before its values are made; absent where they are no codes */
  readonly computed?: ComputedCodes;
  /** what the runtime reads are codes and not values */
  readonly codes?: StoredCodes;
}

export interface TensorSource {
  /** each once, in the order of the files */
  names(): Iterable<string>;
  /** @returns undefined where there is no tensor of this name; reads nothing */
  locate(name: string): StoredTensor | undefined;
  /**
   * Bytes `[from, to)` of a tensor, as stored, in a buffer of their own.
   * @throws LossyscopeError `io` where the file cannot be read or was cut; RangeError where there is no such tensor or
   *   stretch of it
   */
  read(name: string, from: number, to: number): Promise<Uint8Array<ArrayBuffer>>;
  /** the tensors that the files have, where some of this source's are computed from them: what storage is counted by */
  readonly stored?: TensorSource;
}

/** Tensors that lie plainly in files, one stretch each. */
export function tensorsInFiles(tensors: ReadonlyMap<string, StoredTensor>, read = readRange): TensorSource {
  return {
    names: () => tensors.keys(),
    locate: (name) => tensors.get(name),
    async read(name, from, to) {
      const tensor = tensors.get(name);
      if (!tensor) throw new RangeError(`there is no tensor ${name}`);
      if (!(from >= 0 && from <= to && to <= tensor.bytes)) {
        throw new RangeError(`bytes ${from} to ${to} of the tensor ${name}, which has ${tensor.bytes}`);
      }
      return read(tensor.file, tensor.offset + from, to - from);
    },
  };
}

/** Some of a source's tensors under other names. @param given what the source calls each, by its name here */
export function renamed(source: TensorSource, given: ReadonlyMap<string, string>): TensorSource {
  const calledThere = (name: string): string => {
    const there = given.get(name);
    if (there === undefined) throw new RangeError(`there is no tensor ${name}`);
    return there;
  };
  return {
    names: () => given.keys(),
    locate: (name) => (given.has(name) ? source.locate(given.get(name)!) : undefined),
    read: async (name, from, to) => source.read(calledThere(name), from, to),
  };
}

/** Bytes of a piece, of types that have whole bytes. */
const PIECE_BYTES = 1 << 22;

/** Bytes of a piece of a tensor: of whole values, and of whole blocks. */
function pieceBytes(dtype: Dtype): number {
  const size = isBlockType(dtype) ? BLOCKS[dtype].bytes : 1;
  return Math.floor(PIECE_BYTES / size) * size;
}

/**
 * All bytes of a tensor in order, in pieces of 4 MiB, of whole values and whole blocks.
 * @throws LossyscopeError `interrupted` on abort, and as `read` does
 */
export async function* piecesOf(
  source: TensorSource,
  name: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { bytes, dtype } = source.locate(name) ?? { bytes: 0, dtype: "U8" };
  const most = pieceBytes(dtype);
  for (let from = 0; from < bytes; from += most) {
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped while reading the weights");
    yield await source.read(name, from, Math.min(from + most, bytes));
  }
}

/** Bytes of two tensors that are looked at first: of two that differ mostly all that is. */
const FIRST_LOOK = 1 << 12;
/** Stretches as long, evenly over both, that stand for the whole. */
const SAMPLES = 16;

/**
 * Whether two tensors are the same bytes of the same type and shape. Memory: a piece of each.
 * @param sampled looks at 64 kB of each alone, for whom every byte is a long way off
 */
export async function equalTensors(
  source: TensorSource,
  one: string,
  other: string,
  sampled = false,
): Promise<boolean> {
  const [a, b] = [one, other].map((name) => source.locate(name)!);
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false;
  const areAlike = async (from: number): Promise<boolean> => {
    const to = Math.min(from + FIRST_LOOK, a.bytes);
    const [mine, theirs] = await Promise.all([one, other].map((name) => source.read(name, from, to)));
    return Buffer.compare(mine, theirs) === 0;
  };
  for (let sample = 0; sample < (sampled ? SAMPLES : 1); sample++)
    if (!(await areAlike(Math.floor((sample * Math.max(0, a.bytes - FIRST_LOOK)) / SAMPLES)))) return false;
  if (sampled) return true;
  const others = piecesOf(source, other);
  for await (const piece of piecesOf(source, one)) {
    const { value } = await others.next();
    if (Buffer.compare(piece, value!) !== 0) return false;
  }
  return true;
}
