import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LossyscopeError } from "../../numeric/errors.ts";
import { Short } from "./cursor.ts";
import { f32, type TypedValue, text, texts, u32, type Written, writeGguf } from "./gguf.testing.ts";
import { type Gguf, parseGguf, readGguf } from "./header.ts";

const read = (file: Uint8Array): Gguf => parseGguf(file, file.length);
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);

const VALUES: readonly (readonly [key: string, value: TypedValue, expected: unknown])[] = [
  ["u8", { type: "u8", value: 255 }, 255],
  ["i8", { type: "i8", value: -128 }, -128],
  ["u16", { type: "u16", value: 65535 }, 65535],
  ["i16", { type: "i16", value: -2 }, -2],
  ["u32", u32(2 ** 32 - 1), 2 ** 32 - 1],
  ["i32", { type: "i32", value: -(2 ** 31) }, -(2 ** 31)],
  ["f32", f32(0.1), Math.fround(0.1)],
  ["f64", { type: "f64", value: 0.1 }, 0.1],
  ["bool", { type: "bool", value: true }, true],
  ["string", text("ä\0▁\ufeff"), "ä\0▁\ufeff"],
  ["u64", { type: "u64", value: 2n ** 53n - 1n }, 2 ** 53 - 1],
  ["u64 past all doubles", { type: "u64", value: 2n ** 64n - 1n }, 2n ** 64n - 1n],
  ["i64", { type: "i64", value: -3n }, -3],
  ["i64 past all doubles", { type: "i64", value: -(2n ** 63n) }, -(2n ** 63n)],
  ["strings", texts(["a", "", "b"]), ["a", "", "b"]],
  ["floats", { of: "f32", values: [1, -0.5] }, Float32Array.of(1, -0.5)],
  ["ints", { of: "i32", values: [1, -1] }, Int32Array.of(1, -1)],
  ["longs", { of: "u64", values: [2n ** 60n] }, BigUint64Array.of(2n ** 60n)],
  ["flags", { of: "bool", values: [true, false] }, Uint8Array.of(1, 0)],
  ["nothing", { of: "u16", values: [] }, new Uint16Array()],
  ["arrays", { arrays: [texts(["x"]), { of: "u8", values: [7] }, { arrays: [] }] }, [["x"], Uint8Array.of(7), []]],
  ["__proto__", u32(1), 1],
];

describe("the header of a GGUF file", () => {
  it.each([
    [2, false],
    [3, false],
    [3, true],
  ] as const)("is read in version %i, big-endian: %s", (version, isBigEndian) => {
    const tensors = [
      { name: "a.weight", dtype: "F32", shape: [3, 2], data: bytes(24) },
      { name: "b.weight", dtype: "Q4_K", shape: [2, 256], data: bytes(288) },
      { name: "scalar", dtype: "F64", shape: [], data: bytes(8) },
      { name: "empty", dtype: "F16", shape: [0, 7], data: bytes(0) },
    ] as const;
    const metadata = VALUES.map(([key, value]) => [key, value] as const);
    const file = writeGguf({ version, isBigEndian, metadata, tensors });
    const gguf = read(file);
    expect([gguf.version, gguf.byteOrder, gguf.alignment]).toEqual([version, isBigEndian ? "big" : "little", 32]);
    expect([...gguf.metadata]).toEqual(VALUES.map(([key, , expected]) => [key, expected]));
    expect([...gguf.tensors.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual(
      tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    );
    for (const { name, data } of tensors) {
      const { begin, end } = gguf.tensors.get(name)!;
      expect(file.subarray(begin, end)).toEqual(Buffer.from(data));
    }
  });

  it("has the alignment that it says", () => {
    const tensor = { dtype: "I8", shape: [5], data: bytes(5) } as const;
    const tensors = [
      { ...tensor, name: "a" },
      { ...tensor, name: "b" },
    ];
    const gguf = read(writeGguf({ metadata: [["general.alignment", u32(128)]], tensors, alignment: 128 }));
    expect(gguf.dataStart % 128).toBe(0);
    expect([...gguf.tensors.values()].map(({ begin }) => begin - gguf.dataStart)).toEqual([0, 128]);
  });

  it("is read in ranges, each byte once, and nothing but the header of a long file", async () => {
    const tokens = Array.from({ length: 300_000 }, (_, token) => `token ${token}`);
    const tensors = [{ name: "t", dtype: "F32", shape: [1 << 20], data: new Uint8Array(1 << 22) }] as const;
    const file = writeGguf({ metadata: [["tokenizer.ggml.tokens", texts(tokens)]], tensors });
    const ranges: [number, number][] = [];
    const gguf = await readGguf(async (offset, length) => {
      ranges.push([offset, offset + length]);
      return file.subarray(offset, offset + length);
    }, file.length);
    expect(gguf.metadata.get("tokenizer.ggml.tokens")).toEqual(tokens);
    for (const [index, [begin]] of ranges.entries()) expect(begin).toBe(ranges[index - 1]?.[1] ?? 0);
    expect(ranges.length).toBeLessThan(6);
    expect(ranges.at(-1)![1]).toBeLessThan(2 * gguf.dataStart);
  });

  it("says how much of the file it needs to go on", () => {
    const file = writeGguf({ metadata: VALUES.map(([key, value]) => [key, value] as const) });
    const { dataStart } = read(file);
    fc.assert(
      fc.property(fc.integer({ min: 8, max: dataStart - 32 }), (here) => {
        let needed = Number.NaN;
        try {
          parseGguf(file.subarray(0, here), file.length);
        } catch (error) {
          if (error instanceof Short) needed = error.bytes;
        }
        expect(needed).toBeGreaterThan(here);
        expect(needed).toBeLessThanOrEqual(dataStart);
      }),
    );
  });
});

const HUGE = 2n ** 60n;
const tensor = { name: "t", dtype: "F32", shape: [8], data: bytes(32) } as const;
const claim = (key: string, type: number, length: bigint, of?: number): Buffer => {
  const file = writeGguf({ metadata: [[key, text("")]] });
  const at = 24 + 8 + Buffer.byteLength(key);
  const value = Buffer.alloc(of === undefined ? 12 : 16);
  value.writeUInt32LE(type);
  if (of !== undefined) value.writeUInt32LE(of, 4);
  value.writeBigUInt64LE(length, value.length - 8);
  return Buffer.concat([file.subarray(0, at), value, Buffer.alloc(100)]);
};
const refused: readonly (readonly [why: string, file: Written | Buffer, message: RegExp])[] = [
  ["nothing", Buffer.alloc(0), /it has 0 bytes, its start alone takes 24/],
  ["another file", Buffer.alloc(64, "PK"), /it begins with "PKPK", not "GGUF"/],
  ["ggjt", Buffer.alloc(64, "tjgg"), /of the format ggjt, from before GGUF: convert the model anew/],
  ["version 1", { version: 1 }, /its version is 1; 2 and 3 are read/],
  ["version 0", { version: 0 }, /its version is 0/],
  ["version 4", { version: 4 }, /its version is 4/],
  [
    "2^60 tensors",
    { claims: { tensors: HUGE } },
    /the number of tensors claims 1,152,921,504,606,846,976, the file has/,
  ],
  ["2^63 pairs", { claims: { pairs: 2n ** 63n } }, /the number of metadata pairs claims 9,223,372,036,854,775,808/],
  [
    "a string of 2^60",
    claim("k", 8, HUGE),
    /the value of "k" takes 1,152,921,504,606,846,976 bytes at byte 45, the file has/,
  ],
  ["an array of 2^60", claim("k", 9, HUGE, 4), /the array "k" claims 1,152,921,504,606,846,976, the file has/],
  ["2^60 strings", claim("k", 9, HUGE, 8), /the array "k" claims/],
  ["2^60 arrays", claim("k", 9, HUGE, 9), /the array "k" claims/],
  ["an array of nothing", claim("k", 9, 1n, 13), /the array "k" is of type 13, which is none/],
  ["an unknown type of value", claim("k", 99, 1n), /the value of "k" is of type 99, which is none/],
  ["no boolean", { metadata: [["k", { type: "bool", value: 2 }]] }, /the value of "k" is a boolean of 2/],
  [
    "arrays in arrays",
    { metadata: [["k", { arrays: [{ arrays: [{ arrays: [{ arrays: [{ arrays: [] }] }] }] }] }]] },
    /the array "k" nests deeper than 4 arrays/,
  ],
  [
    "as many arrays as a file can hold",
    { metadata: [["k", { arrays: Array.from({ length: 70_000 }, () => texts([])) }]] },
    /the array "k" holds more than 65,536 arrays/,
  ],
  [
    "a key twice",
    {
      metadata: [
        ["k", u32(1)],
        ["k", u32(2)],
      ],
    },
    /the key "k" comes twice/,
  ],
  ["a tensor twice", { tensors: [tensor, tensor] }, /tensor "t" comes twice/],
  ["alignment 0", { metadata: [["general.alignment", u32(0)]] }, /general.alignment is 0, not a power of two/],
  ["alignment 24", { metadata: [["general.alignment", u32(24)]] }, /general.alignment is 24, not a power of two/],
  ["alignment 3", { metadata: [["general.alignment", u32(3)]] }, /general.alignment is 3, not a power of two/],
  [
    "alignment 2^31, which the file is too short for",
    { metadata: [["general.alignment", u32(2 ** 31)]], tensors: [tensor] },
    /tensor "t" \(F32 \[8\]\) ends at byte 2,147,483,680, the file has/,
  ],
  [
    "alignment 2^32",
    { metadata: [["general.alignment", { type: "u64", value: 2n ** 32n }]] },
    /is 4294967296, not a power/,
  ],
  ["alignment of a text", { metadata: [["general.alignment", text("32")]] }, /general.alignment is "32"/],
  [
    "a place off the alignment",
    { tensors: [{ ...tensor, offset: 8 }] },
    /begins 8 bytes into the data, no multiple of 32/,
  ],
  [
    "overlap",
    {
      tensors: [
        { ...tensor, name: "a", shape: [9], data: bytes(36) },
        { ...tensor, offset: 32 },
      ],
    },
    /tensor "t" begins at byte 128, tensor "a" ends at 132: they overlap/,
  ],
  [
    "a place past the end",
    { tensors: [{ ...tensor, offset: 2n ** 62n }] },
    /ends at byte 4,611,686,018,427,388,000, the file has/,
  ],
  [
    "a tensor cut",
    { tensors: [{ ...tensor, shape: [80] }] },
    /tensor "t" \(F32 \[80\]\) ends at byte 384, the file has 96/,
  ],
  [
    "sizes past 2^53",
    { tensors: [{ ...tensor, shape: [HUGE, 8] }] },
    /of sizes 8 × 1,152,921,504,606,846,976 is over 2\^53/,
  ],
  ["no elements of 2^60", { tensors: [{ ...tensor, shape: [0, HUGE] }] }, /is over 2\^53/],
  ["five dimensions", { tensors: [{ ...tensor, shape: [1, 1, 1, 1, 8] }] }, /has 5 dimensions, more than 4/],
  ["an unknown type", { tensors: [{ ...tensor, dtype: 999 }] }, /is of type 999, which is not known/],
  [
    "a type that was removed",
    { tensors: [{ ...tensor, dtype: 31 }] },
    /is of type 31, Q4_0_4_4, which the format no longer has/,
  ],
  [
    "rows of no whole blocks",
    { tensors: [{ ...tensor, dtype: "Q4_0" }] },
    /rows of 8 values, Q4_0 comes in blocks of 32/,
  ],
];

describe("a GGUF file is refused for", () => {
  it.each(refused)("%s", async (_, given, message) => {
    const file = Buffer.isBuffer(given) ? given : writeGguf(given);
    const error: unknown = await readGguf(
      async (offset, length) => file.subarray(offset, offset + length),
      file.length,
    ).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(LossyscopeError);
    expect((error as LossyscopeError).fault).toBe("model");
    expect((error as LossyscopeError).message).toMatch(message);
  });

  it("a cut anywhere in its header", () => {
    const file = writeGguf({ metadata: VALUES.map(([key, value]) => [key, value] as const), tensors: [tensor] });
    const { dataStart } = read(file);
    for (let length = 0; length < dataStart; length++) {
      expect(() => parseGguf(file.subarray(0, length), length)).toThrow(LossyscopeError);
    }
  });

  it("text that is not UTF-8", () => {
    const file = writeGguf({ metadata: [["kkkk", text("vvvv")]] });
    for (const [word, message] of [
      ["kkkk", /the key 1 of 1, 4 bytes before byte 36, is not UTF-8/],
      ["vvvv", /the value of "kkkk", 4 bytes before byte 52, is not UTF-8/],
    ] as const) {
      const broken = Buffer.from(file);
      broken[broken.indexOf(word) + 3] = 0x80;
      expect(() => read(broken)).toThrow(message);
    }
  });

  it("a header that goes on and on, after 128 MiB of it", async () => {
    const file = claim("k", 8, 2n ** 40n);
    let most = 0;
    const reading = readGguf(async (offset, length) => {
      most = Math.max(most, offset + length);
      return file.subarray(offset, offset + length);
    }, 2 ** 41);
    await expect(reading).rejects.toThrow(/more than 134,217,728/);
    expect(most).toBeLessThanOrEqual(1 << 20);
  });
});
