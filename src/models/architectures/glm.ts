/**
 * GLM-4 (`GlmForCausalLM`; GLM-4-9B, GLM-Edge) and GLM-4-0414 (`Glm4ForCausalLM`): Llama with rotation of neighbouring pairs
 * in half of each head, biases on queries, keys and values, and one map to gate and up. The later one has norms on both
 * sides of attention and MLP.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { type LlamaVariant, llamaLike } from "./llama.ts";
import { fusedGatedMlp } from "./parts.ts";

const glmLike = (config: Config, block?: LlamaVariant["block"]): DecoderSpec =>
  llamaLike(config, {
    defaults: {
      vocabulary: 151552,
      width: 4096,
      mlpWidth: 13696,
      blocks: 40,
      heads: 32,
      kvHeads: 2,
      headWidth: 128,
      positions: 131072,
      epsilon: 1.5625e-7,
    },
    rotary: { pairs: "neighbours", fraction: 0.5 },
    biases: { qkv: config.flag("attention_bias", true), output: false, mlp: false },
    mlp: (_, part, names, sizes) => fusedGatedMlp(part, names, sizes),
    block,
  });

export const glm = (config: Config): DecoderSpec => glmLike(config);

export const glm4 = (config: Config): DecoderSpec =>
  glmLike(config, (norm) => ({
    norms: {
      beforeAttention: norm("input_layernorm"),
      afterAttention: norm("post_self_attn_layernorm"),
      beforeMlp: norm("post_attention_layernorm"),
      afterMlp: norm("post_mlp_layernorm"),
    },
  }));
