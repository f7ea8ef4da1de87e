/**
 * BLOOM (`BloomForCausalLM`; BLOOMZ): ALiBi instead of positions, a layer norm on the embeddings, one projection laid out
 * head by head, tanh GELU, biases everywhere but the tied head. Its config bounds no length.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { alibiSlopes } from "./alibi.ts";
import { embeddingAndHead, parts } from "./parts.ts";

export function bloom(config: Config): DecoderSpec {
  config.only("apply_residual_connection_post_layernorm", false);
  const width = config.count(["n_embed", "hidden_size"], 64);
  const vocabulary = config.count("vocab_size", 250880);
  const blocks = config.count(["n_layer", "num_hidden_layers"], 2);
  const heads = config.count(["n_head", "num_attention_heads"], 8);
  const epsilon = config.number("layer_norm_epsilon", 1e-5);
  const shape = config.heads({ heads, kvHeads: heads, width });
  const part = parts(["transformer.", ""]);
  const norm = (name: string) => part.layerNorm(name, width, epsilon);
  const linear = (name: string, inputs: number, outputs: number) => part.linear(name, inputs, outputs, { bias: true });

  const { tokens, linear: head } = embeddingAndHead(
    part.tensor("word_embeddings.weight", [vocabulary, width]),
    parts([""]).tensor("lm_head.weight", [vocabulary, width]),
    { tied: config.flag("tie_word_embeddings", true) },
  );
  return {
    architecture: config.architecture,
    width,
    vocabulary,
    positions: null,
    embedding: { tokens, scale: 1, norm: norm("word_embeddings_layernorm") },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `h.${index}`;
      return {
        residual: "sequential",
        attention: {
          ...shape,
          projections: {
            kind: "fused",
            layout: "grouped",
            linear: linear(`${names}.self_attention.query_key_value`, width, 3 * width),
          },
          alibi: { slopes: alibiSlopes(heads), factor: 1 },
          scale: shape.headWidth ** -0.5,
          output: linear(`${names}.self_attention.dense`, width, width),
        },
        mlp: {
          kind: "plain",
          activation: "gelu-tanh",
          up: linear(`${names}.mlp.dense_h_to_4h`, width, 4 * width),
          down: linear(`${names}.mlp.dense_4h_to_h`, 4 * width, width),
        },
        norms: {
          beforeAttention: norm(`${names}.input_layernorm`),
          beforeMlp: norm(`${names}.post_attention_layernorm`),
        },
        residualScale: 1,
      };
    }),
    finalNorm: norm("ln_f"),
    head: { linear: head, scale: 1 },
  };
}
