/**
 * Weights that the runtime can read in place. Where some are in blocks, 8-bit, computed or big-endian, all of them are written as
 * float32 into a file of their own, one after the other; else they stay where they are. Disk: 4 bytes a value; memory:
 * a piece of 4 MiB as stored and as float32 (80 MiB of the types of one and a half bits).
 */
import { open, realpath, rm } from "node:fs/promises";
import { ioFault } from "../../files/faults.ts";
import { isBlockType } from "../../formats/blocks/types.ts";
import { isFloat8 } from "../../formats/float8.ts";
import { toFloat32 } from "../../formats/tensor-types.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { piecesOf, type StoredTensor, type TensorSource } from "./tensor-source.ts";

const isInPlace = ({ dtype, isTurned, isComputed }: StoredTensor): boolean =>
  !isBlockType(dtype) && !isFloat8(dtype) && !isTurned && !isComputed;
const isFloat = ({ dtype }: StoredTensor): boolean =>
  isBlockType(dtype) || isFloat8(dtype) || /^B?F(?:16|32|64)$/.test(dtype);
const valuesOf = ({ shape }: StoredTensor): number => shape.reduce((product, size) => product * size, 1);

/** Names of what is written, in order; none where all can stay. */
function toWrite(source: TensorSource): readonly string[] {
  const names = [...source.names()];
  if (names.every((name) => isInPlace(source.locate(name)!))) return [];
  return names.filter((name) => isFloat(source.locate(name)!));
}

/** Bytes of the file that `asFloat32` writes; 0 where it writes none. */
export const float32Bytes = (source: TensorSource): number =>
  toWrite(source).reduce((bytes, name) => bytes + 4 * valuesOf(source.locate(name)!), 0);

/**
 * @param path of the file, which must not be there
 * @returns the source itself where nothing is written; what it gives to read stays as stored in any case
 * @throws LossyscopeError `io`, `interrupted`; nothing is left behind
 */
export async function asFloat32(source: TensorSource, path: string, signal?: AbortSignal): Promise<TensorSource> {
  const names = toWrite(source);
  if (names.length === 0) return source;
  try {
    const file = await open(path, "wx");
    const places = new Map<string, Omit<StoredTensor, "file">>();
    let offset = 0;
    try {
      for (const name of names) {
        const { dtype, shape } = source.locate(name)!;
        const begin = offset;
        for await (const piece of piecesOf(source, name, signal)) {
          const values = toFloat32(dtype, piece);
          await file.write(values, 0, values.byteLength, offset);
          offset += values.byteLength;
        }
        places.set(name, { dtype: "F32", shape, offset: begin, bytes: offset - begin });
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

/**
 * The source as it will be once `asFloat32` has written what has to be: for binding it before anything is written.
 * What it gives to read stays as stored.
 */
export const seenAsFloat32 = (source: TensorSource): TensorSource => ({
  names: () => source.names(),
  read: (name, from, to) => source.read(name, from, to),
  locate(name) {
    const tensor = source.locate(name);
    return tensor && isFloat(tensor) && !isInPlace(tensor)
      ? { ...tensor, dtype: "F32", isTurned: false, isComputed: false }
      : tensor;
  },
});
