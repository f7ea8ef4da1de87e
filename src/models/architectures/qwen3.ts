/** Qwen 3, dense (`Qwen3ForCausalLM`): Llama with an RMS norm of the head's width on queries and keys before they turn. */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";
import { qwenWindows } from "./qwen2.ts";

export function qwen3(config: Config): DecoderSpec {
  const bias = config.flag("attention_bias", false);
  const windows = qwenWindows(config);
  return llamaLike(config, {
    defaults: {
      vocabulary: 151936,
      width: 4096,
      mlpWidth: 22016,
      blocks: 32,
      heads: 32,
      kvHeads: 32,
      headWidth: 128,
      positions: 32768,
    },
    biases: { qkv: bias, output: bias, mlp: false },
    attention: (block, norm, { headWidth }) => ({
      ...windows(block),
      queryNorm: { over: "head", norm: norm("self_attn.q_norm", headWidth) },
      keyNorm: { over: "head", norm: norm("self_attn.k_norm", headWidth) },
    }),
  });
}
