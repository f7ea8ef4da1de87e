import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { ledgerSchema } from "../profile/ledger.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { specOf, supportedArchitectures } from "./config.ts";
import { isTied, storageLedger } from "./ledger.ts";
import { type TensorSource, tensorsInFiles } from "./sources/tensor-source.ts";
import { isBuffer } from "./weights.ts";

const BYTES = { F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, U8: 1, I8: 1, BOOL: 1, F8_E4M3: 1 } as const;
type Header = [dtype: keyof typeof BYTES, ...shape: number[]];

/** Headers of a model that is nowhere: names with type and shape. */
function headers(tensors: Record<string, Header>): TensorSource {
  const stored = new Map(
    Object.entries(tensors).map(([name, [dtype, ...shape]]) => {
      const bytes = shape.reduce<number>((product, size) => product * size, BYTES[dtype]);
      return [name, { dtype, shape, file: "model.safetensors", offset: 0, bytes }] as const;
    }),
  );
  return tensorsInFiles(stored);
}
const blocks = (count: number, block: (prefix: string) => Record<string, Header>) =>
  Object.assign({}, ...Array.from({ length: count }, (_, i) => block(String(i))));

const gpt2 = headers({
  "wte.weight": ["F32", 50257, 768],
  "wpe.weight": ["F32", 1024, 768],
  ...blocks(12, (i) => ({
    [`h.${i}.ln_1.weight`]: ["F32", 768],
    [`h.${i}.ln_1.bias`]: ["F32", 768],
    [`h.${i}.attn.bias`]: ["F32", 1, 1, 1024, 1024],
    [`h.${i}.attn.c_attn.weight`]: ["F32", 768, 2304],
    [`h.${i}.attn.c_attn.bias`]: ["F32", 2304],
    [`h.${i}.attn.c_proj.weight`]: ["F32", 768, 768],
    [`h.${i}.attn.c_proj.bias`]: ["F32", 768],
    [`h.${i}.ln_2.weight`]: ["F32", 768],
    [`h.${i}.ln_2.bias`]: ["F32", 768],
    [`h.${i}.mlp.c_fc.weight`]: ["F32", 768, 3072],
    [`h.${i}.mlp.c_fc.bias`]: ["F32", 3072],
    [`h.${i}.mlp.c_proj.weight`]: ["F32", 3072, 768],
    [`h.${i}.mlp.c_proj.bias`]: ["F32", 768],
  })),
  "ln_f.weight": ["F32", 768],
  "ln_f.bias": ["F32", 768],
});

/** By default this one has blocks that the decoder does not do. */
const own = (model_type: string) =>
  model_type === "granitemoehybrid" ? { num_hidden_layers: 1, layer_types: ["attention"] } : {};

it.each(supportedArchitectures)("%s: tied where its spec is, for a config that does not say", (model_type) => {
  const { embedding, head } = specOf({ model_type, ...own(model_type) });
  expect(isTied({ model_type })).toBe(head.linear.weight === embedding.tokens);
});

it.each(supportedArchitectures)("%s: tied or not as its config says", (model_type) => {
  for (const tie_word_embeddings of [true, false]) {
    const { embedding, head } = specOf({ model_type, ...own(model_type), tie_word_embeddings });
    expect(head.linear.weight === embedding.tokens).toBe(tie_word_embeddings);
  }
});

describe("storageLedger", () => {
  it("counts GPT-2 as published, its masks apart, and knows its text", () => {
    const ledger = storageLedger({ model_type: "gpt2" }, gpt2, { name: "openai-community/gpt2" });
    expect(ledger.parameters).toEqual({
      total: 124_439_808,
      embedding: (50257 + 1024) * 768,
      nonEmbedding: 124_439_808 - (50257 + 1024) * 768,
      activePerToken: 124_439_808,
    });
    expect(ledger.weightBytes).toBe(4 * 124_439_808);
    expect(ledger.bitsPerParameter).toBe(32);
    expect(ledger.byDtype).toEqual({ F32: { tensors: 148, parameters: 124_439_808, bytes: 4 * 124_439_808 } });
    expect(ledger.buffers).toEqual({ tensors: 12, bytes: 12 * 4 * 1024 ** 2 });
    expect(ledger.training).toMatchObject({ tokens: null, bytes: 4e10, bytesPerToken: null });
    expect(ledger.storageRatio).toBeCloseTo(4e10 / (4 * 124_439_808), 12);
    expect(ledger.trainingBytesPerParameter).toBeCloseTo(4e10 / 124_439_808, 12);
    expect(ledgerSchema.parse(ledger)).toEqual(ledger);
  });

  it("counts Pythia-70m's untied output matrix as embedding, as its authors do", () => {
    const weights = headers({
      "gpt_neox.embed_in.weight": ["F16", 50304, 512],
      ...blocks(6, (i) => ({
        [`gpt_neox.layers.${i}.input_layernorm.weight`]: ["F16", 512],
        [`gpt_neox.layers.${i}.input_layernorm.bias`]: ["F16", 512],
        [`gpt_neox.layers.${i}.post_attention_layernorm.weight`]: ["F16", 512],
        [`gpt_neox.layers.${i}.post_attention_layernorm.bias`]: ["F16", 512],
        [`gpt_neox.layers.${i}.attention.bias`]: ["U8", 1, 1, 2048, 2048],
        [`gpt_neox.layers.${i}.attention.masked_bias`]: ["F16"],
        [`gpt_neox.layers.${i}.attention.rotary_emb.inv_freq`]: ["F16", 8],
        [`gpt_neox.layers.${i}.attention.query_key_value.weight`]: ["F16", 1536, 512],
        [`gpt_neox.layers.${i}.attention.query_key_value.bias`]: ["F16", 1536],
        [`gpt_neox.layers.${i}.attention.dense.weight`]: ["F16", 512, 512],
        [`gpt_neox.layers.${i}.attention.dense.bias`]: ["F16", 512],
        [`gpt_neox.layers.${i}.mlp.dense_h_to_4h.weight`]: ["F16", 2048, 512],
        [`gpt_neox.layers.${i}.mlp.dense_h_to_4h.bias`]: ["F16", 2048],
        [`gpt_neox.layers.${i}.mlp.dense_4h_to_h.weight`]: ["F16", 512, 2048],
        [`gpt_neox.layers.${i}.mlp.dense_4h_to_h.bias`]: ["F16", 512],
      })),
      "gpt_neox.final_layer_norm.weight": ["F16", 512],
      "gpt_neox.final_layer_norm.bias": ["F16", 512],
      "embed_out.weight": ["F16", 50304, 512],
    });
    const config = { model_type: "gpt_neox", tie_word_embeddings: false };
    const ledger = storageLedger(config, weights, { name: "EleutherAI/pythia-70m-deduped@step3000" });
    expect(ledger.parameters.total).toBe(70_426_624);
    expect(ledger.parameters.nonEmbedding).toBe(18_915_328); // table 1 of the model card
    expect(ledger.buffers.tensors).toBe(18);
    expect(ledger.training).toMatchObject({ tokens: 2.99893e11, bytes: 4 * 2.99893e11, bytesPerToken: 4 });
    expect(ledger.storageRatio).toBeCloseTo((4 * 2.99893e11) / (2 * 70_426_624), 9);
  });

  it("counts of Mixtral what a token passes through", () => {
    const weights = headers({
      "model.embed_tokens.weight": ["BF16", 32000, 4096],
      ...blocks(32, (i) => ({
        [`model.layers.${i}.self_attn.q_proj.weight`]: ["BF16", 4096, 4096],
        [`model.layers.${i}.self_attn.k_proj.weight`]: ["BF16", 1024, 4096],
        [`model.layers.${i}.self_attn.v_proj.weight`]: ["BF16", 1024, 4096],
        [`model.layers.${i}.self_attn.o_proj.weight`]: ["BF16", 4096, 4096],
        [`model.layers.${i}.block_sparse_moe.gate.weight`]: ["BF16", 8, 4096],
        ...blocks(8, (e) => ({
          [`model.layers.${i}.block_sparse_moe.experts.${e}.w1.weight`]: ["BF16", 14336, 4096],
          [`model.layers.${i}.block_sparse_moe.experts.${e}.w2.weight`]: ["BF16", 4096, 14336],
          [`model.layers.${i}.block_sparse_moe.experts.${e}.w3.weight`]: ["BF16", 14336, 4096],
        })),
        [`model.layers.${i}.input_layernorm.weight`]: ["BF16", 4096],
        [`model.layers.${i}.post_attention_layernorm.weight`]: ["BF16", 4096],
      })),
      "model.norm.weight": ["BF16", 4096],
      "lm_head.weight": ["BF16", 32000, 4096],
    });
    const config = { model_type: "mixtral", num_local_experts: 8, num_experts_per_tok: 2 };
    const { parameters, training } = storageLedger(config, weights, { name: "mistralai/Mixtral-8x7B-v0.1" });
    expect(parameters.total).toBe(46_702_792_704);
    expect(parameters.activePerToken).toBe(46_702_792_704 - 32 * 6 * 3 * 14336 * 4096);
    expect(training).toMatchObject({ tokens: null, bytes: null, note: "not disclosed" });
    const unsaid = storageLedger({ model_type: "mixtral", num_local_experts: 8 }, weights, { name: "m" });
    expect(unsaid.parameters.activePerToken).toBeNull();
    const other = storageLedger({ ...config, num_local_experts: 16 }, weights, { name: "m" });
    expect(other.parameters.activePerToken).toBeNull();
  });

  it("finds experts stacked into one tensor, shared experts apart", () => {
    const weights = headers({
      "layers.0.mlp.experts.gate_up_proj": ["BF16", 4, 10, 20],
      "layers.0.mlp.experts.down_proj": ["BF16", 4, 10, 10],
      "layers.0.mlp.shared_experts.up_proj.weight": ["BF16", 10, 10],
    });
    const config = { model_type: "new", text_config: { num_experts: 4, moe_top_k: 1 } };
    expect(storageLedger(config, weights, { name: "m" }).parameters).toMatchObject({
      total: 1300,
      activePerToken: 400,
    });
    expect(storageLedger({}, weights, { name: "m" }).parameters.activePerToken).toBeNull();
  });

  it("counts a tied output matrix once, its bytes as stored", () => {
    const weights = headers({ "model.embed_tokens.weight": ["F32", 10, 4], "lm_head.weight": ["F32", 10, 4] });
    const tied = storageLedger({ model_type: "llama", tie_word_embeddings: true }, weights, { name: "m" });
    expect(tied).toMatchObject({ parameters: { total: 40, embedding: 40 }, weightBytes: 320, bitsPerParameter: 64 });
    expect(tied.notes).toEqual(["lm_head.weight stored though tied to the embedding: bytes without parameters"]);
    const untied = storageLedger({ model_type: "llama" }, weights, { name: "m" });
    expect(untied).toMatchObject({ parameters: { total: 80, embedding: 80 }, bitsPerParameter: 32, notes: [] });
    // Where the config does not say, as transformers takes it for the architecture.
    const defaults = JSON.parse(readFileSync(fixture("config-defaults.json"), "utf8")) as Record<string, object>;
    const total = (config: object): number => storageLedger({ ...config }, weights, { name: "m" }).parameters.total;
    const types = Object.keys(defaults);
    expect(types.map((type) => [type, total({ model_type: type })])).toEqual(
      types.map((type) => [type, total({ ...defaults[type], model_type: type })]),
    );
    expect(storageLedger({ model_type: "gemma2" }, weights, { name: "m" }).parameters.total).toBe(40);
  });

  it.each<[string, object, Record<string, Header>, number]>([
    [
      "GPTQ",
      { quant_method: "gptq", bits: 4, group_size: 128 },
      {
        "q_proj.qweight": ["I32", 512, 256],
        "q_proj.qzeros": ["I32", 32, 32],
        "q_proj.scales": ["F16", 32, 256],
        "q_proj.g_idx": ["I32", 4096],
      },
      4096 * 256,
    ],
    ["3 bits", { quant_method: "gptq", bits: 3 }, { "q_proj.qweight": ["I32", 384, 256] }, 4096 * 256],
    [
      "AWQ",
      { quant_method: "awq", bits: 4 },
      { "q_proj.qweight": ["I32", 4096, 32], "q_proj.qzeros": ["I32", 32, 32], "q_proj.scales": ["F16", 32, 256] },
      4096 * 256,
    ],
    [
      "bitsandbytes, 4 bits",
      { quant_method: "bitsandbytes", load_in_4bit: true },
      {
        "q_proj.weight": ["U8", 524288, 1],
        "q_proj.weight.absmax": ["U8", 16384],
        "q_proj.weight.quant_map": ["F32", 16],
        "q_proj.weight.nested_absmax": ["F32", 64],
        "q_proj.weight.nested_quant_map": ["F32", 256],
        "q_proj.weight.quant_state.bitsandbytes__nf4": ["U8", 84],
      },
      4096 * 256,
    ],
    [
      "bitsandbytes, 8 bits",
      { quant_method: "bitsandbytes", load_in_8bit: true },
      { "q_proj.weight": ["I8", 256, 4096], "q_proj.SCB": ["F32", 256], "q_proj.weight_format": ["U8"] },
      4096 * 256,
    ],
    [
      "fp8",
      { quant_method: "fp8", weight_block_size: [128, 128] },
      { "q_proj.weight": ["F8_E4M3", 256, 4096], "q_proj.weight_scale_inv": ["F32", 2, 32] },
      4096 * 256,
    ],
    [
      "mxfp4",
      { quant_method: "mxfp4" },
      { "mlp.experts.up_proj_blocks": ["U8", 2, 32, 4, 16], "mlp.experts.up_proj_scales": ["U8", 2, 32, 4] },
      2 * 32 * 128,
    ],
    [
      "compressed tensors",
      { quant_method: "compressed-tensors", config_groups: { group_0: { weights: { num_bits: 4 } } } },
      {
        "q_proj.weight_packed": ["I32", 256, 512],
        "q_proj.weight_scale": ["BF16", 256, 32],
        "q_proj.weight_shape": ["I64", 2],
      },
      4096 * 256,
    ],
  ])("counts the parameters of %s", (_, quantization_config, tensors, parameters) => {
    const weights = headers({ ...tensors, "model.norm.weight": ["F16", 100] });
    const ledger = storageLedger({ model_type: "llama", quantization_config }, weights, { name: "m" });
    expect(ledger.parameters.total).toBe(parameters + 100);
    const bytes = Object.values(tensors).reduce(
      (sum, [dtype, ...shape]) =>
        sum + (dtype === "I64" ? 0 : shape.reduce<number>((product, size) => product * size, BYTES[dtype])),
      200,
    );
    expect(ledger.weightBytes).toBe(bytes);
    expect(ledger.bitsPerParameter).toBe((8 * bytes) / (parameters + 100));
    expect(ledger.notes?.[0]).toMatch(/^quantised/);
  });

  it("refuses to count packed integers it is not told the width of", () => {
    const weights = headers({ "q_proj.weight": ["U8", 524288, 1], "norm.weight": ["F16", 8] });
    expect(() => storageLedger({ model_type: "llama" }, weights, { name: "m" })).toThrow(
      "1 tensor (524 kB of weights in all) hold packed integers, q_proj.weight U8 [524288,1] the first, and the config says nothing of it",
    );
    const unsaid = { model_type: "llama", quantization_config: { quant_method: "quip" } };
    expect(() => storageLedger(unsaid, weights, { name: "m" })).toThrow("quip settings do not say how many bits");
  });

  it("takes what the user says of the training data", () => {
    const weights = headers({ "model.embed_tokens.weight": ["F32", 10, 4] });
    const ledger = (training: object) => storageLedger({ model_type: "llama" }, weights, { name: "m", training });
    expect(ledger({}).training).toBeNull();
    expect(ledger({ tokens: 100, bytes: 320 })).toMatchObject({
      training: { tokens: 100, bytes: 320, bytesPerToken: 3.2, source: "given", note: null },
      storageRatio: 2,
      trainingBytesPerParameter: 8,
    });
    expect(ledger({ tokens: 100 })).toMatchObject({ training: { bytes: null }, storageRatio: null });
    const known = storageLedger({ model_type: "gpt2" }, gpt2, { name: "gpt2", training: { bytes: 1e9 } });
    expect(known.training).toMatchObject({ tokens: null, bytes: 1e9, source: "given" });
  });

  it("reads every fixture, buffers told from weights", async () => {
    const { weights, config } = await openCheckpoint(fixture("models/gpt_neox"));
    const names = [...weights.names()];
    const buffers = names.filter((name) => isBuffer(name, weights.locate(name)!));
    expect(buffers.length).toBeGreaterThan(0);
    expect(buffers.every((name) => /attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/.test(name))).toBe(true);
    const ledger = storageLedger(config, weights, { name: "gpt_neox" });
    const rest = names.filter((name) => !buffers.includes(name)).map((name) => weights.locate(name)!);
    expect(ledger.weightBytes).toBe(rest.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(ledger.parameters.total * 4).toBe(ledger.weightBytes);
  });

  it("does not take a small model in a folder called gpt2 for GPT-2", async () => {
    const { weights, config } = await openCheckpoint(fixture("models/gpt2"));
    const ledger = storageLedger(config, weights, { name: "gpt2" });
    expect(ledger.training).toBeNull();
    expect(ledger.notes?.[0]).toMatch(/not the ledger's gpt2: that has 124,439,808 parameters, this/);
  });
});
