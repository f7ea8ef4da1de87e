/**
 * OPT (`OPTForCausalLM`): learned positions that start at the third row of their table, ReLU, tied head. Where
 * `do_layer_norm_before` is false (OPT-350m) the norms follow the residual sums and none comes last; tokens may be embedded
 * narrower than the stream, with a projection in and one out.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec, NormSpec } from "../spec.ts";
import { assemble } from "./assemble.ts";
import { parts, plainMlp, separateProjections } from "./parts.ts";

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
  const norm = (name: string): NormSpec =>
    affine ? part.layerNorm(name, width, 1e-5) : { kind: "layer", width, epsilon: 1e-5, scalePlusOne: false };
  const isProjected = embeddingWidth !== width;

  return assemble(config, {
    width,
    vocabulary,
    positions,
    part,
    tokens: { name: "embed_tokens", tied: true, width: embeddingWidth },
    embedding: {
      ...(isProjected && { projection: part.linear("project_in", embeddingWidth, width) }),
      positions: { table: part.tensor("embed_positions.weight", [positions + OFFSET, width]), offset: OFFSET },
    },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `layers.${index}`;
      const attentionNorm = norm(`${names}.self_attn_layer_norm`);
      const mlpNorm = norm(`${names}.final_layer_norm`);
      return {
        attention: {
          ...shape,
          projections: separateProjections(part, `${names}.self_attn`, width, shape, { bias }),
          scale: shape.headWidth ** -0.5,
          output: part.linear(`${names}.self_attn.out_proj`, width, width, { bias }),
        },
        mlp: plainMlp(part, [`${names}.fc1`, `${names}.fc2`], { width, mlpWidth, activation }, { bias }),
        norms: normsFirst
          ? { beforeAttention: attentionNorm, beforeMlp: mlpNorm }
          : { afterAttentionSum: attentionNorm, afterMlpSum: mlpNorm },
      };
    }),
    ...(normsFirst && !config.flag("_remove_final_layer_norm", false) && { finalNorm: norm("final_layer_norm") }),
    head: { ...(isProjected && { projection: part.linear("project_out", width, embeddingWidth) }) },
  });
}
