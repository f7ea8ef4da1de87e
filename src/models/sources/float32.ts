/**
 * Weights that the runtime can read in place: those that it cannot (values in blocks, big-endian files) are written as
 * float32 into a file of their own, the others stay where they are. Disk: 4 bytes for each value of the tensors
 * written; memory: a piece of 4 MiB as stored and as float32 (at most 80 MiB, of the types of one and a half bits).
 */
import { openSafetensors, writeSafetensors } from "../../files/safetensors.ts";
import { isBlockType } from "../../formats/blocks/types.ts";
import { toFloat32 } from "../../formats/tensor-types.ts";
import { piecesOf, type StoredTensor, type TensorSource } from "./tensor-source.ts";

export interface Float32Options {
  /** bytes read so far, of how many */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const isInPlace = ({ dtype, isTurned }: StoredTensor): boolean => !isBlockType(dtype) && !isTurned;

/** Bytes of the file that `asFloat32` writes, but for its header; 0 where none is needed. */
export function float32Bytes(source: TensorSource): number {
  let values = 0;
  for (const name of source.names()) {
    const tensor = source.locate(name)!;
    if (!isInPlace(tensor)) values += tensor.shape.reduce((product, size) => product * size, 1);
  }
  return 4 * values;
}

/**
 * @param path of the file that is written where one is needed
 * @throws LossyscopeError `io`, `interrupted`, `unsupported` for values that are no floats
 */
export async function asFloat32(
  source: TensorSource,
  path: string,
  options: Float32Options = {},
): Promise<TensorSource> {
  const names = [...source.names()].filter((name) => !isInPlace(source.locate(name)!));
  if (names.length === 0) return source;
  const total = names.reduce((sum, name) => sum + source.locate(name)!.bytes, 0);
  let done = 0;
  async function* floats(name: string): AsyncGenerator<Float32Array> {
    const { dtype } = source.locate(name)!;
    for await (const piece of piecesOf(source, name, options.signal)) {
      yield toFloat32(dtype, piece);
      options.onProgress?.((done += piece.length), total);
    }
  }
  await writeSafetensors(
    path,
    names.map((name) => ({ name, dtype: "F32", shape: source.locate(name)!.shape, data: floats(name) })),
  );
  const file = await openSafetensors(path);
  await file.close();
  const written = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, begin, end } of file.header.tensors.values())
    written.set(name, { dtype, shape, file: file.path, offset: begin, bytes: end - begin });
  return {
    names: () => source.names(),
    locate: (name) => written.get(name) ?? source.locate(name),
    read: (name, from, to) => source.read(name, from, to),
  };
}
