/** Mistral (`MistralForCausalLM`): Llama where every position sees the last `sliding_window` keys (null: all). */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

export function mistral(config: Config): DecoderSpec {
  const window = config.optional("sliding_window", 4096);
  // Alternating layer types make it another architecture (Ministral), which says so in its model_type.
  config.only("layer_types");
  return llamaLike(config, {
    defaults: {
      vocabulary: 32000,
      width: 4096,
      mlpWidth: 14336,
      blocks: 32,
      heads: 32,
      kvHeads: 8,
      headWidth: null,
      positions: 131072,
    },
    biases: { qkv: false, output: false, mlp: false },
    attention: () => (window === null ? {} : { window }),
  });
}
