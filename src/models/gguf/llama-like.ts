/** Llama and its relatives, from their keys to the config of the same model (`architectures.ts`). */
import { shown } from "../../numeric/errors.ts";
import { type Config, common, fraction, hasBias, headWidthOf, noExperts, rms, rotary, type Tensors } from "./common.ts";
import type { Keys } from "./keys.ts";

/** Llama and what is converted as it: Mistral, Mixtral, SmolLM2. */
export function llama(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  const turns = rotary(keys, config);
  const experts = keys.unlessZero("expert_count");
  const window = keys.unlessZero("attention.sliding_window");
  if (experts !== undefined)
    return {
      model_type: "mixtral",
      ...config,
      ...turns,
      num_local_experts: experts,
      num_experts_per_tok: keys.number("expert_used_count"),
      sliding_window: window ?? null,
    };
  keys.only("expert_used_count", 0);
  if (window !== undefined) return { model_type: "mistral", ...config, ...turns, sliding_window: window };
  const biases = { attention_bias: hasBias(tensors, "attn_q"), mlp_bias: hasBias(tensors, "ffn_up") };
  return { model_type: "llama", ...config, ...turns, ...biases };
}

export function granite(keys: Keys, tensors: Tensors): Config {
  noExperts(keys);
  const config = { ...common(keys, tensors), ...rms(keys) };
  return {
    model_type: "granite",
    ...config,
    ...rotary(keys, config),
    attention_bias: hasBias(tensors, "attn_q"),
    mlp_bias: hasBias(tensors, "ffn_up"),
    attention_multiplier: keys.number("attention.scale"),
    embedding_multiplier: keys.number("embedding_scale"),
    residual_multiplier: keys.number("residual_scale"),
    logits_scaling: keys.number("logit_scale"),
  };
}

export function qwen2(keys: Keys, tensors: Tensors): Config {
  noExperts(keys);
  const config = { ...common(keys, tensors), ...rms(keys) };
  return { model_type: "qwen2", ...config, ...rotary(keys, config), use_sliding_window: false };
}

export function qwen3(keys: Keys, tensors: Tensors): Config {
  noExperts(keys);
  const config = { ...common(keys, tensors), ...rms(keys) };
  return { model_type: "qwen3", ...config, ...rotary(keys, config), attention_bias: hasBias(tensors, "attn_q") };
}

export function olmo2(keys: Keys, tensors: Tensors): Config {
  keys.only("attention.sliding_window", 0);
  const config = { ...common(keys, tensors), ...rms(keys) };
  return { model_type: "olmo2", ...config, ...rotary(keys, config), attention_bias: hasBias(tensors, "attn_q") };
}

/** Blocks of the largest Gemmas, whose scores are scaled by width over heads instead of the head's width. */
const GEMMA2_LARGEST = 46;
const GEMMA3_LARGEST = 62;

function gemmaScale(config: Config, largest: number): number {
  const isLargest = config.num_hidden_layers === largest;
  return isLargest ? Number(config.hidden_size) / Number(config.num_attention_heads) : headWidthOf(config);
}

export function gemma2(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  return {
    model_type: "gemma2",
    ...config,
    ...rotary(keys, config),
    query_pre_attn_scalar: gemmaScale(config, GEMMA2_LARGEST),
    attn_logit_softcapping: keys.number("attn_logit_softcapping"),
    final_logit_softcapping: keys.number("final_logit_softcapping"),
    sliding_window: keys.number("attention.sliding_window"),
  };
}

export function gemma3(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  const pattern = keys.optional("attention.sliding_window_pattern");
  const { rope_scaling: stretched } = rotary(keys, config);
  return {
    model_type: "gemma3_text",
    ...config,
    rope_theta: keys.number("rope.freq_base", 1_000_000),
    rope_scaling: stretched,
    rope_local_base_freq: keys.number("rope.freq_base_swa", 10_000),
    query_pre_attn_scalar: gemmaScale(config, GEMMA3_LARGEST),
    final_logit_softcapping: keys.unlessZero("final_logit_softcapping") ?? null,
    sliding_window: keys.number("attention.sliding_window"),
    ...(pattern !== undefined && { sliding_window_pattern: pattern }),
  };
}

export function phi3(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  const short = tensors.numbers("rope_factors_short.weight");
  const long = tensors.numbers("rope_factors_long.weight");
  const original = keys.optional("rope.scaling.original_context_length");
  const attention = keys.optional("rope.scaling.attn_factor");
  const type = keys.text("rope.scaling.type", "none");
  if (short === undefined && type !== "none" && type !== "longrope")
    throw keys.unsupported("rope.scaling.type", `is ${shown(type)}`, "none, longrope");
  return {
    model_type: "phi3",
    ...config,
    rope_theta: keys.number("rope.freq_base", 10_000),
    partial_rotary_factor: fraction(keys, config),
    ...(original !== undefined && { original_max_position_embeddings: original }),
    rope_scaling: short && {
      rope_type: "longrope",
      short_factor: short,
      long_factor: long,
      ...(attention !== undefined && { attention_factor: attention }),
    },
    sliding_window: keys.unlessZero("attention.sliding_window") ?? null,
  };
}

/** Qwen 3 with experts in every block, the chosen ones' weights summing to 1. */
export function qwen3Moe(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  return {
    model_type: "qwen3_moe",
    ...config,
    ...rotary(keys, config),
    attention_bias: hasBias(tensors, "attn_q"),
    num_experts: keys.number("expert_count"),
    num_experts_per_tok: keys.number("expert_used_count"),
    moe_intermediate_size: keys.number("expert_feed_forward_length"),
    norm_topk_prob: true,
  };
}

/** Qwen 1.5 and 2 with experts, beside one that every token goes through; older files leave the experts' widths to be found. */
export function qwen2Moe(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  const width = Number(config.intermediate_size);
  const chosen = keys.number("expert_used_count");
  return {
    model_type: "qwen2_moe",
    ...config,
    ...rotary(keys, config),
    qkv_bias: hasBias(tensors, "attn_q"),
    num_experts: keys.number("expert_count"),
    num_experts_per_tok: chosen,
    moe_intermediate_size: keys.number("expert_feed_forward_length", Math.floor(width / chosen)),
    shared_expert_intermediate_size: keys.number("expert_shared_feed_forward_length", width),
    norm_topk_prob: false,
  };
}

/** Its norms have no weights, and an epsilon that no config changes. */
export function olmo(keys: Keys, tensors: Tensors): Config {
  keys.only("attention.layer_norm_epsilon", 1e-5);
  const config = common(keys, tensors);
  return {
    model_type: "olmo",
    ...config,
    ...rotary(keys, config),
    clip_qkv: keys.optional("attention.clamp_kqv") ?? null,
  };
}

export function olmoe(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  return {
    model_type: "olmoe",
    ...config,
    ...rotary(keys, config),
    num_experts: keys.number("expert_count"),
    num_experts_per_tok: keys.number("expert_used_count"),
    norm_topk_prob: false,
  };
}

export function seedOss(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  return {
    model_type: "seed_oss",
    ...config,
    ...rotary(keys, config),
    attention_bias: hasBias(tensors, "attn_q"),
    attention_out_bias: hasBias(tensors, "attn_output"),
    mlp_bias: hasBias(tensors, "ffn_up"),
  };
}

/** Every fourth block does not turn. */
export function smollm3(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  return { model_type: "smollm3", ...config, ...rotary(keys, config), no_rope_layer_interval: 4 };
}

export function gemma(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  return { model_type: "gemma", ...config, ...rotary(keys, config) };
}
