/**
 * BLOOM (`BloomForCausalLM`; BLOOMZ): ALiBi instead of positions, a layer norm on the embeddings, one projection laid out
 * head by head, tanh GELU, biases everywhere but the tied head. Its config bounds no length.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { alibiSlopes } from "./alibi.ts";
import { assemble } from "./assemble.ts";
import { parts, plainMlp } from "./parts.ts";

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
  const bias = true;
  return assemble(config, {
    width,
    vocabulary,
    positions: null,
    part,
    tokens: { name: "word_embeddings", tied: true },
    embedding: { norm: norm("word_embeddings_layernorm") },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `h.${index}`;
      return {
        attention: {
          ...shape,
          projections: {
            kind: "fused",
            layout: "grouped",
            linear: part.linear(`${names}.self_attention.query_key_value`, width, 3 * width, { bias }),
          },
          alibi: { slopes: alibiSlopes(heads), factor: 1 },
          scale: shape.headWidth ** -0.5,
          output: part.linear(`${names}.self_attention.dense`, width, width, { bias }),
        },
        mlp: plainMlp(
          part,
          [`${names}.mlp.dense_h_to_4h`, `${names}.mlp.dense_4h_to_h`],
          { width, mlpWidth: 4 * width, activation: "gelu-tanh" },
          { bias },
        ),
        norms: {
          beforeAttention: norm(`${names}.input_layernorm`),
          beforeMlp: norm(`${names}.post_attention_layernorm`),
        },
      };
    }),
    finalNorm: norm("ln_f"),
  });
}
