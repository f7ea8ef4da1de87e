import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { readRange } from "../../files/ranges.ts";
import { type TypedValue, text, type Written, writeGguf } from "../../formats/gguf/gguf.testing.ts";
import { toFloat32 } from "../../formats/tensor-types.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { openGguf } from "./gguf.ts";
import { asRunnable, runnableBytes } from "./runnable.ts";
import { describeTensorSource, type ExpectedTensor } from "./tensor-source.testing.ts";
import type { TensorSource } from "./tensor-source.ts";

const at = temporaryFolder();

const bytes = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (seed + i * 7 + (i >> 8)) % 60);

const TENSORS: readonly ExpectedTensor[] = [
  { name: "token_embd.weight", dtype: "Q4_K", shape: [3, 256], data: bytes(3 * 144) },
  { name: "blk.0.attn_norm.weight", dtype: "F32", shape: [7], data: bytes(28, 2) },
  { name: "nothing", dtype: "F16", shape: [0, 4], data: new Uint8Array(0) },
  { name: "blk.0.ffn_up.weight", dtype: "Q8_0", shape: [2, 64], data: bytes(4 * 34, 3) },
  { name: "größe", dtype: "BF16", shape: [5, 3], data: bytes(30, 4) },
];

const part = (stem: string, number: number, of: number): string =>
  `${stem}-${String(number).padStart(5, "0")}-of-${String(of).padStart(5, "0")}.gguf`;
const split = (number: number, of: number, tensors: number): readonly (readonly [string, TypedValue])[] => [
  ["split.no", { type: "u16", value: number }],
  ["split.count", { type: "u16", value: of }],
  ["split.tensors.count", { type: "i32", value: tensors }],
];

/** A model in parts, in a folder of its own. @returns paths of the parts */
function inParts(parts: number, otherwise: (number: number) => Partial<Written> = () => ({})): string[] {
  const folder = at("split");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  return Array.from({ length: parts }, (_, number) => {
    const tensors = TENSORS.filter((_, index) => Math.floor((index * parts) / TENSORS.length) === number);
    const path = join(folder, part("m", number + 1, parts));
    const first: [string, TypedValue][] = number === 0 ? [["general.architecture", text("llama")]] : [];
    const metadata = [...first, ...split(number, parts, TENSORS.length)];
    writeFileSync(path, writeGguf({ metadata, tensors, ...otherwise(number) }));
    return path;
  });
}

describeTensorSource("a GGUF file", {
  make: async () => {
    writeFileSync(at("m.gguf"), writeGguf({ tensors: TENSORS }));
    return (await openGguf(at("m.gguf"))).source;
  },
  expected: TENSORS,
});
describeTensorSource("a GGUF model in three parts", {
  make: async () => (await openGguf(inParts(3)[1])).source,
  expected: TENSORS,
});

describe("a GGUF model in parts", () => {
  it("has the metadata of the first and the files of all, whichever is named", async () => {
    const paths = inParts(3);
    const { metadata, weightFiles } = await openGguf(paths[2]);
    expect(metadata.get("general.architecture")).toBe("llama");
    expect(weightFiles.map(({ name }) => name)).toEqual([1, 2, 3].map((number) => part("m", number, 3)));
  });

  const refused = async (path: string): Promise<string> => {
    const error: unknown = await openGguf(path).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(LossyscopeError);
    return (error as LossyscopeError).message;
  };

  it("is refused where one is missing", async () => {
    const paths = inParts(3);
    rmSync(paths[1]);
    expect(await refused(paths[0])).toMatch(/of a model in 3 parts, of which m-00002-of-00003.gguf is missing/);
  });

  it.each<[string, (number: number) => Partial<Written>, RegExp]>([
    [
      "one is another's copy",
      (number) => (number === 2 ? { metadata: split(1, 3, 5) } : {}),
      /m-00003-of-00003.gguf is by its name part 3 of 3, and says that it is part 2 of 3/,
    ],
    [
      "two follow each other in a circle",
      (number) => (number > 0 ? { metadata: split(3 - number, 3, 5) } : {}),
      /m-00002-of-00003.gguf is by its name part 2 of 3, and says that it is part 3 of 3/,
    ],
    [
      "one is of a model in more parts",
      (number) => (number === 1 ? { metadata: split(1, 4, 5) } : {}),
      /says that it is part 2 of 4/,
    ],
    ["one is a whole model", (number) => (number === 1 ? { metadata: [] } : {}), /says that it is part 1 of 1/],
    ["a number is none", () => ({ metadata: [["split.no", text("0")]] }), /its split.no is "0"/],
    [
      "a tensor is in two",
      (number) => (number === 2 ? { tensors: [TENSORS[0]] } : {}),
      /tensor "token_embd.weight" is in m-00001-of-00003.gguf and in m-00003-of-00003.gguf/,
    ],
    [
      "one says that it is of another model",
      (number) => (number === 2 ? { metadata: [["general.architecture", text("qwen2")], ...split(2, 3, 5)] } : {}),
      /m-00003-of-00003.gguf is of another model than m-00001-of-00003.gguf: its general.architecture is "qwen2", not "llama"/,
    ],
    [
      "tensors are missing",
      (number) => (number === 2 ? { tensors: [] } : {}),
      /of a model of 5 tensors, its parts hold 4/,
    ],
  ])("is refused where %s", async (_, otherwise, message) => {
    expect(await refused(inParts(3, otherwise)[0])).toMatch(message);
  });

  it("is refused by a name that no part has", async () => {
    for (const [number, of] of [
      [0, 3],
      [4, 3],
      [1, 0],
      [1, 99_999],
    ])
      expect(await refused(at(part("m", number, of)))).toMatch(/calls itself part \d+ of \d+/);
    const [path] = inParts(3);
    rmSync(at("alone.gguf"), { force: true });
    writeFileSync(at("alone.gguf"), writeGguf({ metadata: split(0, 3, 5), tensors: TENSORS }));
    expect(path).toBeDefined();
    expect(await refused(at("alone.gguf"))).toMatch(/by its name the only one, and says that it is part 1 of 3/);
  });
});

describe("a big-endian GGUF file", () => {
  const turnedHalves = (data: Uint8Array, block: number, halves: readonly number[]): Uint8Array => {
    const result = Uint8Array.from(data);
    for (let from = 0; from < data.length; from += block)
      for (const half of halves) result.subarray(from + half, from + half + 2).reverse();
    return result;
  };
  const big = (tensor: ExpectedTensor): ExpectedTensor => {
    const { dtype, data } = tensor;
    if (dtype === "Q4_K") return { ...tensor, data: turnedHalves(data, 144, [0, 2]) };
    if (dtype === "Q8_0") return { ...tensor, data: turnedHalves(data, 34, [0]) };
    const width = dtype === "F32" ? 4 : 2;
    const words = Array.from({ length: data.length / width }, (_, i) => [...data.subarray(i * width, (i + 1) * width)]);
    return { ...tensor, data: Uint8Array.from(words.flatMap((word) => word.reverse())) };
  };

  const openBig = async (): Promise<TensorSource> => {
    writeFileSync(at("big.gguf"), writeGguf({ isBigEndian: true, tensors: TENSORS.map(big) }));
    return (await openGguf(at("big.gguf"))).source;
  };

  it("is read as its little-endian twin, whole and in any stretch", async () => {
    const source = await openBig();
    for (const { name, data } of TENSORS) {
      expect(source.locate(name)?.isTurned).toBe(true);
      expect(await source.read(name, 0, data.length)).toEqual(data);
      for (const [from, to] of [
        [1, data.length],
        [0, data.length - 1],
        [data.length >> 1, (data.length >> 1) + 1],
      ]) {
        if (data.length < 2) continue;
        expect(await source.read(name, from, to)).toEqual(data.slice(from, to));
      }
    }
    await expect(source.read("größe", 0, 31)).rejects.toThrow(RangeError);
  });

  it("is refused for a type whose order nobody has laid down", async () => {
    const tensors: ExpectedTensor[] = [{ name: "a", dtype: "Q5_0", shape: [32], data: bytes(22) }];
    writeFileSync(at("odd.gguf"), writeGguf({ isBigEndian: true, tensors }));
    const { source } = await openGguf(at("odd.gguf"));
    await expect(source.read("a", 0, 22)).rejects.toThrow(/the tensor a is big-endian Q5_0/);
  });

  it("and blocks are read in place, once written: codes as codes", async () => {
    writeFileSync(at("little.gguf"), writeGguf({ tensors: TENSORS }));
    const little = (await openGguf(at("little.gguf"))).source;
    const turned = await openBig();
    // Q4_K: half a byte, and 8 a group of 32; Q8_0: a byte, and 4 a group.
    const blocks = 3 * (256 / 2 + 8 * 8) + 2 * (64 + 2 * 4);
    expect(runnableBytes(little, "windows")).toBe(blocks);
    expect(runnableBytes(turned, "windows")).toBe(blocks + 4 * (7 + 15));
    const [one, other] = [
      await asRunnable(little, "windows", at("one")),
      await asRunnable(turned, "windows", at("other")),
    ];
    const place = one.locate("token_embd.weight")!;
    expect([place.shape, place.bytes]).toEqual([[3, 256], 3 * 128]);
    expect(place.codes).toEqual({ bits: 4, group: 32, isHalved: false, scales: 3 * 128, minima: 3 * (128 + 32) });
    expect(await one.read("größe", 0, 30)).toEqual(await little.read("größe", 0, 30));
    for (const { name } of TENSORS) {
      const [a, b] = await Promise.all(
        [one, other]
          .map((source) => source.locate(name)!)
          .map(async ({ codes, dtype, file, offset, bytes }) => {
            const stored = await readRange(file, offset, bytes);
            return codes ? stored : toFloat32(dtype, stored);
          }),
      );
      expect(a).toEqual(b);
    }
  });
});
