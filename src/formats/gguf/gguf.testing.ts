/** Writes GGUF files for tests, sound ones and others: everything that a header says is the caller's to choose. */
import type { Dtype } from "../tensor-types.ts";
import { codeOfType } from "./tensor-codes.ts";

const VALUE_TYPES = [
  "u8",
  "i8",
  "u16",
  "i16",
  "u32",
  "i32",
  "f32",
  "bool",
  "string",
  "array",
  "u64",
  "i64",
  "f64",
] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

/** A value with its type; of an array, the type of what is in it. */
export type TypedValue =
  | { readonly type: Exclude<ValueType, "array">; readonly value: Plain }
  | { readonly of: Exclude<ValueType, "array">; readonly values: readonly Plain[] }
  | { readonly arrays: readonly TypedValue[] };

export interface WrittenTensor {
  readonly name: string;
  readonly dtype: Dtype | number;
  /** slowest first */
  readonly shape: readonly (number | bigint)[];
  readonly data: Uint8Array;
  /** from where the data begins; where the tensors before end, aligned, unless given */
  readonly offset?: number | bigint;
}

export interface Written {
  readonly version?: number;
  readonly isBigEndian?: boolean;
  readonly metadata?: readonly (readonly [key: string, value: TypedValue])[];
  readonly tensors?: readonly WrittenTensor[];
  readonly alignment?: number;
  /** instead of what is there */
  readonly claims?: { readonly tensors?: bigint; readonly pairs?: bigint };
}

export const u32 = (value: number): TypedValue => ({ type: "u32", value });
export const f32 = (value: number): TypedValue => ({ type: "f32", value });
export const text = (value: string): TypedValue => ({ type: "string", value });
export const texts = (values: readonly string[]): TypedValue => ({ of: "string", values });

type Plain = number | bigint | string | boolean;
type Write = (value: Plain, order: boolean) => [bytes: number, write: (view: DataView) => void];
const WRITE: Readonly<Record<Exclude<ValueType, "string" | "array">, Write>> = {
  u8: (value) => [1, (view) => view.setUint8(0, Number(value))],
  bool: (value) => [1, (view) => view.setUint8(0, Number(value))],
  i8: (value) => [1, (view) => view.setInt8(0, Number(value))],
  u16: (value, order) => [2, (view) => view.setUint16(0, Number(value), order)],
  i16: (value, order) => [2, (view) => view.setInt16(0, Number(value), order)],
  u32: (value, order) => [4, (view) => view.setUint32(0, Number(value), order)],
  i32: (value, order) => [4, (view) => view.setInt32(0, Number(value), order)],
  f32: (value, order) => [4, (view) => view.setFloat32(0, Number(value), order)],
  u64: (value, order) => [8, (view) => view.setBigUint64(0, BigInt(value), order)],
  i64: (value, order) => [8, (view) => view.setBigInt64(0, BigInt(value), order)],
  f64: (value, order) => [8, (view) => view.setFloat64(0, Number(value), order)],
};

/** The bytes of a file. */
export function writeGguf({
  version = 3,
  isBigEndian = false,
  metadata = [],
  tensors = [],
  alignment = 32,
  claims = {},
}: Written): Buffer {
  const order = !isBigEndian;
  const pieces: Buffer[] = [Buffer.from("GGUF")];
  const put = (bytes: number, write: (view: DataView) => void): void => {
    const piece = Buffer.alloc(bytes);
    write(new DataView(piece.buffer, piece.byteOffset, bytes));
    pieces.push(piece);
  };
  const putU32 = (value: number): void => put(4, (view) => view.setUint32(0, value, order));
  const putU64 = (value: number | bigint): void => put(8, (view) => view.setBigUint64(0, BigInt(value), order));
  const putText = (value: string): void => {
    const bytes = Buffer.from(value);
    putU64(bytes.length);
    pieces.push(bytes);
  };
  const putPlain = (type: ValueType, value: Plain): void => {
    if (type === "string") putText(String(value));
    else if (type in WRITE) put(...WRITE[type as keyof typeof WRITE](value, order));
    else throw new RangeError(`no plain value is of type ${type}`);
  };
  const putTyped = (value: TypedValue, isInArray = false): void => {
    const putType = (type: ValueType): void => putU32(VALUE_TYPES.indexOf(type));
    if ("type" in value) {
      putType(value.type);
      putPlain(value.type, value.value);
      return;
    }
    if (!isInArray) putType("array");
    putType("arrays" in value ? "array" : value.of);
    const values = "arrays" in value ? value.arrays : value.values;
    putU64(values.length);
    if ("arrays" in value) for (const inner of value.arrays) putTyped(inner, true);
    else for (const inner of value.values) putPlain(value.of, inner);
  };
  const padded = (length: number): number => Math.ceil(length / alignment) * alignment;

  putU32(version);
  putU64(claims.tensors ?? tensors.length);
  putU64(claims.pairs ?? metadata.length);
  for (const [key, value] of metadata) {
    putText(key);
    putTyped(value);
  }
  let offset = 0;
  for (const tensor of tensors) {
    putText(tensor.name);
    putU32(tensor.shape.length);
    for (const size of tensor.shape.toReversed()) putU64(size);
    putU32(typeof tensor.dtype === "number" ? tensor.dtype : codeOfType(tensor.dtype)!);
    putU64(tensor.offset ?? offset);
    offset = padded(offset + tensor.data.length);
  }
  const header = Buffer.concat(pieces);
  const data = tensors.flatMap(({ data: bytes }) => [bytes, Buffer.alloc(padded(bytes.length) - bytes.length)]);
  return Buffer.concat([header, Buffer.alloc(padded(header.length) - header.length), ...data]);
}
