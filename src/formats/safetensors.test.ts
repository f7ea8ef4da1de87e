import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHeader, headerEnd, parseHeader } from "./safetensors.ts";
import type { PlainDtype } from "./tensor-types.ts";

/** A header as hostile as the JSON given. */
function raw(json: string, dataBytes = 0): { bytes: Uint8Array; fileBytes: number } {
  const text = new TextEncoder().encode(json);
  const bytes = new Uint8Array(8 + text.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return { bytes, fileBytes: bytes.length + dataBytes };
}
const parse = (json: unknown, dataBytes = 0) => {
  const { bytes, fileBytes } = raw(typeof json === "string" ? json : JSON.stringify(json), dataBytes);
  return parseHeader(bytes, fileBytes);
};
const f32 = (shape: unknown, begin: unknown, end: unknown) => ({ dtype: "F32", shape, data_offsets: [begin, end] });

describe("headers", () => {
  it("places tensors absolutely, in any order of names", () => {
    const { bytes, fileBytes } = raw(
      JSON.stringify({
        __metadata__: { format: "pt" },
        b: f32([2], 4, 12),
        a: { dtype: "BOOL", shape: [2, 2], data_offsets: [0, 4] },
        scalar: { dtype: "F16", shape: [], data_offsets: [12, 14] },
        empty: f32([0, 7], 12, 12),
      }),
      14,
    );
    const header = parseHeader(bytes, fileBytes);
    expect(header.metadata).toEqual({ format: "pt" });
    expect(header.tensors.get("a")).toEqual({
      name: "a",
      dtype: "BOOL",
      shape: [2, 2],
      begin: bytes.length,
      end: bytes.length + 4,
    });
    expect(header.tensors.get("scalar")).toMatchObject({ begin: bytes.length + 12, end: fileBytes });
    expect(header.tensors.size).toBe(4);
  });

  it("reads back what it writes", () => {
    const dtype = fc.constantFrom<PlainDtype>("F64", "F32", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3");
    const tensor = fc.record({ dtype, shape: fc.array(fc.nat(5), { maxLength: 4 }) });
    const name = fc.string({ unit: "grapheme" }).filter((text) => text !== "__metadata__" && text !== "__proto__");
    fc.assert(
      fc.property(fc.dictionary(name, tensor), fc.dictionary(name, fc.string()), (named, metadata) => {
        const tensors = Object.entries(named).map(([name, rest]) => ({ name, ...rest }));
        const bytes = encodeHeader(tensors, metadata);
        expect(bytes.length % 8).toBe(0);
        const elements = ({ shape }: { shape: number[] }) => shape.reduce((a, b) => a * b, 1);
        const width: Partial<Record<PlainDtype, number>> = { F64: 8, I64: 8, F32: 4, F16: 2, BF16: 2 };
        let offset = bytes.length;
        const expected = tensors.map((tensor) => {
          const begin = offset;
          offset += elements(tensor) * (width[tensor.dtype] ?? 1);
          return { ...tensor, begin, end: offset };
        });
        const header = parseHeader(bytes, offset);
        expect([...header.tensors.values()].sort((a, b) => a.name.localeCompare(b.name))).toEqual(
          expected.sort((a, b) => a.name.localeCompare(b.name)),
        );
        expect({ ...header.metadata }).toEqual({ ...metadata });
      }),
    );
  });

  it("packs narrow floats", () => {
    expect(parse({ a: { dtype: "F4", shape: [2, 3], data_offsets: [0, 3] } }, 3).tensors.size).toBe(1);
    expect(() => parse({ a: { dtype: "F4", shape: [3], data_offsets: [0, 2] } }, 2)).toThrow("1.5 bytes");
  });

  it.each<[string, unknown, number, string]>([
    ["no JSON", "{", 0, "is not JSON"],
    ["not an object", "[1]", 0, "not an object"],
    [
      "a name twice",
      `{"a":${JSON.stringify(f32([1], 0, 4))},"\\u0061" :${JSON.stringify(f32([1], 4, 8))}}`,
      8,
      '"a" twice',
    ],
    [
      "a key of a tensor twice",
      '{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      4,
      '"dtype" twice',
    ],
    ["deep nesting", `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, 0, "nests deeper"],
    ["a prototype's name", `{"__proto__":${JSON.stringify(f32([1], 0, 4))}}`, 4, "no tensor may have"],
    ["a prototype in the metadata", '{"__metadata__":{"__proto__":"x"}}', 0, "__proto__"],
    ["metadata that is no text", { __metadata__: { a: 1 } }, 0, "__metadata__"],
    ["a tensor that is no object", { a: [1] }, 0, "not an object"],
    ["an unknown dtype", { a: { dtype: "F31", shape: [1], data_offsets: [0, 4] } }, 4, '"F31"'],
    ["an inherited dtype", { a: { dtype: "toString", shape: [1], data_offsets: [0, 4] } }, 4, '"toString"'],
    ["a negative size", { a: f32([-1], 0, 4) }, 4, "[-1]"],
    ["a fractional size", { a: f32([1.5], 0, 6) }, 6, "[1.5]"],
    ["a size in words", { a: f32(["1"], 0, 4) }, 4, '["1"]'],
    ["an absurd shape", { a: f32([2 ** 40, 2 ** 40], 0, 4) }, 4, "over 2^53 elements"],
    ["an absurd shape hidden by a zero", { a: f32([2 ** 40, 2 ** 40, 0], 0, 0) }, 0, "over 2^53 elements"],
    ["a negative offset", { a: f32([1], -4, 0) }, 4, "[-4,0]"],
    ["offsets backwards", { a: f32([1], 4, 0) }, 4, "[4,0]"],
    ["offsets that are no pair", { a: { dtype: "F32", shape: [1], data_offsets: [0, 4, 8] } }, 8, "[0,4,8]"],
    ["offsets past the end", { a: f32([2], 0, 8) }, 4, "cut short"],
    ["a size unlike the shape", { a: f32([2], 0, 4) }, 4, "takes 8 bytes, its offsets span 4"],
    ["an overlap", { a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8, "overlap"],
    ["a gap", { a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12, "there is a gap"],
    ["a tail", { a: f32([1], 0, 4) }, 5, "of a file of"],
  ])("refuses %s", (_, json, dataBytes, message) => {
    expect(() => parse(json, dataBytes)).toThrow(message);
  });

  it("refuses lengths the file cannot hold", () => {
    const start = new Uint8Array(8);
    expect(() => headerEnd(start.subarray(0, 5), 5)).toThrow("it has 5 bytes");
    start.fill(255);
    expect(() => headerEnd(start, 1e9)).toThrow("claims 18,446,744,073,709,551,615 bytes, the file has 1,000,000,000");
    new DataView(start.buffer).setBigUint64(0, 100_000_001n, true);
    expect(() => headerEnd(start, 1e9)).toThrow("limit of 100,000,000");
    expect(() => parseHeader(raw('{"a":1}').bytes.subarray(0, 10), 15)).toThrow("10 are there");
  });

  it("never fails otherwise than by a refusal, whatever the bytes", () => {
    const sound = raw(JSON.stringify({ a: f32([1], 0, 4), b: f32([2], 4, 12) }), 12);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(sound.bytes.length - 1), fc.nat(255)), { maxLength: 4 }), (edits) => {
        const bytes = sound.bytes.slice();
        for (const [at, value] of edits) bytes[at] = value;
        try {
          parseHeader(bytes, sound.fileBytes);
        } catch (error) {
          expect((error as Error).name).toBe("LossyscopeError");
        }
      }),
    );
  });

  it("writes no name twice", () => {
    const tensor = { name: "a", dtype: "F32", shape: [1] } as const;
    expect(() => encodeHeader([tensor, tensor])).toThrow('"a" is taken');
  });
});
