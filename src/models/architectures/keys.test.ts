/**
 * Config keys against transformers: the same model written with older and newer keys is the same spec, an absent key means
 * what transformers takes it to mean, and an option that the decoder does not do is refused by its name.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture } from "../../fixtures.testing.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
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
    // Granite 4's own defaults are blocks that are not done: then both are refused alike.
    const read = (values: Values): unknown => {
      try {
        return specOf(values);
      } catch (error) {
        return [architecture, (error as Error).message];
      }
    };
    const spec = read({ model_type: architecture });
    expect(spec).toEqual(read(defaults[architecture]));
    expect(Array.isArray(spec)).toBe(architecture === "granitemoehybrid");
  });
});

describe("keys as transformers 5 writes them", () => {
  const models = readdirSync(fixture("models")).filter((name) => existsSync(fixture(`models/${name}/config-v5.json`)));

  it.each(models)("%s: give the spec of the published keys", (model) => {
    expect(specOf(json(`models/${model}/config-v5.json`))).toEqual(specOf(published(model)));
  });
});

describe("two places that say different things", () => {
  interface Conflict {
    readonly type: string;
    readonly says: string;
    readonly change: Values;
    readonly means: Values | null;
  }
  const { bases, cases }: { bases: Record<string, Values>; cases: Conflict[] } = json("config-conflicts.json");
  const read = (values: Values): DecoderSpec | "refused" => {
    try {
      return specOf(values);
    } catch (error) {
      if (!(error instanceof LossyscopeError)) throw error;
      return "refused";
    }
  };
  const refused = new Map<string, number>();

  it.each([...new Set(cases.map(({ says }) => says))])("%s: as transformers reads them, or refused", (said) => {
    for (const { type, says, change, means } of cases) {
      if (says !== said || means === null) continue;
      const config: Values = { model_type: type, ...bases[type], ...change };
      const found = read(config);
      if (found === "refused") {
        refused.set(type, (refused.get(type) ?? 0) + 1);
        continue;
      }
      const written = Object.entries({ ...config, ...means }).filter(([key]) => !(key in means && means[key] === null));
      expect(found, `${type}, ${says}`).toEqual(specOf(Object.fromEntries(written)));
    }
  });

  it("most of them are read", () => {
    const all = cases.filter(({ means }) => means !== null).length;
    const not = [...refused.values()].reduce((sum, count) => sum + count, 0);
    expect(not).toBeLessThan(all / 8);
  });

  it("layers that slide without a window are refused", () => {
    for (const { type, says, change, means } of cases) {
      if (!/^layers that slide/.test(says) || means !== null || !bases[type]) continue;
      expect(read({ model_type: type, ...bases[type], ...change }), `${type}, ${says}`).toBe("refused");
    }
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

  it("cohere2: layer_types in place of sliding_window_pattern; without a window nothing turns", () => {
    const values = published("cohere2");
    const types = ["sliding_attention", "full_attention", "sliding_attention"];
    expect(specOf({ ...without(values, "sliding_window_pattern"), layer_types: types })).toEqual(specOf(values));
    const bare = specOf({ ...values, sliding_window: null }).blocks.map(({ attention }) => attention.rotary);
    expect(bare).toEqual([undefined, undefined, undefined]);
  });

  it("phi3: su and yarn are LongRoPE, whose original positions are 4,096 where nothing says", () => {
    const values = published("phi3-longrope");
    const scaling = values.rope_scaling as Values;
    for (const type of ["su", "yarn"])
      expect(specOf({ ...values, rope_scaling: { ...scaling, type } })).toEqual(specOf(values));
    const silent = { ...without(values, "original_max_position_embeddings"), max_position_embeddings: 131072 };
    expect(specOf(silent).blocks[0].attention.rotary!.scaling).toMatchObject({
      kind: "longrope",
      originalPositions: 4096,
      attentionFactor: Math.sqrt(1 + Math.log(32) / Math.log(4096)),
    });
  });

  it("a stretched rotation without max_position_embeddings: the architecture's own", () => {
    for (const model of ["llama", "qwen2", "phi", "stablelm", "gpt_neox", "gemma3_text", "olmo3", "falcon-11b"]) {
      const values: Values = {
        ...without(published(model), "rope_parameters", "max_position_embeddings"),
        rope_theta: 500000,
      };
      const type = String(values.model_type);
      const scaling = { rope_type: "yarn", factor: 4 };
      const own = json("config-defaults.json")[type].max_position_embeddings;
      const told = { ...scaling, original_max_position_embeddings: own };
      const silent = specOf({ ...values, rope_scaling: scaling });
      expect([model, silent]).toEqual([model, specOf({ ...values, rope_scaling: told })]);
    }
  });

  it("gemma: gelu means its tanh approximation", () => {
    const values = published("gemma");
    expect(specOf({ ...values, hidden_act: "gelu_pytorch_tanh" })).toEqual(specOf(values));
    expect(specOf({ ...values, hidden_activation: "gelu_pytorch_tanh" })).toEqual(specOf(values));
  });

  it("qwen3_moe: num_local_experts in place of num_experts", () => {
    const values = published("qwen3_moe");
    expect(specOf(renamed(values, { num_experts: "num_local_experts" }))).toEqual(specOf(values));
  });

  it("gptj, bloom, gpt_bigcode, mpt: the names that other architectures have", () => {
    const names = { n_embd: "hidden_size", n_embed: "hidden_size", d_model: "hidden_size" };
    const counts = { n_head: "num_attention_heads", n_heads: "num_attention_heads" };
    const layers = {
      n_layer: "num_hidden_layers",
      n_layers: "num_hidden_layers",
      n_positions: "max_position_embeddings",
    };
    for (const model of ["gptj", "bloom", "gpt_bigcode", "mpt"])
      expect(specOf(renamed(published(model), { ...names, ...counts, ...layers }))).toEqual(specOf(published(model)));
  });

  it("`type` in rope_scaling", () => {
    const values = { ...published("llama"), rope_scaling: { rope_type: "linear", factor: 8 } };
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

describe("two places that say different things of the rotation: frequencies as transformers 5 has them, or refused", () => {
  type Turned = Record<string, { frequencies: number[]; factor: number }>;
  const { beside, cases }: { beside: Values; cases: { model_type: string; said: Values; turned: Turned | null }[] } =
    json("rotation-conflicts.json");
  const ofForm = (object: unknown): string => JSON.stringify(object);
  /** What transformers passes over in silence and is refused here: objects of another form than the architecture's. */
  const formless = [
    ["gemma3_text", ofForm({ type: "linear", factor: 8 })],
    ["gemma3_text", ofForm({ rope_type: "linear", factor: 4, rope_theta: 55 })],
    ["llama", ofForm(cases.find(({ model_type }) => model_type === "qwen3")!.said.rope_parameters)],
    ["llama", ofForm({ rope_type: "linear", factor: 4, partial_rotary_factor: 1 })],
  ];

  it.each(cases.map((one) => [one.model_type, JSON.stringify(one.said), one] as const))("%s: %s", (_, __, one) => {
    const read = () => specOf({ model_type: one.model_type, ...beside, ...one.said });
    const objects = [one.said.rope_scaling, one.said.rope_parameters].map(ofForm);
    const isFormless = formless.some(([type, object]) => type === one.model_type && objects.includes(object));
    // Of OLMo 3 transformers gives such a base to the layers without a window alone.
    if (one.turned === null || isFormless || (one.model_type === "olmo3" && "rope_theta" in one.said)) {
      expect(read).toThrow(/sets (rope_|partial_rotary_factor|type)/);
      return;
    }
    const { blocks } = read();
    const types = one.said.layer_types as string[] | undefined;
    for (const [kind, { frequencies: expected, factor }] of Object.entries(one.turned)) {
      const rotary = blocks[kind === "" ? 0 : types!.indexOf(kind)].attention.rotary!;
      const turns = frequencies(rotary, 1);
      expect(turns.length).toBe(expected.length);
      for (const [pair, turn] of turns.entries()) expect(Math.abs(turn / expected[pair] - 1)).toBeLessThan(1e-6);
      expect(attentionFactor(rotary)).toBeCloseTo(factor, 6);
    }
  });
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
    ["phi3-longrope", { rope_scaling: { type: "longrope", short_factor: [1, 1, 1, 1] } }, /no long_factor/],
    ["phi3-longrope", { rope_scaling: { type: "longrope", short_factor: [1, 0, 1, 1] } }, /short_factor.*above zero/],
    ["gemma", { hidden_activation: "relu" }, /hidden_activation.*relu/],
    ["gemma", { hidden_act: "silu", hidden_activation: "gelu_pytorch_tanh" }, /hidden_activation/],
    ["qwen2_moe", { num_experts_per_tok: 5 }, /num_experts_per_tok.*5/],
    ["qwen2_moe", { mlp_only_layers: ["1"] }, /mlp_only_layers.*block numbers/],
    ["qwen2_moe", { layer_types: ["full_attention", "sliding_attention", "full_attention"] }, /layer_types/],
    ["cohere2", { head_dim: 16 }, /head_dim.*16/],
    ["olmo3", { rope_theta: 10000 }, /rope_theta.*10000/],
    ["olmo3", { rope_parameters: { rope_type: "default" } }, /rope_parameters/],
    ["olmoe", { clip_qkv: 1 }, /clip_qkv.*1/],
    ["exaone4", { sliding_window: null }, /layer_types/],
    ["ministral", { sliding_window: null }, /layer_types/],
    ["granitemoehybrid", { layer_types: ["attention", "mamba", "attention"] }, /layer_types.*missing.*selective scan/],
    ["granitemoehybrid", { position_embedding_type: "alibi" }, /position_embedding_type.*alibi/],
    ["gptj", { rotary_dim: 17 }, /rotary_dim.*17/],
    ["bloom", { apply_residual_connection_post_layernorm: true }, /apply_residual_connection_post_layernorm/],
    ["mpt", { attn_config: { alibi: false } }, /alibi.*false/],
    ["mpt", { attn_config: { qk_ln: true } }, /qk_ln/],
    ["mpt", { expansion_ratio: 2 }, /expansion_ratio.*2/],
    ["smollm3", { layer_types: ["full_attention", "sliding_attention", "full_attention"] }, /layer_types/],
  ])("%s with %j", (model, change, message) => {
    expect(() => specOf({ ...published(model), ...change })).toThrow(message);
  });
});
