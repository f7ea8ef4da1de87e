/** Tensors in memory as a source, for tests of what is made of them. */
import type { Dtype } from "../../formats/tensor-types.ts";
import type { TensorSource } from "../sources/tensor-source.ts";

export interface Held {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

export const bytesOf = (data: ArrayBufferView): Uint8Array<ArrayBuffer> =>
  new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength).slice();

export function held(tensors: Readonly<Record<string, Held>>): TensorSource {
  const found = (name: string): Held | undefined => (Object.hasOwn(tensors, name) ? tensors[name] : undefined);
  return {
    names: () => Object.keys(tensors),
    locate(name) {
      const tensor = found(name);
      return (
        tensor && {
          dtype: tensor.dtype,
          shape: tensor.shape,
          file: "/nowhere",
          offset: 0,
          bytes: tensor.data.byteLength,
        }
      );
    },
    read: async (name, from, to) => bytesOf(found(name)!.data).slice(from, to),
  };
}

export const f32 = (shape: readonly number[], ...values: number[]): Held => ({
  dtype: "F32",
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => values[i % values.length]),
});
export const coded = (dtype: Dtype, ...shape: readonly number[]): Held => ({
  dtype,
  shape,
  data: new Uint8Array(shape.reduce((a, b) => a * b, 1)).fill(0x38),
});
