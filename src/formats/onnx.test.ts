/** The bytes of the protobuf messages, read back by a reader of the wire format that shares nothing with the writer. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeModel, type OnnxModel } from "./onnx.ts";

type Field = { readonly field: number; readonly wire: number; readonly value: bigint | Uint8Array };

/** The fields of one message, in order. */
function read(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const [field, wire] = [key >> 3, key & 7];
    if (wire === 0) fields.push({ field, wire, value: varint() });
    else {
      const length = wire === 5 ? 4 : Number(varint());
      fields.push({ field, wire, value: bytes.slice(at, (at += length)) });
    }
  }
  expect(at).toBe(bytes.length);
  return fields;
}

const all = (message: readonly Field[], field: number) =>
  message.filter((entry) => entry.field === field).map(({ value }) => value);
const nested = (message: readonly Field[], field: number): Field[][] =>
  all(message, field).map((value) => read(value as Uint8Array));
const texts = (message: readonly Field[], field: number): string[] =>
  all(message, field).map((value) => new TextDecoder().decode(value as Uint8Array));

const model = (parts: Partial<OnnxModel>): OnnxModel => ({
  producer: "test",
  opset: 21,
  nodes: [],
  initialisers: [],
  inputs: [],
  outputs: [],
  between: [],
  ...parts,
});
const graphOf = (parts: Partial<OnnxModel>): Field[] => nested(read(encodeModel(model(parts))), 7)[0];

describe("encodeModel", () => {
  it("names its versions and producer", () => {
    const message = read(encodeModel(model({})));
    expect(all(message, 1)).toEqual([10n]);
    expect(texts(message, 2)).toEqual(["test"]);
    const [opset] = nested(message, 8);
    expect([texts(opset, 1), all(opset, 2)]).toEqual([[""], [21n]]);
  });

  it("writes an external tensor as location, offset and length, past 4 GiB too", () => {
    const offset = 5 * 2 ** 32 + 7;
    const data = { kind: "external", location: "shard-ä.safetensors", offset, bytes: 12 } as const;
    const [tensor] = nested(graphOf({ initialisers: [{ name: "w", type: "bfloat16", shape: [2, 3], data }] }), 5);
    expect(all(tensor, 1)).toEqual([2n, 3n]);
    expect(all(tensor, 2)).toEqual([16n]);
    expect(all(tensor, 14)).toEqual([1n]);
    expect(all(tensor, 9)).toEqual([]);
    expect(nested(tensor, 13).map((entry) => [texts(entry, 1)[0], texts(entry, 2)[0]])).toEqual([
      ["location", "shard-ä.safetensors"],
      ["offset", `${offset}`],
      ["length", "12"],
    ]);
  });

  it("writes an inline tensor's bytes as they are", () => {
    const bytes = Uint8Array.of(0, 1, 127, 128, 255);
    const data = { kind: "inline", bytes } as const;
    const [tensor] = nested(graphOf({ initialisers: [{ name: "c", type: "bool", shape: [5], data }] }), 5);
    expect(all(tensor, 9)).toEqual([bytes]);
  });

  it("writes nodes with every kind of attribute", () => {
    const node = {
      op: "Op",
      inputs: ["a", "b"],
      outputs: ["c"],
      attributes: {
        whole: { kind: "int", value: -2 },
        real: { kind: "float", value: 0.1 },
        list: { kind: "ints", value: [3, -1, 300] },
        word: { kind: "text", value: "tanh" },
      },
    } as const;
    const [message] = nested(graphOf({ nodes: [node] }), 1);
    expect([texts(message, 1), texts(message, 2), texts(message, 4)]).toEqual([["a", "b"], ["c"], ["Op"]]);
    const [whole, real, list, word] = nested(message, 5);
    expect([all(whole, 3), all(whole, 20)]).toEqual([[2n ** 64n - 2n], [2n]]);
    const float = all(real, 2)[0] as Uint8Array;
    expect(new DataView(float.buffer, float.byteOffset).getFloat32(0, true)).toBe(Math.fround(0.1));
    expect(all(real, 20)).toEqual([1n]);
    expect([all(list, 8), all(list, 20)]).toEqual([[3n, 2n ** 64n - 1n, 300n], [7n]]);
    expect([texts(word, 4), all(word, 20)]).toEqual([["tanh"], [3n]]);
  });

  it("writes sizes and names of sizes", () => {
    const value = { name: "x", type: "int64", shape: ["B", 576] } as const;
    const graph = graphOf({ inputs: [value], outputs: [{ ...value, name: "y" }], between: [{ ...value, name: "z" }] });
    expect([11, 12, 13].map((field) => texts(nested(graph, field)[0], 1)[0])).toEqual(["x", "y", "z"]);
    const [tensorType] = nested(nested(nested(graph, 11)[0], 2)[0], 1);
    expect(all(tensorType, 1)).toEqual([7n]);
    const [batch, width] = nested(nested(tensorType, 2)[0], 1);
    expect([texts(batch, 2), all(width, 1)]).toEqual([["B"], [576n]]);
  });

  it("keeps every whole number", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (number) => {
        const attributes = { n: { kind: "int", value: number } } as const;
        const [node] = nested(graphOf({ nodes: [{ op: "Op", inputs: [], outputs: [], attributes }] }), 1);
        expect(BigInt.asIntN(64, all(nested(node, 5)[0], 3)[0] as bigint)).toBe(BigInt(number));
      }),
    );
  });
});
