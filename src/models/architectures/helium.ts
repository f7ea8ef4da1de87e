/**
 * Helium (`HeliumForCausalLM`) and ERNIE 4.5, dense (`Ernie4_5ForCausalLM`): Llama with rotation of neighbouring pairs.
 * ERNIE has biases everywhere or nowhere; Helium none on what attention gives.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

export function helium(config: Config): DecoderSpec {
  return llamaLike(config, {
    defaults: {
      vocabulary: 48000,
      width: 2560,
      mlpWidth: 7040,
      blocks: 24,
      heads: 20,
      kvHeads: 20,
      headWidth: 128,
      positions: 4096,
      epsilon: 1e-8,
      rotaryBase: 100_000,
    },
    rotary: { pairs: "neighbours" },
    biases: { qkv: config.flag("attention_bias", false), output: false, mlp: config.flag("mlp_bias", false) },
  });
}

export function ernie45(config: Config): DecoderSpec {
  const bias = config.flag("use_bias", false);
  return llamaLike(config, {
    defaults: {
      vocabulary: 103424,
      width: 1024,
      mlpWidth: 3072,
      blocks: 18,
      heads: 16,
      kvHeads: 2,
      headWidth: 128,
      positions: 131072,
      epsilon: 1e-5,
      rotaryBase: 500_000,
      tied: true,
    },
    rotary: { pairs: "neighbours" },
    biases: { qkv: bias, output: bias, mlp: bias },
  });
}
