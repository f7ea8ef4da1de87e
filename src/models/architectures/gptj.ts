/**
 * GPT-J (`GPTJForCausalLM`): parallel residual where attention and MLP read one layer norm, rotation of neighbouring pairs
 * in a part of each head, tanh GELU, biases in the MLP and on the head, none on attention.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { embeddingAndHead, parts } from "./parts.ts";

export function gptj(config: Config): DecoderSpec {
  const width = config.count(["n_embd", "hidden_size"], 4096);
  const vocabulary = config.count("vocab_size", 50400);
  const blocks = config.count(["n_layer", "num_hidden_layers"], 28);
  const heads = config.count(["n_head", "num_attention_heads"], 16);
  const mlpWidth = config.optional("n_inner", null) ?? 4 * width;
  const epsilon = config.number("layer_norm_epsilon", 1e-5);
  const activation = config.activation("activation_function", "gelu_new");
  const shape = config.heads({ heads, kvHeads: heads, width });
  const turning = config.count("rotary_dim", 64);
  if (turning % 2 !== 0 || turning > shape.headWidth)
    throw config.unsupported("rotary_dim", turning, `an even number up to the head's width, ${shape.headWidth}`);
  const part = parts(["transformer.", ""]);
  const top = parts([""]);
  const { tokens, linear } = embeddingAndHead(
    part.tensor("wte.weight", [vocabulary, width]),
    top.tensor("lm_head.weight", [vocabulary, width]),
    { tied: config.flag("tie_word_embeddings", false), bias: top.tensor("lm_head.bias", [vocabulary]) },
  );
  return {
    architecture: config.architecture,
    width,
    vocabulary,
    positions: config.count(["n_positions", "max_position_embeddings"], 2048),
    embedding: { tokens, scale: 1 },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `h.${index}`;
      return {
        residual: "parallel-one-norm",
        attention: {
          ...shape,
          projections: {
            kind: "separate",
            query: part.linear(`${names}.attn.q_proj`, width, width),
            key: part.linear(`${names}.attn.k_proj`, width, width),
            value: part.linear(`${names}.attn.v_proj`, width, width),
          },
          rotary: { width: turning, base: 10000, pairs: "neighbours" },
          scale: shape.headWidth ** -0.5,
          output: part.linear(`${names}.attn.out_proj`, width, width),
        },
        mlp: {
          kind: "plain",
          activation,
          up: part.linear(`${names}.mlp.fc_in`, width, mlpWidth, { bias: true }),
          down: part.linear(`${names}.mlp.fc_out`, mlpWidth, width, { bias: true }),
        },
        norms: { beforeAttention: part.layerNorm(`${names}.ln_1`, width, epsilon) },
        residualScale: 1,
      };
    }),
    finalNorm: part.layerNorm("ln_f", width, epsilon),
    head: { linear, scale: 1 },
  };
}
