/**
 * Gemma 2 (`Gemma2ForCausalLM`): embeddings scaled by √d, norms that multiply by 1 + weight on both sides of attention and
 * MLP, a window on every other block, softcaps on scores and logits, tied head. VaultGemma (`VaultGemmaForCausalLM`) is the
 * same without the norms on outputs.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { type LlamaVariant, llamaLike } from "./llama.ts";

export const gemma2 = (config: Config): DecoderSpec =>
  gemma2Like(config, (norm) => ({
    norms: {
      beforeAttention: norm("input_layernorm"),
      afterAttention: norm("post_attention_layernorm"),
      beforeMlp: norm("pre_feedforward_layernorm"),
      afterMlp: norm("post_feedforward_layernorm"),
    },
  }));

export const vaultGemma = (config: Config): DecoderSpec =>
  gemma2Like(config, (norm) => ({
    norms: { beforeAttention: norm("input_layernorm"), beforeMlp: norm("pre_feedforward_layernorm") },
  }));

function gemma2Like(config: Config, block: LlamaVariant["block"]): DecoderSpec {
  config.only("use_bidirectional_attention", false);
  const bias = config.flag("attention_bias", false);
  const window = config.optional("sliding_window", 4096);
  const scale = config.number("query_pre_attn_scalar", 256) ** -0.5;
  const softcap = config.optional("attn_logit_softcapping", 50);
  const finalSoftcap = config.optional("final_logit_softcapping", 30);
  const types = config.perBlock("layer_types", config.count("num_hidden_layers", 26), [
    "full_attention",
    "sliding_attention",
  ]);
  const sliding = (block: number): boolean => (types ? types[block] === "sliding_attention" : block % 2 === 0);
  const spec = llamaLike(config, {
    defaults: {
      vocabulary: 256000,
      width: 2304,
      mlpWidth: 9216,
      blocks: 26,
      heads: 8,
      kvHeads: 4,
      headWidth: 256,
      positions: 8192,
      tied: true,
    },
    activation: { key: "hidden_activation", fallback: "gelu_pytorch_tanh" },
    scalePlusOne: true,
    biases: { qkv: bias, output: bias, mlp: false },
    attention: (block) => ({
      scale,
      ...(softcap !== null && { softcap }),
      ...(window !== null && sliding(block) && { window }),
    }),
    block,
  });
  return {
    ...spec,
    embedding: { ...spec.embedding, scale: Math.sqrt(spec.width) },
    head: { ...spec.head, ...(finalSoftcap !== null && { softcap: finalSoftcap }) },
  };
}
