/**
 * The header of a GGUF file to be written: version 3, little-endian, its metadata under typed values, its tensors one behind
 * the other at multiples of the alignment. Memory: the header.
 */
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError, unreachable } from "../../numeric/errors.ts";
import { BLOCKS, isBlockType } from "../blocks/types.ts";
import { type Dtype, dtypeBits } from "../tensor-types.ts";
import { codeOfType } from "./tensor-codes.ts";

const VERSION = 3;
const ALIGNMENT = 32;

const TYPES = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;

/** A value with the type that the file gives it. */
export type GgufPair =
  | { readonly type: "u32" | "i32" | "f32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly of: "string"; readonly values: readonly string[] }
  | { readonly of: "i32" | "f32"; readonly values: readonly number[] }
  /** as another little-endian file has it, its type before it */
  | { readonly bytes: Uint8Array };

export const u32 = (value: number): GgufPair => ({ type: "u32", value });
export const f32 = (value: number): GgufPair => ({ type: "f32", value });
export const bool = (value: boolean): GgufPair => ({ type: "bool", value });
export const text = (value: string): GgufPair => ({ type: "string", value });

/** A tensor of the file, by what its bytes are. */
export interface GgufShape {
  readonly name: string;
  readonly dtype: Dtype;
  /** slowest first */
  readonly shape: readonly number[];
}

const padded = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Bytes that a tensor takes. @throws LossyscopeError `model` where its rows are no whole number of blocks */
export function ggufBytes({ name, dtype, shape }: GgufShape): number {
  const row = shape.at(-1) ?? 1;
  const block = isBlockType(dtype) ? BLOCKS[dtype].values : 1;
  if (row % block !== 0)
    throw new LossyscopeError(
      "model",
      `${name} has rows of ${count(row)} values, ${dtype} comes in blocks of ${block}`,
      "choose a type of smaller blocks",
    );
  return (shape.reduce((size, one) => size * one, 1) * dtypeBits(dtype)) / 8;
}

/** Bytes behind a tensor, before the next one begins. */
export const ggufPadding = (tensor: GgufShape): number => padded(ggufBytes(tensor)) - ggufBytes(tensor);

/** What comes before the first tensor, padding included. */
export function encodeGgufHeader(
  metadata: Iterable<readonly [key: string, value: GgufPair]>,
  tensors: readonly GgufShape[],
): Uint8Array<ArrayBuffer> {
  const pairs = [...metadata];
  const pieces: Uint8Array[] = [encoder.encode("GGUF"), u32Bytes(VERSION), u64Bytes(tensors.length)];
  pieces.push(u64Bytes(pairs.length));
  for (const [key, value] of pairs) pieces.push(...textBytes(key), ...pairBytes(value));
  let offset = 0;
  for (const tensor of tensors) {
    const code = codeOfType(tensor.dtype);
    if (code === undefined)
      throw new LossyscopeError("unsupported", `GGUF has no type for ${tensor.dtype} values (${tensor.name})`);
    pieces.push(...textBytes(tensor.name), u32Bytes(tensor.shape.length));
    for (const size of tensor.shape.toReversed()) pieces.push(u64Bytes(size));
    pieces.push(u32Bytes(code), u64Bytes(offset));
    offset += padded(ggufBytes(tensor));
  }
  const header = new Uint8Array(padded(pieces.reduce((sum, { length }) => sum + length, 0)));
  let at = 0;
  for (const piece of pieces) {
    header.set(piece, at);
    at += piece.length;
  }
  return header;
}

const encoder = new TextEncoder();

function numberBytes(length: number, put: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  put(new DataView(bytes.buffer));
  return bytes;
}

const u32Bytes = (value: number): Uint8Array => numberBytes(4, (view) => view.setUint32(0, value, true));
const u64Bytes = (value: number): Uint8Array => numberBytes(8, (view) => view.setBigUint64(0, BigInt(value), true));

function textBytes(value: string): Uint8Array[] {
  const bytes = encoder.encode(value);
  return [u64Bytes(bytes.length), bytes];
}

type Plain = "u32" | "i32" | "f32" | "bool" | "string";

function plainBytes(type: Plain, value: number | boolean | string): Uint8Array[] {
  switch (type) {
    case "string":
      return textBytes(String(value));
    case "bool":
      return [Uint8Array.of(Number(value))];
    case "u32":
      return [u32Bytes(Number(value))];
    case "i32":
      return [numberBytes(4, (view) => view.setInt32(0, Number(value), true))];
    case "f32":
      return [numberBytes(4, (view) => view.setFloat32(0, Number(value), true))];
    default:
      return unreachable(type);
  }
}

function pairBytes(pair: GgufPair): Uint8Array[] {
  if ("bytes" in pair) return [pair.bytes];
  if ("type" in pair) return [u32Bytes(TYPES[pair.type]), ...plainBytes(pair.type, pair.value)];
  const { of, values } = pair;
  const list: readonly (string | number)[] = values;
  const length = [u32Bytes(TYPES.array), u32Bytes(TYPES[of]), u64Bytes(list.length)];
  return [...length, ...list.flatMap((one) => plainBytes(of, one))];
}
