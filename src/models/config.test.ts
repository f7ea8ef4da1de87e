/** Refusals of configs by name: unknown architectures, options that the decoder does not do, contradictions. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { REFUSED } from "./architectures/refused.ts";
import { specOf, supportedArchitectures } from "./config.ts";

const config = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(fixture(`models/${name}/config.json`), "utf8"));

it("no architecture is both done and refused", () => {
  expect(supportedArchitectures.filter((name) => REFUSED.has(name))).toEqual([]);
});

describe("specOf refuses", () => {
  it.each<[string, unknown, RegExp]>([
    ["what is no object", [], /config\.json is not a JSON object/],
    ["no architecture", {}, /config\.json has no model_type/],
    ["an unknown architecture", { model_type: "llama9" }, /the architecture "llama9" is not known.*llama/],
    ["one without attention", { model_type: "mamba2" }, /mamba2 is a state-space model.*missing: the selective scan/],
    ["one with sinks", { model_type: "gpt_oss", quantization_config: {} }, /gpt_oss is.*missing: attention sinks/],
    ["one that predicts nothing", { model_type: "bert" }, /bert is an encoder[^;]*supported:/],
    ["a name of Object's own", { model_type: "constructor" }, /the architecture "constructor" is not known/],
    ["quantised weights", { ...config("llama"), quantization_config: { quant_method: "hqq" } }, /quantised.*hqq/],
    [
      "weights that MLX quantised",
      { ...config("llama"), quantization: { bits: 4, group_size: 64 } },
      /\(quantization: unk/,
    ],
    [
      "weights compressed",
      { ...config("llama"), compression_config: { quant_method: "fp" } },
      /compression_config: fp/,
    ],
    ["attention to what comes after", { ...config("qwen2"), is_causal: false }, /is_causal to false/],
    [
      "two names of one thing that disagree",
      { ...config("gpt2"), n_positions: 64, max_position_embeddings: 32 },
      /n_positions to 64 and max_position_embeddings to 32, two names of one thing: leave the wrong one out/,
    ],
    [
      "a config that wraps another",
      { model_type: "llava", text_config: config("llama") },
      /"llava" wraps a text model, .*: give what stands under text_config/,
    ],
    ["an encoder", { ...config("gpt2"), add_cross_attention: true }, /add_cross_attention to true/],
    ["an activation", { ...config("llama"), hidden_act: "xielu" }, /hidden_act to "xielu".*supported: silu/],
    ["a rope scaling", { ...config("llama"), rope_scaling: { type: "su" } }, /type to "su".*supported: default/],
    ["an incomplete rope scaling", { ...config("llama"), rope_scaling: { type: "linear" } }, /no factor/],
    ["heads that do not divide", { ...config("llama"), num_key_value_heads: 3 }, /4 query heads.*3 key-value heads/],
    ["a width that does not", { ...config("llama"), hidden_size: 49 }, /a width of 49 does not divide into 4 heads/],
    ["an odd rotation", { ...config("gpt_neox"), rotary_pct: 0.2 }, /3 of 16 head dimensions cannot rotate in pairs/],
    [
      "a count that is none",
      { ...config("llama"), num_hidden_layers: 2.5 },
      /num_hidden_layers to 2\.5; expected a whole/,
    ],
    [
      "a flag that is none",
      { ...config("llama"), attention_bias: "yes" },
      /attention_bias to "yes"; expected true or false/,
    ],
    [
      "a number that is none",
      { ...config("llama"), rms_norm_eps: "1e-5" },
      /rms_norm_eps to "1e-5"; expected a number/,
    ],
    [
      "layer types of another length",
      { ...config("qwen2"), layer_types: ["full_attention"] },
      /one entry for each of the 3/,
    ],
    ["layer types unknown", { ...config("gemma2"), layer_types: ["a", "b", "c"] }, /layer_types to "a"/],
    [
      "Mistral with layer types",
      { ...config("mistral-sharded"), layer_types: [] },
      /layer_types.*supported: leaving it out/,
    ],
    ["Gemma 2 that sees ahead", { ...config("gemma2"), use_bidirectional_attention: true }, /use_bidirectional/],
  ])("%s", (_, values, message) => {
    expect(() => specOf(values)).toThrow(LossyscopeError);
    expect(() => specOf(values)).toThrow(message);
  });
});

describe("specOf reads", () => {
  it("windows of Qwen 2 from max_window_layers on, or as layer_types says, and none unless asked", () => {
    const values = { ...config("qwen2"), use_sliding_window: true, max_window_layers: 2 };
    const windows = (given: Record<string, unknown>) => specOf(given).blocks.map(({ attention }) => attention.window);
    expect(windows(values)).toEqual([undefined, undefined, 6]);
    const layer_types = ["sliding_attention", "full_attention", "full_attention"];
    expect(windows({ ...values, layer_types })).toEqual([6, undefined, undefined]);
    expect(windows(config("qwen2"))).toEqual([undefined, undefined, undefined]);
  });

  it("GPT-2's scale by block, and none at all", () => {
    const scales = (given: Record<string, unknown>) =>
      specOf({ ...config("gpt2"), ...given }).blocks.map(({ attention }) => attention.scale);
    const scale = 12 ** -0.5;
    expect(scales({ scale_attn_by_inverse_layer_idx: true })).toEqual([scale, scale / 2, scale / 3]);
    expect(scales({ scale_attn_weights: false })).toEqual([1, 1, 1]);
  });

  it("dynamic rotation as none, within the positions it was made for", () => {
    const values = { ...config("llama"), rope_scaling: { type: "dynamic", factor: 2 } };
    expect(specOf(values)).toEqual(specOf(config("llama")));
  });
});
