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
export function qwenWindows(config: Config, blocks = 32, firstByDefault = 28): (block: number) => { window?: number } {
  const window = config.flag("use_sliding_window", false) ? config.optional("sliding_window", 4096) : null;
  const types = config.perBlock("layer_types", config.count("num_hidden_layers", blocks), [
    "full_attention",
    "sliding_attention",
  ]);
  const first = config.number("max_window_layers", firstByDefault);
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

/** The text model of Qwen 2-VL and 2.5-VL: Qwen 2 with the defaults of its largest. */
export function qwen2Vl(config: Config): DecoderSpec {
  return llamaLike(config, {
    defaults: {
      vocabulary: 152064,
      width: 8192,
      mlpWidth: 29568,
      blocks: 80,
      heads: 64,
      kvHeads: 8,
      headWidth: null,
      positions: 32768,
      epsilon: 1e-5,
      rotaryBase: 1_000_000,
    },
    rotary: { sections: true },
    biases: { qkv: true, output: false, mlp: false },
    attention: qwenWindows(config, 80, 80),
  });
}
