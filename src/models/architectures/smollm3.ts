/**
 * SmolLM3 (`SmolLM3ForCausalLM`): Llama that does not rotate on some blocks, every fourth unless the config lists them, and
 * may see a window on these. In `no_rope_layers` a 1 stands for a block that does rotate.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

export function smollm3(config: Config): DecoderSpec {
  const blocks = config.count("num_hidden_layers", 36);
  const bias = config.flag("attention_bias", false);
  const interval = config.count("no_rope_layer_interval", 4);
  const listed = config.perBlock("no_rope_layers", blocks, [0, 1]);
  const rotates = (block: number): boolean => (listed ? listed[block] === 1 : (block + 1) % interval !== 0);

  const window = config.flag("use_sliding_window", false) ? config.optional("sliding_window", null) : null;
  const types = config.perBlock("layer_types", blocks, ["full_attention", "sliding_attention"]);
  const slides = (block: number): boolean => (types ? types[block] === "sliding_attention" : !rotates(block));
  if (types?.includes("sliding_attention") && window === null)
    throw config.unsupported("layer_types", types, "sliding_attention with use_sliding_window and a sliding_window");

  return llamaLike(config, {
    defaults: {
      vocabulary: 128256,
      width: 2048,
      mlpWidth: 11008,
      blocks,
      heads: 16,
      kvHeads: 4,
      headWidth: null,
      positions: 32768,
      rotaryBase: 2_000_000,
      tied: true,
    },
    biases: { qkv: bias, output: bias, mlp: config.flag("mlp_bias", false) },
    attention: (block) => ({
      ...(!rotates(block) && { rotary: undefined }),
      ...(window !== null && slides(block) && { window }),
    }),
  });
}
