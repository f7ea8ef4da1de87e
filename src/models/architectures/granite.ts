/**
 * Granite (`GraniteForCausalLM`): Llama with four multipliers: on embeddings, on what attention and MLP add to the residual
 * stream, on scores (in place of 1/√h), and one that divides the logits.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

export function granite(config: Config): DecoderSpec {
  const bias = config.flag("attention_bias", false);
  const scale = config.number("attention_multiplier", 1);
  const residualScale = config.number("residual_multiplier", 1);
  const spec = llamaLike(config, {
    defaults: {
      vocabulary: 32000,
      width: 4096,
      mlpWidth: 11008,
      blocks: 32,
      heads: 32,
      kvHeads: null,
      headWidth: null,
      positions: 2048,
    },
    biases: { qkv: bias, output: bias, mlp: config.flag("mlp_bias", false) },
    attention: () => ({ scale }),
  });
  return {
    ...spec,
    embedding: { ...spec.embedding, scale: config.number("embedding_multiplier", 1) },
    blocks: spec.blocks.map((block) => ({ ...block, residualScale })),
    head: { ...spec.head, scale: 1 / config.number("logits_scaling", 1) },
  };
}
