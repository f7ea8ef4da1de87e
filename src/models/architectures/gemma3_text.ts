/**
 * Gemma 3, text only (`Gemma3ForCausalLM`): Gemma 2 without its score softcap, with norms on queries and keys; blocks see a
 * window but for every sixth (or as `layer_types` says), and the two kinds turn by different bases. A scaling of the
 * rotation acts on the blocks without a window alone.
 */
import type { Config } from "../config-keys.ts";
import { rotaryOf } from "../rotary.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

export function gemma3Text(config: Config): DecoderSpec {
  config.only("use_bidirectional_attention", false);
  config.only("attn_logit_softcapping", null);
  const blocks = config.count("num_hidden_layers", 26);
  const bias = config.flag("attention_bias", false);
  const scale = config.number("query_pre_attn_scalar", 256) ** -0.5;
  const softcap = config.optional("final_logit_softcapping", null);
  const types = config.perBlock("layer_types", blocks, ["full_attention", "sliding_attention"]);
  const pattern = config.count("sliding_window_pattern", 6);
  const slides = (block: number): boolean =>
    types ? types[block] === "sliding_attention" : (block + 1) % pattern !== 0;

  const spec = llamaLike(config, {
    defaults: {
      vocabulary: 262208,
      width: 2304,
      mlpWidth: 9216,
      blocks,
      heads: 8,
      kvHeads: 4,
      headWidth: 256,
      positions: 131072,
      tied: true,
    },
    activation: { key: "hidden_activation", fallback: "gelu_pytorch_tanh" },
    scalePlusOne: true,
    rotary: { layerType: "full_attention", base: 1_000_000 },
    biases: { qkv: bias, output: bias, mlp: false },
    attention: (block, norm, { headWidth }) => ({
      scale,
      queryNorm: { over: "head", norm: norm("self_attn.q_norm", headWidth) },
      keyNorm: { over: "head", norm: norm("self_attn.k_norm", headWidth) },
      ...(slides(block)
        ? {
            window: config.count("sliding_window", 4096),
            rotary: rotaryOf(config, {
              positions: 131072,
              headWidth,
              layerType: "sliding_attention",
              base: 10_000,
              baseKeys: ["rope_local_base_freq"],
              scalingKeys: [],
            }),
          }
        : {}),
    }),
    block: (norm) => ({
      norms: {
        beforeAttention: norm("input_layernorm"),
        afterAttention: norm("post_attention_layernorm"),
        beforeMlp: norm("pre_feedforward_layernorm"),
        afterMlp: norm("post_feedforward_layernorm"),
      },
    }),
  });
  return {
    ...spec,
    embedding: { ...spec.embedding, scale: Math.sqrt(spec.width) },
    head: { ...spec.head, ...(softcap !== null && { softcap }) },
  };
}
