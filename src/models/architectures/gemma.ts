/**
 * Gemma (`GemmaForCausalLM`; Gemma 1 and 1.1, CodeGemma): Llama with embeddings scaled by √d, norms that multiply by
 * 1 + weight, a gated tanh-GELU MLP and a tied head. The first files say `gelu` and mean its tanh approximation.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

export function gemma(config: Config): DecoderSpec {
  config.only("use_bidirectional_attention", false);
  const named = config.activation("hidden_act", "gelu_pytorch_tanh");
  const activation = named === "gelu" ? "gelu-tanh" : named;
  // Transformers 4 read this key before the other, 5 does not.
  if (activation === "gelu-tanh") config.only("hidden_activation", "gelu_pytorch_tanh", "gelu_new");
  else config.only("hidden_activation", config.raw("hidden_act"));
  const bias = config.flag("attention_bias", false);
  const spec = llamaLike(config, {
    defaults: {
      vocabulary: 256000,
      width: 3072,
      mlpWidth: 24576,
      blocks: 28,
      heads: 16,
      kvHeads: 16,
      headWidth: 256,
      positions: 8192,
      tied: true,
    },
    activation,
    scalePlusOne: true,
    biases: { qkv: bias, output: bias, mlp: false },
  });
  return { ...spec, embedding: { ...spec.embedding, scale: Math.sqrt(spec.width) } };
}
