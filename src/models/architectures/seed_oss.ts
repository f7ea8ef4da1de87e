/** Seed-OSS (`SeedOssForCausalLM`): Llama with biases on queries, keys and values, and a head's width of its own. */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

export function seedOss(config: Config): DecoderSpec {
  return llamaLike(config, {
    defaults: {
      vocabulary: 155136,
      width: 4096,
      mlpWidth: 27648,
      blocks: 64,
      heads: 80,
      kvHeads: 8,
      headWidth: 128,
      positions: 524288,
    },
    biases: {
      qkv: config.flag("attention_bias", true),
      output: config.flag("attention_out_bias", false),
      mlp: config.flag("mlp_bias", false),
    },
  });
}
