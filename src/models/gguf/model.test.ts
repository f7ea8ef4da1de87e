/** GGUF files made of the random-weight models: what they give is what the folder gives, and what llama.cpp gives. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { fixture } from "../../fixtures.testing.ts";
import { f32, type TypedValue, text, u32, writeGguf } from "../../formats/gguf/gguf.testing.ts";
import { type Dtype, fromFloat32, toFloat32 } from "../../formats/tensor-types.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { openCheckpoint } from "../checkpoint.ts";
import { specOf } from "../config.ts";
import { buildMeasuringGraph } from "../heads.ts";
import { openGraph } from "../session.testing.ts";
import { openGguf } from "../sources/gguf.ts";
import { asRunnable } from "../sources/runnable.ts";
import { renamed, type TensorSource } from "../sources/tensor-source.ts";
import type { DecoderSpec } from "../spec.ts";
import { CONVERSIONS, conversionOf, floats } from "./conversions.testing.ts";
import { type Conversion, converted, convertedFile } from "./convert.testing.ts";
import { ggufModel } from "./model.ts";

const at = temporaryFolder();

/** Ids, and what llama.cpp gives for the same files. */
const golden: { readonly ids: readonly number[]; readonly nats: Readonly<Record<string, readonly number[]>> } =
  JSON.parse(readFileSync(fixture("gguf/llama-cpp-losses.json"), "utf8"));

/** Losses of the golden ids under a spec and its weights. */
async function losses(spec: DecoderSpec, weights: TensorSource): Promise<Float64Array> {
  const { ids } = golden;
  const run = await openGraph(buildMeasuringGraph(spec, weights, { losses: true }, ids.length));
  const targets = ids.slice(1);
  const outputs = await run({
    input_ids: { data: ids, dims: [1, ids.length] },
    loss_rows: { data: [...targets.keys()], dims: [targets.length] },
    loss_targets: { data: targets, dims: [targets.length] },
  });
  return Float64Array.from(outputs.losses.data);
}

async function ofFile(name: string, conversion: Conversion = {}) {
  const path = at(`${name}.gguf`);
  writeFileSync(path, await convertedFile(fixture(`models/${name}`), conversion));
  return ggufModel(await openGguf(path));
}

/** Of a tensor outside of all: -1. */
const blockOf = (tensor: string): number => Number(/\.layers\.(\d+)\./.exec(tensor)?.[1] ?? -1);

/** The folder's own, with some keys of its config otherwise. */
async function ofFolder(name: string, config: Conversion["config"] = {}) {
  const folder = at("folder");
  rmSync(folder, { recursive: true, force: true });
  cpSync(fixture(`models/${name}`), folder, { recursive: true });
  const path = join(folder, "config.json");
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...config }));
  const checkpoint = await openCheckpoint(folder);
  const spec = specOf(checkpoint.config);
  const own = [...checkpoint.weights.names()].filter((tensor) => blockOf(tensor) < spec.blocks.length);
  return { spec, weights: renamed(checkpoint.weights, new Map(own.map((tensor) => [tensor, tensor]))) };
}

const furthest = (one: Float64Array, other: Float64Array): number =>
  one.reduce((most, value, index) => Math.max(most, Math.abs(value - other[index])), 0);

const close = 5e-5;

/** llama.cpp looks GELU up in a table of float16. */
const closeToLlamaCpp = ({ blocks: [{ mlp }] }: DecoderSpec): number =>
  "activation" in mlp && mlp.activation.startsWith("gelu") ? 1e-2 : close;

describe("a model in GGUF", () => {
  it.each(Object.keys(CONVERSIONS))("gives the losses of its folder, and llama.cpp's: %s", async (name) => {
    const folder = await ofFolder(name, CONVERSIONS[name]);
    const file = await ofFile(name, await conversionOf(name));
    expect(file.spec.architecture).toBe(folder.spec.architecture === "mistral" ? "llama" : folder.spec.architecture);
    expect([file.spec.positions, file.spec.vocabulary]).toEqual([folder.spec.positions, folder.spec.vocabulary]);
    const expected = await losses(folder.spec, folder.weights);
    const found = await losses(file.spec, file.weights);
    expect(furthest(found, expected)).toBeLessThan(close);
    expect(furthest(found, Float64Array.from(golden.nats[name]))).toBeLessThan(closeToLlamaCpp(file.spec));
    expect([...file.weights.names()].filter((tensor) => tensor.startsWith("rope_"))).toEqual([]);
  });

  // llama.cpp leaves the window out, and the norms in models of fewer blocks than the one that has them.
  it.each(["phi3", "cohere-qk-norm"])("with a window, and with norms of every head: %s", async (name) => {
    const folder = await ofFolder(name);
    const file = await ofFile(name);
    const [{ window, queryNorm }] = folder.spec.blocks.map(({ attention }) => attention);
    expect(window ?? queryNorm).toBeDefined();
    expect(file.spec.blocks[0].attention.window).toBe(window);
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
    const weights = await asRunnable(narrow.weights, "windows", at("narrow.f32.safetensors"));
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
    [
      "general.architecture",
      text("grok"),
      /the architecture "grok" is not read from GGUF: supported: command-r, falcon, gemma/,
    ],
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

describe("a GGUF file that is no model", () => {
  const refusalOf = async (metadata: readonly (readonly [string, TypedValue])[], tensors = [floats("x", [1])]) => {
    const path = at("other.gguf");
    writeFileSync(path, writeGguf({ metadata, tensors }));
    return ggufModel(await openGguf(path)).then(
      () => "",
      (error) => {
        expect(error).toBeInstanceOf(LossyscopeError);
        return (error as LossyscopeError).message;
      },
    );
  };
  const of = (architecture: string, ...more: (readonly [string, TypedValue])[]) =>
    refusalOf([["general.architecture", text(architecture)], ...more]);

  it("is refused by what it is", async () => {
    expect(await of("clip")).toMatch(/^the file is the encoder of pictures or sound of a model \(mmproj\)/);
    expect(await of("llama", ["general.type", text("mmproj")])).toMatch(/\(mmproj\)/);
    expect(await of("llama", ["general.type", text("adapter")])).toMatch(
      /an adapter \(LoRA\).*: merge it into its model/,
    );
    expect(await of("nomic-bert")).toMatch(/reads text both ways and predicts no next token: name a model that writes/);
    expect(await of("t5")).toMatch(/an encoder and a decoder/);
    expect(await of("controlvector")).toMatch(/a control vector/);
    expect(await refusalOf([["general.type", text("imatrix")]])).toMatch(/an importance matrix/);
    expect(
      await refusalOf([
        ["imatrix.chunk_count", u32(1)],
        ["imatrix.datasets", text("wiki")],
      ]),
    ).toMatch(/an importance/);
    expect(await of("llama", ["general.type", text("next")])).toMatch(/of the type "next" \(general.type\), no model/);
    expect(await refusalOf([["general.architecture", text("llama")]], [])).toMatch(/a vocabulary and no tensors/);
  });

  it("of an architecture that the decoder does not do is refused with what it would take", async () => {
    expect(await of("deepseek2")).toMatch(
      /^"deepseek2" is a model whose attention reads .* narrow latent; missing: multi-head latent attention, .*: supported: /,
    );
    expect(await of("mamba")).toMatch(/^"mamba" is a state-space model: .*; missing: the selective scan: supported: /);
    expect(await of("rwkv7")).toMatch(/^"rwkv7" is a recurrent model/);
    expect(await of("falcon-h1")).toMatch(/^"falcon-h1" is a mixture of attention and state-space blocks; missing/);
    expect(await of("baichuan")).toMatch(/the architecture "baichuan" is not read from GGUF: supported: /);
  });
});
