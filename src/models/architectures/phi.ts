/**
 * Phi (`PhiForCausalLM`; Phi 1, 1.5 and 2): parallel residual where attention and MLP read one layer norm, rotation of a
 * part of each head, biases on every linear map, the head's too; optionally layer norms on queries and keys.
 */
import type { Config } from "../config-keys.ts";
import { rotaryOf } from "../rotary.ts";
import type { DecoderSpec } from "../spec.ts";
import { embeddingAndHead, parts } from "./parts.ts";

export function phi(config: Config): DecoderSpec {
  const width = config.count("hidden_size", 2048);
  const vocabulary = config.count("vocab_size", 51200);
  const blocks = config.count("num_hidden_layers", 24);
  const heads = config.count("num_attention_heads", 32);
  const mlpWidth = config.count("intermediate_size", 8192);
  const epsilon = config.number("layer_norm_eps", 1e-5);
  const activation = config.activation("hidden_act", "gelu_new");
  const shape = config.heads({
    heads,
    kvHeads: config.optional("num_key_value_heads", null) ?? heads,
    headWidth: config.optional("head_dim", null),
    width,
  });
  const { kvHeads, headWidth } = shape;
  const normed = config.flag("qk_layernorm", false);
  const rotary = rotaryOf(config, { headWidth, positions: 2048, fraction: 0.5 });
  const part = parts(["model.", ""]);
  const linear = (name: string, inputs: number, outputs: number) => part.linear(name, inputs, outputs, { bias: true });

  const top = parts([""]);
  const { tokens, linear: head } = embeddingAndHead(
    part.tensor("embed_tokens.weight", [vocabulary, width]),
    top.tensor("lm_head.weight", [vocabulary, width]),
    { tied: config.flag("tie_word_embeddings", false), bias: top.tensor("lm_head.bias", [vocabulary]) },
  );
  return {
    architecture: config.architecture,
    width,
    vocabulary,
    positions: config.count("max_position_embeddings", 2048),
    embedding: { tokens, scale: 1 },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `layers.${index}`;
      return {
        residual: "parallel-one-norm",
        attention: {
          ...shape,
          projections: {
            kind: "separate",
            query: linear(`${names}.self_attn.q_proj`, width, heads * headWidth),
            key: linear(`${names}.self_attn.k_proj`, width, kvHeads * headWidth),
            value: linear(`${names}.self_attn.v_proj`, width, kvHeads * headWidth),
          },
          ...(normed && {
            queryNorm: {
              over: "head",
              norm: part.layerNorm(`${names}.self_attn.q_layernorm`, headWidth, epsilon),
            },
            keyNorm: {
              over: "head",
              norm: part.layerNorm(`${names}.self_attn.k_layernorm`, headWidth, epsilon),
            },
          }),
          rotary,
          scale: headWidth ** -0.5,
          output: linear(`${names}.self_attn.dense`, heads * headWidth, width),
        },
        mlp: {
          kind: "plain",
          activation,
          up: linear(`${names}.mlp.fc1`, width, mlpWidth),
          down: linear(`${names}.mlp.fc2`, mlpWidth, width),
        },
        norms: { beforeAttention: part.layerNorm(`${names}.input_layernorm`, width, epsilon) },
        residualScale: 1,
      };
    }),
    finalNorm: part.layerNorm("final_layernorm", width, epsilon),
    head: { linear: head, scale: 1 },
  };
}
