/**
 * Qwen 2 and 2.5 (`Qwen2ForCausalLM`): Llama with biases on queries, keys and values, and a window on the later blocks
 * where `use_sliding_window` says so.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

/**
 * The window of every block: `layer_types` where the config lists them, else blocks from `max_window_layers` on; none at
 * all unless `use_sliding_window`.
 */
export function qwenWindows(config: Config): (block: number) => { window?: number } {
  const window = config.flag("use_sliding_window", false) ? config.optional("sliding_window", 4096) : null;
  const types = config.perBlock("layer_types", config.count("num_hidden_layers", 32), [
    "full_attention",
    "sliding_attention",
  ]);
  const first = config.number("max_window_layers", 28);
  return (block) => {
    const sliding = types ? types[block] === "sliding_attention" : block >= first;
    return sliding && window !== null ? { window } : {};
  };
}

export function qwen2(config: Config): DecoderSpec {
  return llamaLike(config, {
    defaults: {
      vocabulary: 151936,
      width: 4096,
      mlpWidth: 22016,
      blocks: 32,
      heads: 32,
      kvHeads: 32,
      headWidth: null,
      positions: 32768,
    },
    biases: { qkv: true, output: false, mlp: false },
    attention: qwenWindows(config),
  });
}
