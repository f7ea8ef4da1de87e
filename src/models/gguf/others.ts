/** Models of another shape than Llama's, from their keys to the config of the same model (`architectures.ts`). */
import { LossyscopeError } from "../../numeric/errors.ts";
import { type Config, common, fraction, hasBias, layerEpsilon, rotary, scaling, type Tensors } from "./common.ts";
import type { Keys } from "./keys.ts";

export function gpt2(keys: Keys, tensors: Tensors): Config {
  const { hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, ...config } = common(keys, tensors);
  keys.only("attention.head_count_kv", Number(num_attention_heads));
  return {
    model_type: "gpt2",
    n_embd: hidden_size,
    n_inner: intermediate_size,
    n_layer: num_hidden_layers,
    n_head: num_attention_heads,
    n_positions: config.max_position_embeddings,
    vocab_size: config.vocab_size,
    tie_word_embeddings: config.tie_word_embeddings,
    layer_norm_epsilon: layerEpsilon(keys),
  };
}

export function gptNeox(keys: Keys, tensors: Tensors): Config {
  const config = common(keys, tensors);
  return {
    model_type: "gpt_neox",
    ...config,
    layer_norm_eps: layerEpsilon(keys),
    rotary_pct: fraction(keys, config),
    rotary_emb_base: keys.number("rope.freq_base", 10_000),
    use_parallel_residual: keys.flag("use_parallel_residual", true),
  };
}

export function stablelm(keys: Keys, tensors: Tensors): Config {
  const config = common(keys, tensors);
  return {
    model_type: "stablelm",
    ...config,
    layer_norm_eps: layerEpsilon(keys),
    partial_rotary_factor: fraction(keys, config),
    rope_theta: keys.number("rope.freq_base", 10_000),
    rope_scaling: scaling(keys),
    // The key says true of models that are sequential; the second norm tells.
    use_parallel_residual: keys.raw("use_parallel_residual") !== false && !tensors.locate("blk.0.ffn_norm.weight"),
    use_qkv_bias: hasBias(tensors, "attn_q"),
    qk_layernorm: tensors.locate("blk.0.attn_q_norm.weight") !== undefined,
  };
}

export function starcoder2(keys: Keys, tensors: Tensors): Config {
  const config = common(keys, tensors);
  return {
    model_type: "starcoder2",
    ...config,
    ...rotary(keys, config),
    norm_epsilon: layerEpsilon(keys),
    use_bias: hasBias(tensors, "ffn_up"),
    sliding_window: keys.unlessZero("attention.sliding_window") ?? null,
  };
}

export const hasTwoNorms = (tensors: Tensors): boolean => tensors.locate("blk.0.attn_norm_2.weight") !== undefined;

export function falcon(keys: Keys, tensors: Tensors): Config {
  const config = common(keys, tensors);
  const twoNorms = hasTwoNorms(tensors);
  const kvHeads = Number(config.num_key_value_heads);
  const isNew = twoNorms || kvHeads > 1;
  const base = keys.optional("rope.freq_base");
  if (isNew && !twoNorms && base === undefined)
    throw new LossyscopeError(
      "unsupported",
      "a Falcon of the kind of 11B, whose file does not say the base of its rotation (falcon.rope.freq_base)",
      "use the model's folder of safetensors",
    );
  return {
    model_type: "falcon",
    ...config,
    ffn_hidden_size: config.intermediate_size,
    layer_norm_epsilon: layerEpsilon(keys),
    rope_theta: base ?? 10_000,
    rope_scaling: scaling(keys),
    alibi: false,
    parallel_attn: true,
    bias: hasBias(tensors, "attn_qkv"),
    new_decoder_architecture: isNew,
    multi_query: true,
    ...(isNew && { num_kv_heads: kvHeads, num_ln_in_parallel_attn: twoNorms ? 2 : 1 }),
  };
}

export function commandR(keys: Keys, tensors: Tensors): Config {
  const config = common(keys, tensors);
  return {
    model_type: "cohere",
    ...config,
    ...rotary(keys, config),
    layer_norm_eps: layerEpsilon(keys),
    logit_scale: keys.number("logit_scale"),
    attention_bias: hasBias(tensors, "attn_q"),
    use_qk_norm: tensors.locate("blk.0.attn_q_norm.weight") !== undefined,
  };
}

export function phi2(keys: Keys, tensors: Tensors): Config {
  const config = common(keys, tensors);
  return {
    model_type: "phi",
    ...config,
    layer_norm_eps: layerEpsilon(keys),
    partial_rotary_factor: fraction(keys, config),
    rope_theta: keys.number("rope.freq_base", 10_000),
    rope_scaling: scaling(keys),
  };
}
