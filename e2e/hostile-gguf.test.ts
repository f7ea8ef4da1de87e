/**
 * GGUF files, mutated by the ten thousand (`src/mutations.testing.ts`): lengths, counts, types and places of a header set to what
 * no file can hold, and any of its bytes.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { f32, text, texts, u32, writeGguf } from "../src/formats/gguf/gguf.testing.ts";
import { readGguf } from "../src/formats/gguf/header.ts";
import { hold } from "../src/hold.testing.ts";
import { type Mutant, mutatedBytes } from "../src/mutations.testing.ts";

const sample = (isBigEndian: boolean, version: number): Buffer =>
  writeGguf({
    version,
    isBigEndian,
    metadata: [
      ["general.architecture", text("llama")],
      ["general.alignment", u32(32)],
      ["llama.block_count", u32(2)],
      ["llama.rope.freq_base", f32(10_000)],
      ["tokenizer.ggml.tokens", texts(["<s>", "▁a", "b", ""])],
      ["tokenizer.ggml.scores", { of: "f32", values: [0, -1, -2, -3] }],
      ["split.count", { type: "u16", value: 1 }],
      ["nested", { arrays: [texts(["x"]), { of: "bool", values: [true] }] }],
      ["long", { type: "i64", value: -1n }],
    ],
    tensors: [
      { name: "token_embd.weight", dtype: "Q4_K", shape: [4, 256], data: new Uint8Array(4 * 144) },
      { name: "blk.0.attn_norm.weight", dtype: "F32", shape: [256], data: new Uint8Array(1024) },
      { name: "output.weight", dtype: "Q8_0", shape: [4, 32], data: new Uint8Array(4 * 34) },
    ],
  });
const samples = [sample(false, 3), sample(false, 2), sample(true, 3)];

const NUMBERS = [0n, 1n, 4n, 8n, 9n, 31n, 255n, 2n ** 16n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 60n, 2n ** 63n];
const aNumber = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  value: fc.constantFrom(...NUMBERS, 2n ** 64n - 1n),
  bytes: fc.constantFrom(4, 8),
});

/** A sample with some of its numbers changed, wherever they may be. */
const mutatedNumbers: fc.Arbitrary<Mutant<Buffer>> = fc
  .tuple(fc.constantFrom(...samples), fc.array(aNumber, { minLength: 1, maxLength: 3 }))
  .map(([file, changes]) => {
    const content = Buffer.from(file);
    for (const { at, value, bytes } of changes) {
      const number = Buffer.alloc(8);
      number.writeBigUInt64LE(value);
      number.copy(content, Math.floor(at * content.length), 0, bytes);
    }
    return { content, how: changes.map(({ at, value, bytes }) => `${value} in ${bytes} bytes at ${at}`).join("; ") };
  });

describe("GGUF files", () => {
  it.each([
    ["numbers", mutatedNumbers],
    ["bytes", mutatedBytes(samples)],
  ])("by their %s", async (_, mutants) => {
    const { sound, runs } = await hold(
      mutants,
      (file) => readGguf(async (offset, length) => file.subarray(offset, offset + length), file.length),
      10_000,
    );
    expect(sound).toBeGreaterThan(runs / 100);
  });
});
