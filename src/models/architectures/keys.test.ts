/**
 * Config keys against transformers: the same model written with older and newer keys is the same spec, an absent key means
 * what transformers takes it to mean, and an option that the decoder does not do is refused by its name.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture } from "../../fixtures.testing.ts";
import { specOf, supportedArchitectures } from "../config.ts";
import { attentionFactor, frequencies } from "../rotary.ts";
import type { DecoderSpec } from "../spec.ts";

type Values = Record<string, unknown>;

const json = (path: string) => JSON.parse(readFileSync(fixture(path), "utf8"));
const published = (model: string): Values => json(`models/${model}/config.json`);
const without = (values: Values, ...keys: string[]): Values =>
  Object.fromEntries(Object.entries(values).filter(([key]) => !keys.includes(key)));
const renamed = (values: Values, names: Record<string, string>): Values =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [names[key] ?? key, value]));
const asIf = (architecture: string, spec: DecoderSpec): DecoderSpec => ({ ...spec, architecture });

describe("absent keys", () => {
  const defaults: Record<string, Values> = json("config-defaults.json");

  it("are recorded for every architecture but the older names of two", () => {
    const older = ["RefinedWeb", "RefinedWebModel", "stablelm_epoch"];
    expect([...Object.keys(defaults), ...older].sort()).toEqual([...supportedArchitectures].sort());
  });

  it.each(Object.keys(defaults))("%s: mean what transformers takes them to mean", (architecture) => {
    expect(specOf({ model_type: architecture })).toEqual(specOf(defaults[architecture]));
  });
});

describe("keys as transformers 5 writes them", () => {
  const models = readdirSync(fixture("models")).filter((name) => existsSync(fixture(`models/${name}/config-v5.json`)));

  it.each(models)("%s: give the spec of the published keys", (model) => {
    expect(specOf(json(`models/${model}/config-v5.json`))).toEqual(specOf(published(model)));
  });
});

describe("older keys", () => {
  const refinedWeb = { num_attention_heads: "n_head", num_hidden_layers: "n_layer", num_kv_heads: "n_head_kv" };

  it("falcon: RefinedWebModel of Falcon 7B, whose defaults were the other way round", () => {
    const older = renamed(published("falcon-7b"), refinedWeb);
    const values = { ...without(older, "new_decoder_architecture"), model_type: "RefinedWebModel" };
    expect(specOf(values)).toEqual(asIf("RefinedWebModel", specOf(published("falcon-7b"))));
    expect(specOf(without(values, "multi_query")).blocks[0].attention.kvHeads).toBe(4);
    expect(specOf(without(values, "parallel_attn")).blocks[0].residual).toBe("sequential");
  });

  it("falcon: RefinedWeb of Falcon 40B is the new decoder architecture without saying so", () => {
    const older = renamed(published("falcon-40b"), refinedWeb);
    const values = { ...without(older, "new_decoder_architecture", "multi_query"), model_type: "RefinedWeb" };
    expect(specOf(values)).toEqual(asIf("RefinedWeb", specOf(published("falcon-40b"))));
  });

  it("falcon: RefinedWebModel of Falcon RW", () => {
    const older = renamed(published("falcon-rw"), refinedWeb);
    const values = { ...without(older, "new_decoder_architecture"), model_type: "RefinedWebModel" };
    expect(specOf(values)).toEqual(asIf("RefinedWebModel", specOf(published("falcon-rw"))));
  });

  it("stablelm: stablelm_epoch with rope_pct and norm_eps", () => {
    const names = { partial_rotary_factor: "rope_pct", layer_norm_eps: "norm_eps" };
    const values = { ...renamed(published("stablelm"), names), norm_eps: 1e-6, model_type: "stablelm_epoch" };
    const now = { ...published("stablelm"), layer_norm_eps: 1e-6 };
    expect(specOf(values)).toEqual(asIf("stablelm_epoch", specOf(now)));
  });

  it("gpt_neo: attention_types alone, or attention_layers alone", () => {
    const values = published("gpt_neo");
    expect(specOf(without(values, "attention_layers"))).toEqual(specOf(values));
    expect(specOf(without(values, "attention_types"))).toEqual(specOf(values));
  });

  it("gemma3_text: layer_types in place of sliding_window_pattern", () => {
    const values = published("gemma3_text");
    const types = ["sliding_attention", "full_attention", "sliding_attention"];
    expect(specOf({ ...without(values, "sliding_window_pattern"), layer_types: types })).toEqual(specOf(values));
  });

  it("smollm3: no_rope_layer_interval in place of the list", () => {
    const values = published("smollm3");
    expect(specOf({ ...without(values, "no_rope_layers"), no_rope_layer_interval: 2 })).toEqual(specOf(values));
  });

  it("phi: no num_key_value_heads, and the rotary share at its default", () => {
    const values = { ...published("phi"), partial_rotary_factor: 0.5 };
    expect(specOf(without(values, "num_key_value_heads", "partial_rotary_factor"))).toEqual(specOf(values));
  });

  it("`type` in rope_scaling", () => {
    const values = published("gemma3_text-rope-scaling");
    expect(specOf({ ...values, rope_scaling: { type: "linear", factor: 8 } })).toEqual(specOf(values));
  });
});

describe("scaled rotations", () => {
  const cases: { config: Values; window?: number; frequencies: number[]; factor: number }[] = json("rotary.json");

  it.each(cases.map((one) => [JSON.stringify(one.config.rope_scaling ?? one.config.rope_parameters), one] as const))(
    "%s",
    (_, expected) => {
      const rotary = specOf(expected.config).blocks[0].attention.rotary!;
      const turns = frequencies(rotary, expected.window ?? 1);
      expect(turns.length).toBe(expected.frequencies.length);
      for (const [pair, turn] of turns.entries()) expect(turn / expected.frequencies[pair]).toBeCloseTo(1, 12);
      expect(attentionFactor(rotary)).toBeCloseTo(expected.factor, 12);
    },
  );
});

describe("what the decoder does not do is refused by name", () => {
  it.each<[string, Values, RegExp]>([
    ["gpt_neo", { attention_layers: ["global", "local", "strided"] }, /attention_layers.*strided/],
    [
      "gpt_neo",
      { attention_layers: null, attention_types: [[["global"], 2]] },
      /attention_types.*\[\[\["global"\],2\]\]/,
    ],
    ["gpt_neo", { attention_layers: null, attention_types: [["global", 3]] }, /attention_types/],
    ["opt", { activation_function: "quick_gelu" }, /activation_function.*quick_gelu/],
    ["phi", { rope_scaling: { rope_type: "proportional" } }, /rope_type.*proportional/],
    ["phi", { rope_scaling: { rope_type: "longrope", short_factor: [1] } }, /short_factor.*2 numbers/],
    ["gemma3_text", { use_bidirectional_attention: true }, /use_bidirectional_attention/],
    ["gemma3_text", { attn_logit_softcapping: 50 }, /attn_logit_softcapping.*50/],
    ["gemma3_text", { layer_types: ["sliding_attention", "chunked_attention", "full_attention"] }, /chunked_attention/],
    ["gemma3_text", { rope_parameters: { rope_theta: 5e4, rope_type: "default" } }, /rope_parameters/],
    ["falcon-7b", { apply_residual_connection_post_layernorm: true }, /apply_residual_connection_post_layernorm/],
    ["falcon-7b", { num_ln_in_parallel_attn: 2 }, /num_ln_in_parallel_attn.*2/],
    ["falcon-40b", { num_ln_in_parallel_attn: 3 }, /num_ln_in_parallel_attn.*3/],
    ["falcon-40b", { parallel_attn: false }, /parallel_attn/],
    ["falcon-rw", { num_kv_heads: 3 }, /num_kv_heads.*3/],
    ["mixtral", { num_experts_per_tok: 5 }, /num_experts_per_tok.*5/],
    ["smollm3", { layer_types: ["full_attention", "sliding_attention", "full_attention"] }, /layer_types/],
  ])("%s with %j", (model, change, message) => {
    expect(() => specOf({ ...published(model), ...change })).toThrow(message);
  });
});
