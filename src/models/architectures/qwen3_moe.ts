/**
 * Qwen 3 MoE (`Qwen3MoeForCausalLM`): Qwen 3 whose MLP is a choice of experts, none shared; a window on all blocks or none.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { choice, choosing, expertWeights, sparseBlocks } from "./experts.ts";
import { llamaLike } from "./llama.ts";

export function qwen3Moe(config: Config): DecoderSpec {
  const bias = config.flag("attention_bias", false);
  const window = config.flag("use_sliding_window", false) ? config.optional("sliding_window", 4096) : null;
  const sizesOf = choice(config, ["num_experts", "num_local_experts"], { experts: 128, perToken: 8 });
  const of = { ...sizesOf, weights: expertWeights(config) };
  const expertWidth = config.count("moe_intermediate_size", 768);
  return llamaLike(config, {
    defaults: {
      vocabulary: 151936,
      width: 2048,
      mlpWidth: 6144,
      blocks: 24,
      heads: 32,
      kvHeads: 4,
      headWidth: null,
      positions: 32768,
    },
    biases: { qkv: bias, output: bias, mlp: false },
    attention: (_, norm, { headWidth }) => ({
      ...(window !== null && { window }),
      queryNorm: { over: "head", norm: norm("self_attn.q_norm", headWidth) },
      keyNorm: { over: "head", norm: norm("self_attn.k_norm", headWidth) },
    }),
    mlp: sparseBlocks(config, (part, names, sizes) => choosing(part, names, { ...sizes, mlpWidth: expertWidth }, of)),
  });
}
