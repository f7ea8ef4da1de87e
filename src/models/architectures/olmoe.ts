/**
 * OLMoE (`OlmoeForCausalLM`): Llama whose MLP is a choice of experts, with an RMS norm over all query heads together and
 * one over all key heads.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { choice, choosing, expertWeights } from "./experts.ts";
import { llamaLike } from "./llama.ts";

export function olmoe(config: Config): DecoderSpec {
  // It would clamp queries and keys after their norm; no published model does.
  config.only("clip_qkv");
  const bias = config.flag("attention_bias", false);
  const sizesOf = choice(config, ["num_experts", "num_local_experts"], { experts: 64, perToken: 8 });
  const of = { ...sizesOf, weights: expertWeights(config) };
  return llamaLike(config, {
    defaults: {
      vocabulary: 50304,
      width: 2048,
      mlpWidth: 2048,
      blocks: 16,
      heads: 16,
      kvHeads: null,
      headWidth: null,
      positions: 4096,
      epsilon: 1e-5,
    },
    biases: { qkv: bias, output: bias, mlp: false },
    attention: (_, norm, { heads, kvHeads, headWidth }) => ({
      queryNorm: { over: "width", norm: norm("self_attn.q_norm", heads * headWidth) },
      keyNorm: { over: "width", norm: norm("self_attn.k_norm", kvHeads * headWidth) },
    }),
    mlp: (_, part, names, sizes) => choosing(part, names, sizes, of),
  });
}
