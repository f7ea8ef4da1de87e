/**
 * GPT-2 (`GPT2LMHeadModel`): learned positions, layer norms, one fused projection stored [in, out], tanh GELU, tied head.
 * Published files carry no `transformer.` prefix, re-saved ones do.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { embeddingAndHead, parts } from "./parts.ts";

export function gpt2(config: Config): DecoderSpec {
  const width = config.count(["n_embd", "hidden_size"], 768);
  const vocabulary = config.count("vocab_size", 50257);
  const positions = config.count(["n_positions", "max_position_embeddings"], 1024);
  const blocks = config.count(["n_layer", "num_hidden_layers"], 12);
  const heads = config.count(["n_head", "num_attention_heads"], 12);
  const mlpWidth = config.optional("n_inner", null) ?? 4 * width;
  const epsilon = config.number("layer_norm_epsilon", 1e-5);
  const activation = config.activation("activation_function", "gelu_new");
  const shape = config.heads({ heads, kvHeads: heads, width });
  const scale = config.flag("scale_attn_weights", true) ? shape.headWidth ** -0.5 : 1;
  const scaleByBlock = config.flag("scale_attn_by_inverse_layer_idx", false);
  const part = parts(["transformer.", ""]);
  const conv = (name: string, inputs: number, outputs: number) =>
    part.linear(name, inputs, outputs, { bias: true, layout: "in-out" });

  const { tokens, linear } = embeddingAndHead(
    part.tensor("wte.weight", [vocabulary, width]),
    parts([""]).tensor("lm_head.weight", [vocabulary, width]),
    { tied: config.flag("tie_word_embeddings", true) },
  );
  return {
    architecture: config.architecture,
    width,
    vocabulary,
    positions,
    embedding: { tokens, scale: 1, positions: { table: part.tensor("wpe.weight", [positions, width]), offset: 0 } },
    blocks: Array.from({ length: blocks }, (_, index) => ({
      residual: "sequential",
      attention: {
        ...shape,
        projections: {
          kind: "fused",
          layout: "concatenated",
          linear: conv(`h.${index}.attn.c_attn`, width, 3 * width),
        },
        scale: scaleByBlock ? scale / (index + 1) : scale,
        output: conv(`h.${index}.attn.c_proj`, width, width),
      },
      mlp: {
        kind: "plain",
        activation,
        up: conv(`h.${index}.mlp.c_fc`, width, mlpWidth),
        down: conv(`h.${index}.mlp.c_proj`, mlpWidth, width),
      },
      norms: {
        beforeAttention: part.layerNorm(`h.${index}.ln_1`, width, epsilon),
        beforeMlp: part.layerNorm(`h.${index}.ln_2`, width, epsilon),
      },
      residualScale: 1,
    })),
    finalNorm: part.layerNorm("ln_f", width, epsilon),
    head: { linear, scale: 1 },
  };
}
