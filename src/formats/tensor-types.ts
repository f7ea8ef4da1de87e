/**
 * The types that tensors are stored in, and what their bytes mean: values as typed arrays, as float32, as int32, and float32 as
 * bytes. Arrays are views of the given bytes where these are aligned and the type has a typed array, else copies; a
 * little-endian host is assumed, as by every runtime we feed.
 */
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { dequantise } from "./blocks/dequantise.ts";
import { BLOCKS, type BlockType, isBlockType } from "./blocks/types.ts";
import { float8Table, isFloat8 } from "./float8.ts";
import { float16, halfTable } from "./halves.ts";

/** Bits of a value, by type, where every value has its own. */
export const DTYPE_BITS = {
  F64: 64,
  F32: 32,
  F16: 16,
  BF16: 16,
  I64: 64,
  I32: 32,
  I16: 16,
  I8: 8,
  U64: 64,
  U32: 32,
  U16: 16,
  U8: 8,
  BOOL: 8,
  C64: 64,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
} as const;

/** Types whose values stand alone: all that safetensors files have. */
export type PlainDtype = keyof typeof DTYPE_BITS;
/** The one list of types that tensors are stored in, whatever the kind of file. */
export type Dtype = PlainDtype | BlockType;

/** Bits that a value takes, with its share of what its block shares. */
export const dtypeBits = (dtype: Dtype): number =>
  isBlockType(dtype) ? (8 * BLOCKS[dtype].bytes) / BLOCKS[dtype].values : DTYPE_BITS[dtype];

/** Values of a tensor in the narrowest array that holds them exactly. */
export type TensorData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

interface ViewOf<A extends TensorData> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): A;
  readonly BYTES_PER_ELEMENT: number;
}

const VIEWS: Partial<Record<PlainDtype, ViewOf<TensorData>>> = {
  F64: Float64Array,
  F32: Float32Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

function view<A extends TensorData>(type: ViewOf<A>, bytes: Uint8Array): A {
  const size = type.BYTES_PER_ELEMENT;
  if (bytes.length % size !== 0)
    throw new LossyscopeError(
      "model",
      `${count(bytes.length)} bytes are no whole number of ${size}-byte values`,
      "fetch or write the file again",
    );
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new type(aligned.buffer, aligned.byteOffset, aligned.length / size);
}

/**
 * The values of a tensor, exactly: F16, BF16, 8-bit floats and blocks as float32, 64-bit integers as BigInts, BOOL as 0 and 1.
 * @throws LossyscopeError `unsupported` for floats narrower than 8 bits and complex numbers
 */
export function decodeTensor(dtype: Dtype, bytes: Uint8Array): TensorData {
  if (dtype === "F16" || dtype === "BF16" || isFloat8(dtype) || isBlockType(dtype)) return toFloat32(dtype, bytes);
  const type = VIEWS[dtype];
  if (type) return view(type, bytes);
  throw new LossyscopeError("unsupported", `no reader for ${dtype} values`, "use a file in F32, F16 or BF16");
}

/**
 * Float values as float32: F16, BF16 and 8-bit floats exactly, F64 rounded to nearest, F32 as a view, blocks as `dequantise` has them.
 * @throws LossyscopeError `unsupported` for any other dtype
 */
export function toFloat32(dtype: Dtype, bytes: Uint8Array): Float32Array {
  switch (dtype) {
    case "F32":
      return view(Float32Array, bytes);
    case "F64":
      return Float32Array.from(view(Float64Array, bytes));
    case "F16": {
      const table = halfTable();
      const patterns = view(Uint16Array, bytes);
      const values = new Float32Array(patterns.length);
      for (let i = 0; i < patterns.length; i++) values[i] = table[patterns[i]];
      return values;
    }
    case "BF16": {
      const patterns = view(Uint16Array, bytes);
      const bits = new Uint32Array(patterns.length);
      for (let i = 0; i < patterns.length; i++) bits[i] = patterns[i] << 16;
      return new Float32Array(bits.buffer);
    }
    default:
      if (isBlockType(dtype)) return dequantise(dtype, bytes);
      if (isFloat8(dtype)) {
        const table = float8Table(dtype);
        const values = new Float32Array(bytes.length);
        for (let i = 0; i < bytes.length; i++) values[i] = table[bytes[i]];
        return values;
      }
      throw new LossyscopeError("unsupported", `${dtype} values are not read as floats`, "use F64, F32, F16 or BF16");
  }
}

/**
 * Float32 values as the bytes of a float type: BF16 and F16 rounded to nearest, ties to even, overflow to infinity.
 * @returns a view of the values themselves for F32
 */
export function fromFloat32(dtype: "F32" | "BF16" | "F16", values: Float32Array): Uint8Array<ArrayBufferLike> {
  if (dtype === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const patterns = new Uint16Array(values.length);
  const round = dtype === "BF16" ? bfloat16 : float16;
  for (let i = 0; i < bits.length; i++) patterns[i] = round(bits[i]);
  return new Uint8Array(patterns.buffer);
}

/** Float32 bits to bfloat16 bits; a NaN stays one. */
function bfloat16(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/**
 * Integer values (token ids, labels, BOOL) as int32.
 * @throws LossyscopeError `input` naming the first value outside int32; `unsupported` for floats
 */
export function toInt32(dtype: Dtype, bytes: Uint8Array): Int32Array {
  if (dtype === "I32") return view(Int32Array, bytes);
  if (!/^([IU]\d+|BOOL)$/.test(dtype)) {
    throw new LossyscopeError("unsupported", `${dtype} values are not integers`, "store ids as I64 or I32");
  }
  const values = decodeTensor(dtype, bytes);
  const result = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    result[i] = value;
    if (result[i] !== value) {
      throw new LossyscopeError("input", `value ${values[i]} at element ${count(i)} is outside the 32-bit integers`);
    }
  }
  return result;
}
