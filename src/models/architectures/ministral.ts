/** Ministral (`MinistralForCausalLM`): Mistral with a window on some blocks, as `layer_types` says, or on all. */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

export function ministral(config: Config): DecoderSpec {
  const blocks = config.count("num_hidden_layers", 32);
  const window = config.optional("sliding_window", 4096);
  const types = config.perBlock("layer_types", blocks, ["full_attention", "sliding_attention"]);
  if (types?.includes("sliding_attention") && window === null)
    throw config.unsupported("layer_types", types, "sliding_attention with a sliding_window");
  return llamaLike(config, {
    defaults: {
      vocabulary: 32000,
      width: 4096,
      mlpWidth: 14336,
      blocks,
      heads: 32,
      kvHeads: 8,
      headWidth: null,
      positions: 131072,
    },
    biases: { qkv: false, output: false, mlp: false },
    attention: (block) => (window !== null && types?.[block] !== "full_attention" ? { window } : {}),
  });
}
