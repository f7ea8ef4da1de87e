import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { openSafetensors, writeSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { BLOCK_PARTS } from "../formats/blocks/parts.ts";
import { BLOCKS, type BlockType } from "../formats/blocks/types.ts";
import { writeGguf } from "../formats/gguf/gguf.testing.ts";
import { fromFloat32 } from "../formats/tensor-types.ts";
import { random } from "../numeric/random.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { entropyCodedBytes } from "./ledger-entropy.ts";
import { openGguf } from "./sources/gguf.ts";
import { openShards } from "./sources/safetensors.ts";
import type { TensorSource } from "./sources/tensor-source.ts";
import { isBuffer } from "./weights.ts";

const at = temporaryFolder();

/** n·H bits of one field of all values, from the definition. */
function bitsOfField(values: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.values()].reduce((bits, count) => bits - count * Math.log2(count / values.length), 0);
}

/** The definition, value by value and bit by bit: sign, exponent and mantissa as strings. */
function naiveBytes(dtype: string, bytes: Uint8Array): number {
  const width = { F32: 4, BF16: 2, F16: 2 }[dtype];
  if (!width) return bytes.length;
  const values: string[] = [];
  for (let i = 0; i < bytes.length; i += width) {
    const bigEndian = [...bytes.subarray(i, i + width)].reverse();
    values.push(bigEndian.map((byte) => byte.toString(2).padStart(8, "0")).join(""));
  }
  const field = (...spans: [number, number][]) =>
    bitsOfField(values.map((value) => spans.map(([from, to]) => value.slice(from, to)).join("")));
  if (dtype === "F16") return (field([0, 6]) + field([6, 16])) / 8;
  const high = field([1, 9]) + field([0, 1], [9, 16]);
  return (dtype === "BF16" ? high : high + field([16, 24]) + field([24, 32])) / 8;
}

/** The same of blocks: every part's bytes by themselves, float16 numbers by their two fields. */
function naiveBlockBytes(type: BlockType, bytes: Uint8Array): number {
  const parts: string[][] = BLOCK_PARTS[type].map(() => []);
  for (let at = 0; at < bytes.length; ) {
    for (const [index, part] of BLOCK_PARTS[type].entries()) {
      const own = [...bytes.subarray(at, at + part.bytes)];
      if (part.kind === "half")
        parts[index].push(
          own
            .reverse()
            .map((b) => b.toString(2).padStart(8, "0"))
            .join(""),
        );
      else parts[index].push(...own.map(String));
      at += part.bytes;
    }
  }
  const bits = parts.map((values, index) =>
    BLOCK_PARTS[type][index].kind === "half"
      ? bitsOfField(values.map((value) => value.slice(0, 6))) + bitsOfField(values.map((value) => value.slice(6)))
      : bitsOfField(values),
  );
  return bits.reduce((sum, of) => sum + of, 0) / 8;
}

async function naive(weights: TensorSource): Promise<number> {
  let sum = 0;
  for (const name of weights.names()) {
    const tensor = weights.locate(name)!;
    if (isBuffer(name, tensor)) continue;
    sum += naiveBytes(tensor.dtype, await weights.read(name, 0, tensor.bytes));
  }
  return sum;
}

/** What a test has put into `at("model.safetensors")`. */
const written = async (): Promise<TensorSource> =>
  (await openShards(at(), new Map([["model.safetensors", []]]))).source;

describe("entropyCodedBytes of blocks", () => {
  const read = async (type: BlockType): Promise<Uint8Array> => {
    const file = await openSafetensors(fixture("gguf/blocks.safetensors"));
    const bytes = (await file.read(`raw.${type}`)) as Uint8Array;
    await file.close();
    return bytes;
  };
  const sourceOf = async (type: BlockType, data: Uint8Array): Promise<TensorSource> => {
    const shape = [(data.length / BLOCKS[type].bytes) * BLOCKS[type].values];
    writeFileSync(at("m.gguf"), writeGguf({ tensors: [{ name: "t", dtype: type, shape, data }] }));
    return (await openGguf(at("m.gguf"))).source;
  };

  it.each(Object.keys(BLOCKS) as BlockType[])("is the definition's on %s", async (type) => {
    const data = await read(type);
    const coded = await entropyCodedBytes(await sourceOf(type, data));
    expect(coded).toBeCloseTo(naiveBlockBytes(type, data), 6);
    expect(coded).toBeLessThan(data.length);
  });

  it("tells of numbers that are none", async () => {
    const data = await read("Q4_K");
    data.set([0, 0x7c], 144 + 2);
    const told: unknown[] = [];
    await entropyCodedBytes(await sourceOf("Q4_K", data), { onNonFinite: (...said) => told.push(said) });
    expect(told).toEqual([["t", 256]]);
  });
});

describe("entropyCodedBytes", () => {
  it.each(["gpt_neox", "gpt_neox-bf16", "gpt_neox-f16", "mistral-sharded"])(
    "is the definition's on %s",
    async (name) => {
      const { weights } = await openCheckpoint(fixture(`models/${name}`));
      const progress: [number, number][] = [];
      const bytes = await entropyCodedBytes(weights, { onProgress: (...step) => progress.push(step) });
      expect(bytes).toBeCloseTo(await naive(weights), 6);
      const [done, total] = progress.at(-1)!;
      expect(done).toBe(total);
    },
  );

  it("counts over chunks, whatever else lies in the file", async () => {
    const generator = random(1, "weights");
    const normal = Float32Array.from({ length: 400_000 }, () => generator.normal());
    await writeSafetensors(at("model.safetensors"), [
      { name: "odd", dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) },
      { name: "w", dtype: "F32", shape: [400, 1000], data: normal },
      { name: "constant", dtype: "F32", shape: [1000], data: new Float32Array(1000).fill(1) },
      { name: "empty", dtype: "BF16", shape: [0], data: new Uint8Array(0) },
      { name: "attn.bias", dtype: "F32", shape: [1, 1, 2, 2], data: new Float32Array(4) },
    ]);
    const bytes = await entropyCodedBytes(await written());
    expect(bytes).toBeCloseTo(3 + naiveBytes("F32", new Uint8Array(normal.buffer)), 5);
    // Low mantissa bytes of a normal deviate are uniform: 23 bits of mantissa and sign cost 24, its exponent about 2.5.
    expect((8 * (bytes - 3)) / normal.length).toBeGreaterThan(25.5);
    expect((8 * (bytes - 3)) / normal.length).toBeLessThan(27.5);
  });

  it.each(["F32", "BF16", "F16"] as const)(
    "tells which tensors of %s hold NaN or infinity, and how many",
    async (dtype) => {
      const values = (first: number): Uint8Array =>
        fromFloat32(
          dtype,
          Float32Array.from({ length: 64 }, (_, i) => (i < first ? [Number.NaN, Infinity, -Infinity][i] : 65472)),
        );
      await writeSafetensors(at("model.safetensors"), [
        { name: "sound", dtype, shape: [64], data: values(0) },
        { name: "damaged", dtype, shape: [64], data: values(3) },
      ]);
      const told: [string, number][] = [];
      await entropyCodedBytes(await written(), { onNonFinite: (...bad) => told.push(bad) });
      expect(told).toEqual([["damaged", 3]]);
    },
  );

  it("stops when asked to", async () => {
    const { weights } = await openCheckpoint(fixture("models/gpt2"));
    await expect(entropyCodedBytes(weights, { signal: AbortSignal.abort() })).rejects.toThrow("stopped while reading");
  });
});
