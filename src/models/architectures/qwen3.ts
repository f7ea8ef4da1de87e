/** Qwen 3, dense (`Qwen3ForCausalLM`): Llama with an RMS norm of the head's width on queries and keys before they turn. */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { type LlamaVariant, llamaLike } from "./llama.ts";
import { qwenWindows } from "./qwen2.ts";

const DEFAULTS = {
  vocabulary: 151936,
  width: 4096,
  mlpWidth: 22016,
  blocks: 32,
  heads: 32,
  kvHeads: 32,
  headWidth: 128,
  positions: 32768,
};

export const qwen3 = (config: Config): DecoderSpec => qwen3Like(config, DEFAULTS, qwenWindows(config));

/** The text model of Qwen 3-VL: Qwen 3 without windows. */
export const qwen3Vl = (config: Config): DecoderSpec =>
  qwen3Like(config, { ...DEFAULTS, positions: 128000, rotaryBase: 500_000 }, () => ({}));

function qwen3Like(
  config: Config,
  defaults: LlamaVariant["defaults"],
  windows: (block: number) => { window?: number },
): DecoderSpec {
  const bias = config.flag("attention_bias", false);
  return llamaLike(config, {
    defaults,
    biases: { qkv: bias, output: bias, mlp: false },
    attention: (block, norm, { headWidth }) => ({
      ...windows(block),
      queryNorm: { over: "head", norm: norm("self_attn.q_norm", headWidth) },
      keyNorm: { over: "head", norm: norm("self_attn.k_norm", headWidth) },
    }),
  });
}
