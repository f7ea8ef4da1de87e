/** What all ways of writing a point go by, and what each gives back to be read and measured. */
import { fromFloat32, type PlainDtype, toFloat32 } from "../../../formats/tensor-types.ts";
import type { ModelMatrix } from "../../../models/matrices.ts";
import { piecesOf, type TensorSource } from "../../../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../../../models/spec.ts";
import { LossyscopeError } from "../../../numeric/errors.ts";
import type { Model } from "../../../ports/model.ts";
import type { Kept } from "../../../squeeze/matrix.ts";
import type { Transform } from "../../../squeeze/transform.ts";

/** A point with everything that it is made of. */
export interface Chosen {
  readonly point: string;
  /** the original */
  readonly model: Model;
  readonly spec: DecoderSpec;
  /** of the original */
  readonly original: TensorSource;
  /** those of the point, as `SqueezedWeights.make` gives them */
  readonly weights: TensorSource;
  readonly jobs: ReadonlyMap<ModelMatrix, Transform>;
  /** of what is written as values; null: float32 for what was changed, all else as it was */
  readonly dtype: Kept | null;
  readonly signal?: AbortSignal;
}

export interface Written {
  /** opened from what was written */
  readonly model: Model;
  /** [values] that a tensor of it has to hold, laid out as it is there */
  readonly expected: (name: string) => Promise<Float32Array>;
}

/** The name that a type has in a config. */
export const TORCH_NAMES: Readonly<Record<Kept, string>> = { F32: "float32", F16: "float16", BF16: "bfloat16" };

/** The type that the values of a tensor are written in. */
export function valueType({ weights, dtype }: Pick<Chosen, "weights" | "dtype">, name: string): PlainDtype {
  const { dtype: stored, isComputed } = weights.locate(name)!;
  if (dtype !== null) return dtype;
  // Blocks and codes that were left as they were have no type of a plain file.
  return isComputed || !isPlain(stored) ? "F32" : stored;
}

const isPlain = (dtype: string): dtype is "F32" | "F16" | "BF16" | "F64" => /^(?:F32|F16|BF16|F64)$/.test(dtype);

/**
 * Values as bytes of a type.
 * @throws LossyscopeError `model` where one is beyond it
 */
export function asType(dtype: Kept, values: Float32Array, name: string): Uint8Array {
  const bytes = fromFloat32(dtype, values);
  if (dtype !== "F16") return bytes;
  const beyond = toFloat32(dtype, bytes).findIndex((value, i) => !Number.isFinite(value) && Number.isFinite(values[i]));
  if (beyond < 0) return bytes;
  throw new LossyscopeError(
    "model",
    `${name} holds ${values[beyond]}, which is beyond float16, whose largest number is 65,504`,
    "write it with --dtype bfloat16",
  );
}

/** The bytes of a tensor in the type that it is written in, in pieces. */
export async function* valueBytes(chosen: Chosen, name: string): AsyncGenerator<Uint8Array> {
  const { weights, signal } = chosen;
  const { dtype } = weights.locate(name)!;
  const type = valueType(chosen, name);
  for await (const piece of piecesOf(weights, name, signal))
    yield type === dtype ? piece : asType(type as Kept, toFloat32(dtype, piece), name);
}

/** The values that these bytes stand for. */
export function asWritten(chosen: Chosen, name: string, values: Float32Array): Float32Array {
  const type = valueType(chosen, name);
  return type === "F64" ? values : toFloat32(type, Uint8Array.from(fromFloat32(type as Kept, values)));
}
