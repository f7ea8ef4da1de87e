/**
 * GGUF files, mutated by the ten thousand (`src/mutations.testing.ts`): lengths, counts, types and places of a header set to what
 * no file can hold, and any of its bytes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { fixture } from "../src/fixtures.testing.ts";
import { f32, type TypedValue, text, texts, u32, type Written, writeGguf } from "../src/formats/gguf/gguf.testing.ts";
import { readGguf } from "../src/formats/gguf/header.ts";
import { hold } from "../src/hold.testing.ts";
import { writeGgufModel } from "../src/measure/gguf.testing.ts";
import { writeModel } from "../src/measure/model.testing.ts";
import { conversionOf, someTokens } from "../src/models/gguf/conversions.testing.ts";
import { converted } from "../src/models/gguf/convert.testing.ts";
import { type Mutant, mutatedBytes } from "../src/mutations.testing.ts";
import { openGgufModel } from "../src/references/gguf.ts";

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
const mutatedNumbers = (files: readonly Buffer[]): fc.Arbitrary<Mutant<Buffer>> =>
  fc.tuple(fc.constantFrom(...files), fc.array(aNumber, { minLength: 1, maxLength: 3 })).map(([file, changes]) => {
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
    ["numbers", mutatedNumbers(samples)],
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

const at = temporaryFolder();

/** A file as a model, with its tokenizer. */
async function read(file: Uint8Array): Promise<void> {
  writeFileSync(at("hostile.gguf"), file);
  const model = await openGgufModel(at("hostile.gguf"));
  (await model.tokenizer()).encode("ab");
  await model.ends();
}

const VALUES: readonly TypedValue[] = [
  ...[0, 1, 2, 3, 7, 97, 255, 2 ** 16, 2 ** 31, 2 ** 32 - 1].map(u32),
  ...[0, -1, 1e-320, 1e38, Number.NaN, Infinity, 0.3].map(f32),
  ...["", "llama", "gpt2", "none", "yarn", "linear", "(a+)+$", "\u0000", "x".repeat(70_000)].map(text),
  ...[true, false].map((value): TypedValue => ({ type: "bool", value })),
  ...[2n ** 63n - 1n, -1n].map((value): TypedValue => ({ type: "i64", value })),
  { type: "u64", value: 2n ** 64n - 1n },
  texts([]),
  texts(["a", "a", "", "a b", "\ud800", "<s>"]),
  { of: "i32", values: [-1, 2 ** 31 - 1, 0] },
  { of: "f32", values: [Number.NaN, 1] },
  { of: "u32", values: [4, 4, 4] },
  { of: "u64", values: [2n ** 60n] },
  { arrays: [texts(["a"])] },
];

/** A sound file with values of its metadata, sizes and types of its tensors, or names, set to others. */
function mutatedModel(files: readonly Required<Pick<Written, "metadata" | "tensors">>[]): fc.Arbitrary<Mutant<Buffer>> {
  const change = fc.record({
    kind: fc.constantFrom("value", "value", "value", "drop", "rename", "size", "dtype", "name"),
    where: fc.nat(),
    value: fc.constantFrom(...VALUES),
    size: fc.constantFrom(0, 1, 2, 3, 32, 97, 2 ** 31, 2 ** 52),
    dtype: fc.constantFrom("F32", "F16", "Q4_0", "Q8_0", "Q4_K", "I8", "BF16", "F64", 99),
  });
  return fc
    .tuple(fc.constantFrom(...files), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([{ metadata, tensors }, changes]) => {
      const pairs = [...metadata];
      const all = [...tensors];
      for (const { kind, where, value, size, dtype } of changes) {
        const [pair, tensor] = [where % pairs.length, where % all.length];
        const { name, shape } = all[tensor];
        if (kind === "value") pairs[pair] = [pairs[pair][0], value];
        else if (kind === "drop") pairs.splice(pair, 1);
        else if (kind === "rename") pairs[pair] = [`${pairs[pair][0]}_`, pairs[pair][1]];
        else if (kind === "size") all[tensor] = { ...all[tensor], shape: [...shape.slice(0, -1), size] };
        else if (kind === "dtype") all[tensor] = { ...all[tensor], dtype: dtype as "F32" };
        else all[tensor] = { ...all[tensor], name: where % 2 ? `${name}.scale` : all[0].name };
      }
      const how = changes.map(({ kind, where, size, dtype, value }) =>
        [
          kind,
          kind === "value"
            ? `${pairs[where % pairs.length]?.[0]} ${JSON.stringify(value, plain)}`
            : `${where} ${size} ${dtype}`,
        ].join(" "),
      );
      return { content: writeGguf({ metadata: pairs, tensors: all }), how: how.join("; ") };
    });
}
const plain = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value);

describe("models in GGUF", () => {
  it("by what their metadata says and what their tensors are", async () => {
    const models = ["llama", "mixtral", "gemma3_text", "phi3-longrope", "gpt2", "falcon-40b", "stablelm"];
    const files = await Promise.all(
      models.map(async (name) => {
        const { metadata, tensors } = await converted(fixture(`models/${name}`), await conversionOf(name));
        return { metadata: [...metadata, ...someTokens(97)], tensors };
      }),
    );
    for (const file of files) await read(writeGguf(file));
    const { sound, runs } = await hold(mutatedModel(files), read, 500);
    expect(sound).toBeGreaterThan(runs / 50);
  });

  it("by their numbers and bytes", async () => {
    const path = await writeGgufModel(at("m.gguf"), await writeModel(at("model")));
    const file = readFileSync(path);
    const mutants = fc.oneof(mutatedNumbers([file]), mutatedBytes([file]));
    const { sound } = await hold(mutants, read, 500);
    expect(sound).toBeGreaterThan(0);
  });
});
