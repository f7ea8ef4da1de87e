/**
 * OLMo 2 (`Olmo2ForCausalLM`): Llama whose norms sit on the outputs of attention and MLP instead of their inputs, with an
 * RMS norm over all query heads together and one over all key heads.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { type LlamaVariant, llamaLike } from "./llama.ts";

export function olmo2(config: Config, rotary: LlamaVariant["rotary"] = {}): DecoderSpec {
  const bias = config.flag("attention_bias", false);
  return llamaLike(config, {
    defaults: {
      vocabulary: 50304,
      width: 4096,
      mlpWidth: 11008,
      blocks: 32,
      heads: 32,
      kvHeads: null,
      headWidth: null,
      positions: 2048,
      epsilon: 1e-5,
    },
    rotary,
    biases: { qkv: bias, output: bias, mlp: false },
    attention: (_, norm, { heads, kvHeads, headWidth }) => ({
      queryNorm: { over: "width", norm: norm("self_attn.q_norm", heads * headWidth) },
      keyNorm: { over: "width", norm: norm("self_attn.k_norm", kvHeads * headWidth) },
    }),
    block: (norm) => ({
      norms: {
        afterAttention: norm("post_attention_layernorm"),
        afterMlp: norm("post_feedforward_layernorm"),
      },
    }),
  });
}
