/**
 * OLMo (`OlmoForCausalLM`): Llama whose norms are layer norms without parameters and with an epsilon that no key changes;
 * queries, keys and values may be clipped.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec, NormSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

export function olmo(config: Config): DecoderSpec {
  const bias = config.flag("attention_bias", false);
  const clip = config.optional("clip_qkv", null);
  const spec = llamaLike(config, {
    defaults: {
      vocabulary: 50304,
      width: 4096,
      mlpWidth: 11008,
      blocks: 32,
      heads: 32,
      kvHeads: null,
      headWidth: null,
      positions: 2048,
    },
    biases: { qkv: bias, output: bias, mlp: false },
    attention: () => (clip === null ? {} : { clip }),
  });
  const norm: NormSpec = { kind: "layer", width: spec.width, epsilon: 1e-5, scalePlusOne: false };
  return {
    ...spec,
    blocks: spec.blocks.map((block) => ({ ...block, norms: { beforeAttention: norm, beforeMlp: norm } })),
    finalNorm: norm,
  };
}
