/**
 * EXAONE 4 (`Exaone4ForCausalLM`): Llama whose norms sit on the outputs of attention and MLP, with norms on queries and keys.
 * Where there is a window, three blocks of four see it and rotate; the others see all and do not.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

export function exaone4(config: Config): DecoderSpec {
  const blocks = config.count("num_hidden_layers", 32);
  const window = config.optional("sliding_window", 4096);
  const types = config.perBlock("layer_types", blocks, ["full_attention", "sliding_attention"]);
  if (types?.includes("sliding_attention") && window === null)
    throw config.unsupported("layer_types", types, "sliding_attention with a sliding_window");
  const pattern = types || window === null ? 1 : config.count("sliding_window_pattern", 4);
  const slides = (block: number): boolean =>
    types ? types[block] === "sliding_attention" : (block + 1) % pattern !== 0;
  return llamaLike(config, {
    defaults: {
      vocabulary: 102400,
      width: 4096,
      mlpWidth: 16384,
      blocks,
      heads: 32,
      kvHeads: 32,
      headWidth: null,
      positions: 2048,
      epsilon: 1e-5,
    },
    biases: { qkv: false, output: false, mlp: false },
    attention: (block, norm, { headWidth }) => ({
      queryNorm: { over: "head", norm: norm("self_attn.q_norm", headWidth) },
      keyNorm: { over: "head", norm: norm("self_attn.k_norm", headWidth) },
      ...(slides(block) ? { window: window! } : window !== null && { rotary: undefined }),
    }),
    block: (norm) => ({
      norms: {
        afterAttention: norm("post_attention_layernorm"),
        afterMlp: norm("post_feedforward_layernorm"),
      },
    }),
  });
}
