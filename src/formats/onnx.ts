/**
 * Writes ONNX models: the few messages of onnx.proto3 that a graph needs, in protobuf's wire format. Tensors are inline or
 * external (file, offset, length), so weights stay where they are. It knows neither ops nor shapes rules: `graph/` does.
 *
 * Memory: the inline tensors twice (their chunks and the joined bytes).
 */
import { unreachable } from "../numeric/errors.ts";

/** `TensorProto.DataType` by the names safetensors readers use. */
const TYPE_CODES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
} as const;
export type ElementType = keyof typeof TYPE_CODES;
export const typeCode = (type: ElementType): number => TYPE_CODES[type];

/** A size, or the name of one that is known only when the graph runs. */
export type OnnxDimension = number | string;

export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly OnnxDimension[];
}

export interface OnnxTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data:
    | { readonly kind: "inline"; readonly bytes: Uint8Array }
    /** `location` is a path relative to the model's folder, with forward slashes */
    | { readonly kind: "external"; readonly location: string; readonly offset: number; readonly bytes: number };
}

export type OnnxAttribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "text"; readonly value: string };

export interface OnnxNode {
  readonly op: string;
  /** operator set that the op is of; absent: ONNX's own */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxModel {
  readonly producer: string;
  /** version of ONNX's own operator set */
  readonly opset: number;
  /** in an order in which every input is already there */
  readonly nodes: readonly OnnxNode[];
  readonly initialisers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** what is known of values in between */
  readonly between: readonly OnnxValue[];
}

/** IR version that carries opset 21. */
const IR_VERSION = 10;
const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;
const utf8 = new TextEncoder();

/** Longer stretches are not copied until the end. */
const SHARED_BYTES = 4096;
/** Whole numbers below it take no more than 32 bits at a time. */
const SMALL = 2 ** 31;

/** One protobuf message, in one growing array; long stretches of bytes stand beside it, and nested messages share them. */
class Message {
  length = 0;
  /** what came before the array's beginning */
  readonly #done: Uint8Array[] = [];
  #open = new Uint8Array(32);
  #at = 0;

  int(field: number, value: number): this {
    return this.#varint(field * 8 + VARINT).#varint(value);
  }

  float(field: number, value: number): this {
    this.#varint(field * 8 + FIXED32).#makeRoom(4);
    new DataView(this.#open.buffer).setFloat32(this.#at, value, true);
    return this.#wrote(4);
  }

  text(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#varint(field * 8 + BYTES)
      .#varint(value.length)
      .#put(value);
  }

  nested(field: number, message: Message): this {
    this.#varint(field * 8 + BYTES).#varint(message.length);
    for (const chunk of message.#chunks()) this.#put(chunk);
    return this;
  }

  join(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const chunk of this.#chunks()) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }

  #chunks(): readonly Uint8Array[] {
    return [...this.#done, this.#open.subarray(0, this.#at)];
  }

  #put(chunk: Uint8Array): this {
    if (chunk.length > SHARED_BYTES) {
      this.#done.push(this.#open.subarray(0, this.#at), chunk);
      this.#open = new Uint8Array(32);
      this.#at = 0;
      this.length += chunk.length;
      return this;
    }
    this.#makeRoom(chunk.length);
    this.#open.set(chunk, this.#at);
    return this.#wrote(chunk.length);
  }

  /** Base-128 varint of a whole number; negative ones as their 64-bit two's complement. */
  #varint(value: number): this {
    this.#makeRoom(10);
    const from = this.#at;
    let at = from;
    if (value >= 0 && value < SMALL) {
      let rest = value;
      for (; rest > 127; rest >>>= 7) this.#open[at++] = (rest & 127) | 128;
      this.#open[at++] = rest;
    } else {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest > 127n; rest >>= 7n) this.#open[at++] = Number(rest & 127n) | 128;
      this.#open[at++] = Number(rest);
    }
    return this.#wrote(at - from);
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#open.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#open.length, this.#at + bytes));
    larger.set(this.#open.subarray(0, this.#at));
    this.#open = larger;
  }

  #wrote(bytes: number): this {
    this.#at += bytes;
    this.length += bytes;
    return this;
  }
}

function attribute(name: string, given: OnnxAttribute): Message {
  const message = new Message().text(1, name);
  switch (given.kind) {
    case "float":
      return message.float(2, given.value).int(20, 1);
    case "int":
      return message.int(3, given.value).int(20, 2);
    case "text":
      return message.text(4, given.value).int(20, 3);
    case "ints":
      for (const value of given.value) message.int(8, value);
      return message.int(20, 7);
    default:
      return unreachable(given);
  }
}

function tensor({ name, type, shape, data }: OnnxTensor): Message {
  const message = new Message();
  for (const size of shape) message.int(1, size);
  message.int(2, typeCode(type)).text(8, name);
  switch (data.kind) {
    case "inline":
      return message.bytes(9, data.bytes);
    case "external": {
      const entries = { location: data.location, offset: `${data.offset}`, length: `${data.bytes}` };
      for (const [key, value] of Object.entries(entries)) message.nested(13, new Message().text(1, key).text(2, value));
      return message.int(14, 1);
    }
    default:
      return unreachable(data);
  }
}

function node({ op, domain, inputs, outputs, attributes }: OnnxNode): Message {
  const message = new Message();
  for (const name of inputs) message.text(1, name);
  for (const name of outputs) message.text(2, name);
  message.text(4, op);
  for (const [name, given] of Object.entries(attributes)) message.nested(5, attribute(name, given));
  if (domain !== undefined) message.text(7, domain);
  return message;
}

function value({ name, type, shape }: OnnxValue): Message {
  const dimensions = new Message();
  for (const size of shape) {
    dimensions.nested(1, typeof size === "number" ? new Message().int(1, size) : new Message().text(2, size));
  }
  const tensorType = new Message().int(1, typeCode(type)).nested(2, dimensions);
  return new Message().text(1, name).nested(2, new Message().nested(1, tensorType));
}

/** The model as the bytes of a `ModelProto`. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const graph = new Message();
  for (const given of model.nodes) graph.nested(1, node(given));
  graph.text(2, model.producer);
  for (const given of model.initialisers) graph.nested(5, tensor(given));
  for (const given of model.inputs) graph.nested(11, value(given));
  for (const given of model.outputs) graph.nested(12, value(given));
  for (const given of model.between) graph.nested(13, value(given));
  const all = new Message()
    .int(1, IR_VERSION)
    .text(2, model.producer)
    .nested(7, graph)
    .nested(8, new Message().text(1, "").int(2, model.opset));
  // Sets beside ONNX's own are in their first version.
  for (const domain of new Set(model.nodes.flatMap((one) => one.domain ?? [])))
    all.nested(8, new Message().text(1, domain).int(2, 1));
  return all.join();
}
