/**
 * StarCoder 2 (`Starcoder2ForCausalLM`): Llama with layer norms, a plain tanh-GELU MLP, biases everywhere but the head, and
 * a window on every block where `sliding_window` says so; tied head.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

export function starcoder2(config: Config): DecoderSpec {
  const epsilon = config.number("norm_epsilon", 1e-5);
  const bias = config.flag("use_bias", true);
  const window = config.optional("sliding_window", null);
  return llamaLike(config, {
    defaults: {
      vocabulary: 49152,
      width: 3072,
      mlpWidth: 12288,
      blocks: 30,
      heads: 24,
      kvHeads: 2,
      headWidth: null,
      positions: 4096,
      tied: true,
    },
    activation: { key: "hidden_act", fallback: "gelu_pytorch_tanh" },
    norm: (part, name, width) => part.layerNorm(name, width, epsilon),
    biases: { qkv: bias, output: bias, mlp: bias },
    attention: () => (window === null ? {} : { window }),
    mlp: (_, part, names, { width, mlpWidth, activation }) => ({
      kind: "plain",
      activation,
      up: part.linear(`${names}.c_fc`, width, mlpWidth, { bias }),
      down: part.linear(`${names}.c_proj`, mlpWidth, width, { bias }),
    }),
  });
}
