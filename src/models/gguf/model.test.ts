/** GGUF files made of the random-weight models: what they give is what the folder gives. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { openSafetensors } from "../../files/safetensors.ts";
import { fixture } from "../../fixtures.testing.ts";
import { f32, type TypedValue, text, u32, writeGguf } from "../../formats/gguf/gguf.testing.ts";
import { type Dtype, fromFloat32, toFloat32 } from "../../formats/tensor-types.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { openCheckpoint } from "../checkpoint.ts";
import { specOf } from "../config.ts";
import { buildMeasuringGraph } from "../heads.ts";
import { openGraph } from "../session.testing.ts";
import { asFloat32 } from "../sources/float32.ts";
import { openGguf } from "../sources/gguf.ts";
import type { TensorSource } from "../sources/tensor-source.ts";
import type { DecoderSpec } from "../spec.ts";
import { type Conversion, converted, convertedFile } from "./convert.testing.ts";
import { ggufModel } from "./model.ts";

const at = temporaryFolder();

/** Ids of the golden file, and their losses under a spec and its weights. */
async function losses(spec: DecoderSpec, weights: TensorSource): Promise<Float64Array> {
  const [batch, positions] = [2, 17];
  const golden = await openSafetensors(join(fixture("models/llama"), "golden.safetensors"));
  const ids = [...((await golden.read("input_ids")) as BigInt64Array)].map((id) => Number(id) % spec.vocabulary);
  await golden.close();
  const run = await openGraph(buildMeasuringGraph(spec, weights, { losses: true }, positions));
  const slots = [...ids.keys()].filter((slot) => slot % positions < positions - 1);
  const outputs = await run({
    input_ids: { data: ids, dims: [batch, positions] },
    loss_rows: { data: slots, dims: [slots.length] },
    loss_targets: { data: slots.map((slot) => ids[slot + 1]), dims: [slots.length] },
  });
  return Float64Array.from(outputs.losses.data);
}

async function ofFile(name: string, conversion: Conversion = {}) {
  const path = at(`${name}.gguf`);
  writeFileSync(path, await convertedFile(fixture(`models/${name}`), conversion));
  return ggufModel(await openGguf(path));
}

/** The folder's own, with some keys of its config otherwise. */
async function ofFolder(name: string, config: Conversion["config"] = {}) {
  const folder = at("folder");
  rmSync(folder, { recursive: true, force: true });
  cpSync(fixture(`models/${name}`), folder, { recursive: true });
  const path = join(folder, "config.json");
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...config }));
  const checkpoint = await openCheckpoint(folder);
  return { spec: specOf(checkpoint.config), weights: checkpoint.weights };
}

const furthest = (one: Float64Array, other: Float64Array): number =>
  one.reduce((most, value, index) => Math.max(most, Math.abs(value - other[index])), 0);

/** Models, and what of their config GGUF does not carry and takes for granted. */
const MODELS: readonly (readonly [name: string, config: Conversion["config"]])[] = [
  ["llama", {}],
  ["llama-tied-bf16", {}],
  ["mistral-sharded", { sliding_window: null }],
  ["mixtral", {}],
  ["granite", {}],
  ["qwen2", {}],
  ["qwen3", {}],
  ["olmo2", {}],
  ["gemma2", { query_pre_attn_scalar: 16 }],
  ["gemma3_text", { query_pre_attn_scalar: 16 }],
  ["phi3", {}],
  ["starcoder2", { sliding_window: null }],
  ["stablelm", { use_parallel_residual: false }],
  ["stablelm-parallel", {}],
  ["gpt2", {}],
  ["gpt2-hub-names", {}],
  ["gpt_neox", {}],
  ["gpt_neox-sequential", {}],
  ["falcon-7b", {}],
  ["falcon-40b", {}],
];

const close = 5e-5;

const floats = (name: string, values: readonly number[]) => ({
  name,
  dtype: "F32" as const,
  shape: [values.length],
  data: fromFloat32("F32", Float32Array.from(values)),
});

describe("a model in GGUF", () => {
  it.each(MODELS)("gives the losses of its folder: %s", async (name, config) => {
    const folder = await ofFolder(name, config);
    const file = await ofFile(name, { config });
    expect(file.spec.architecture).toBe(folder.spec.architecture === "mistral" ? "llama" : folder.spec.architecture);
    expect([file.spec.positions, file.spec.vocabulary]).toEqual([folder.spec.positions, folder.spec.vocabulary]);
    const expected = await losses(folder.spec, folder.weights);
    expect(furthest(await losses(file.spec, file.weights), expected)).toBeLessThan(close);
  });

  it("with Llama 3's bands as divisors", async () => {
    const folder = await ofFolder("llama3-rope-scaling");
    const [base, width, factor, low, high, original] = [500_000, 16, 32, 1, 4, 64];
    const divisors = Array.from({ length: width / 2 }, (_, pair) => {
      const turns = (original * base ** ((-2 * pair) / width)) / (2 * Math.PI);
      const kept = Math.min(Math.max((turns - low) / (high - low), 0), 1);
      return 1 / ((1 - kept) / factor + kept);
    });
    expect(new Set(divisors).size).toBeGreaterThan(2);
    const file = await ofFile("llama3-rope-scaling", { extra: [floats("rope_freqs.weight", divisors)] });
    const expected = await losses(folder.spec, folder.weights);
    expect(furthest(await losses(file.spec, file.weights), expected)).toBeLessThan(close);
    expect(file.weights.locate("rope_freqs.weight")).toBeUndefined();
  });

  it("with LongRoPE", async () => {
    const folder = await ofFolder("phi3-longrope");
    const { rope_scaling: scaling } = JSON.parse(readFileSync(join(at("folder"), "config.json"), "utf8"));
    const file = await ofFile("phi3-longrope", {
      extra: [
        floats("rope_factors_long.weight", scaling.long_factor),
        floats("rope_factors_short.weight", scaling.short_factor),
      ],
    });
    const expected = await losses(folder.spec, folder.weights);
    expect(furthest(await losses(file.spec, file.weights), expected)).toBeLessThan(close);
  });

  it("with a base of its own where the architecture has another", async () => {
    await expect(ofFile("falcon-11b")).rejects.toThrow(/does not say the base of its rotation/);
    const folder = await ofFolder("falcon-11b", { max_position_embeddings: 2048 });
    const file = await ofFile("falcon-11b", { more: [["rope.freq_base", f32(500_042)]] });
    const expected = await losses(folder.spec, folder.weights);
    expect(furthest(await losses(file.spec, file.weights), expected)).toBeLessThan(close);
  });

  it.each(["F16", "Q8_0"] as const)("in %s gives the losses of the same values in float32", async (as) => {
    const made = await converted(fixture("models/gpt_neox"), { as });
    expect(made.tensors.filter(({ dtype }) => dtype === as).length).toBeGreaterThan(10);
    const wide = made.tensors.map((tensor) => {
      const values = toFloat32(tensor.dtype as Dtype, tensor.data);
      return { ...tensor, dtype: "F32" as const, data: fromFloat32("F32", values) };
    });
    writeFileSync(at("narrow.gguf"), writeGguf(made));
    writeFileSync(at("wide.gguf"), writeGguf({ ...made, tensors: wide }));
    const [narrow, plain] = [
      await ggufModel(await openGguf(at("narrow.gguf"))),
      await ggufModel(await openGguf(at("wide.gguf"))),
    ];
    const weights = await asFloat32(narrow.weights, at("narrow.f32.safetensors"));
    expect(furthest(await losses(narrow.spec, weights), await losses(plain.spec, plain.weights))).toBe(0);
  });

  it("is tied where a head is the table once more", async () => {
    const made = await converted(fixture("models/gpt2"));
    const table = made.tensors.find(({ name }) => name === "token_embd.weight")!;
    writeFileSync(
      at("copy.gguf"),
      writeGguf({ ...made, tensors: [...made.tensors, { ...table, name: "output.weight" }] }),
    );
    const { config, spec } = await ggufModel(await openGguf(at("copy.gguf")));
    expect(config.tie_word_embeddings).toBe(true);
    expect(spec.head.linear.weight).toBe(spec.embedding.tokens);
  });

  it("has numbers as they were written, not as float32 has them", async () => {
    const { config } = await ofFile("llama");
    expect([config.rms_norm_eps, config.rope_theta]).toEqual([1e-5, 10_000]);
  });

  const more = (key: string, value: TypedValue): Conversion => ({ more: [[key, value]] });
  it.each<[string, Conversion, RegExp]>([
    ["an unknown key", more("attention.sinks", u32(1)), /llama.attention.sinks = 1, of which it is not known what/],
    [
      "a scaling it does not do",
      more("rope.scaling.type", text("su")),
      /llama.rope.scaling.type is "su".*none, linear, yarn/,
    ],
    [
      "heads of two widths",
      more("attention.key_length", u32(16)),
      /llama.attention.value_length is|llama.rope.dimension_count is 12: supported: 16/,
    ],
    [
      "divisors of another width",
      { extra: [floats("rope_freqs.weight", [1, 2, 3])] },
      /rope_freqs.weight has 3 divisors for 6 pairs that turn/,
    ],
    ["divisors that are none", { extra: [floats("rope_freqs.weight", [1, 0])] }, /holds no divisors above zero/],
  ])("is refused for %s", async (_, conversion, message) => {
    const error: unknown = await ofFile("llama", conversion).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(LossyscopeError);
    expect((error as LossyscopeError).message).toMatch(message);
  });

  it.each([
    ["general.architecture", text("grok"), /the architecture "grok" is not read from GGUF: supported: falcon, gemma2/],
    ["general.architecture", u32(7), /the architecture 7 is not read from GGUF/],
    ["llama.block_count", text("3"), /llama.block_count = "3"; expected a number/],
    ["llama.embedding_length", f32(Number.NaN), /llama.embedding_length = null; expected a number/],
    ["llama.attention.head_count", { of: "u32", values: [4, 4, 2] }, /head_count differs from block to block/],
  ] as const)("is refused for %s = %j", async (key, value, message) => {
    const made = await converted(fixture("models/llama"));
    const metadata = made.metadata.map(([name, old]) => [name, name === key ? value : old] as const);
    writeFileSync(at("wrong.gguf"), writeGguf({ ...made, metadata }));
    await expect(openGguf(at("wrong.gguf")).then(ggufModel)).rejects.toThrow(message);
  });

  it("may have a number of every block in a list", async () => {
    const made = await converted(fixture("models/llama"));
    const metadata = made.metadata.map(
      ([name, old]) => [name, name === "llama.attention.head_count" ? { of: "u32", values: [4, 4, 4] } : old] as const,
    );
    writeFileSync(at("list.gguf"), writeGguf({ ...made, metadata: metadata as never }));
    const { config } = await ggufModel(await openGguf(at("list.gguf")));
    expect(config.num_attention_heads).toBe(4);
  });
});
