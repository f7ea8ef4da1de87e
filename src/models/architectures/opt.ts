/**
 * OPT (`OPTForCausalLM`): learned positions that start at the third row of their table, ReLU, tied head. Where
 * `do_layer_norm_before` is false (OPT-350m) the norms follow the residual sums and none comes last; tokens may be embedded
 * narrower than the stream, with a projection in and one out.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec, NormSpec } from "../spec.ts";
import { embeddingAndHead, parts } from "./parts.ts";

/** rows of the position table before that of the first position */
const OFFSET = 2;

export function opt(config: Config): DecoderSpec {
  const width = config.count("hidden_size", 768);
  const vocabulary = config.count("vocab_size", 50272);
  const blocks = config.count("num_hidden_layers", 12);
  const heads = config.count("num_attention_heads", 12);
  const mlpWidth = config.count("ffn_dim", 3072);
  const positions = config.count("max_position_embeddings", 2048);
  const embeddingWidth = config.optional("word_embed_proj_dim", null) ?? width;
  const activation = config.activation("activation_function", "relu");
  const normsFirst = config.flag("do_layer_norm_before", true);
  const bias = config.flag("enable_bias", true);
  const affine = config.flag("layer_norm_elementwise_affine", true);
  const shape = config.heads({ heads, kvHeads: heads, width });
  const part = parts(["model.decoder.", "decoder.", ""]);
  const linear = (name: string, inputs: number, outputs: number) => part.linear(name, inputs, outputs, { bias });
  const norm = (name: string): NormSpec =>
    affine ? part.layerNorm(name, width, 1e-5) : { kind: "layer", width, epsilon: 1e-5, scalePlusOne: false };

  const { tokens, linear: head } = embeddingAndHead(
    part.tensor("embed_tokens.weight", [vocabulary, embeddingWidth]),
    parts([""]).tensor("lm_head.weight", [vocabulary, embeddingWidth]),
    { tied: config.flag("tie_word_embeddings", true) },
  );
  return {
    architecture: config.architecture,
    width,
    vocabulary,
    positions,
    embedding: {
      tokens,
      scale: 1,
      ...(embeddingWidth !== width && { projection: part.linear("project_in", embeddingWidth, width) }),
      positions: { table: part.tensor("embed_positions.weight", [positions + OFFSET, width]), offset: OFFSET },
    },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `layers.${index}`;
      const attentionNorm = norm(`${names}.self_attn_layer_norm`);
      const mlpNorm = norm(`${names}.final_layer_norm`);
      return {
        residual: "sequential",
        attention: {
          ...shape,
          projections: {
            kind: "separate",
            query: linear(`${names}.self_attn.q_proj`, width, width),
            key: linear(`${names}.self_attn.k_proj`, width, width),
            value: linear(`${names}.self_attn.v_proj`, width, width),
          },
          scale: shape.headWidth ** -0.5,
          output: linear(`${names}.self_attn.out_proj`, width, width),
        },
        mlp: {
          kind: "plain",
          activation,
          up: linear(`${names}.fc1`, width, mlpWidth),
          down: linear(`${names}.fc2`, mlpWidth, width),
        },
        norms: normsFirst
          ? { beforeAttention: attentionNorm, beforeMlp: mlpNorm }
          : { afterAttentionSum: attentionNorm, afterMlpSum: mlpNorm },
        residualScale: 1,
      };
    }),
    ...(normsFirst && !config.flag("_remove_final_layer_norm", false) && { finalNorm: norm("final_layer_norm") }),
    head: {
      ...(embeddingWidth !== width && { projection: part.linear("project_out", width, embeddingWidth) }),
      linear: head,
      scale: 1,
    },
  };
}
