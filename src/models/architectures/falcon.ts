/**
 * Falcon (`FalconForCausalLM`): one fused projection, exact GELU. Three forms: 7B (one key-value head, attention and MLP read
 * one norm), the new decoder architecture of 40B and 11B (key-value groups, parallel residual with two norms or one) and RW
 * (ALiBi instead of rotation, sequential residual, biases). Files from before transformers had it call themselves
 * `RefinedWebModel` (7B, RW) or `RefinedWeb` (40B) and some keys otherwise.
 */
import type { Config } from "../config-keys.ts";
import { rotaryOf } from "../rotary.ts";
import type { AlibiSpec, BlockSpec, DecoderSpec } from "../spec.ts";
import { alibiSlopes } from "./alibi.ts";
import { assemble } from "./assemble.ts";
import { parts, plainMlp } from "./parts.ts";

/** Which tensors and wiring a config means. */
function formOf(config: Config, heads: number): { kvHeads: number; residual: BlockSpec["residual"] } {
  const legacy = config.architecture !== "falcon";
  const parallel = config.flag("parallel_attn", !legacy);
  const kvHeads = config.optional(["num_kv_heads", "n_head_kv"], null) ?? heads;
  if (config.flag("new_decoder_architecture", config.architecture === "RefinedWeb")) {
    config.only("parallel_attn", true);
    config.only("num_ln_in_parallel_attn", 1, 2);
    const oneNorm = config.optional("num_ln_in_parallel_attn", 2) === 1;
    return { kvHeads, residual: oneNorm ? "parallel-one-norm" : "parallel" };
  }
  config.only("num_ln_in_parallel_attn", 1);
  const residual = parallel ? "parallel-one-norm" : "sequential";
  if (config.flag("multi_query", !legacy)) return { kvHeads: 1, residual };
  config.only(["num_kv_heads", "n_head_kv"], heads);
  return { kvHeads: heads, residual };
}

export function falcon(config: Config): DecoderSpec {
  config.only("apply_residual_connection_post_layernorm", false);
  const width = config.count(["hidden_size", "n_embed"], 4544);
  const vocabulary = config.count("vocab_size", 65024);
  const blocks = config.count(["num_hidden_layers", "n_layer"], 32);
  const heads = config.count(["num_attention_heads", "n_head"], 71);
  const mlpWidth = config.optional("ffn_hidden_size", null) ?? 4 * width;
  const epsilon = config.number("layer_norm_epsilon", 1e-5);
  const activation = config.activation("activation", "gelu");
  const bias = config.flag("bias", false);
  const { kvHeads, residual } = formOf(config, heads);
  const shape = config.heads({ heads, kvHeads, width });
  const { headWidth } = shape;
  const alibi: AlibiSpec | undefined = config.flag("alibi", false)
    ? { slopes: alibiSlopes(heads), factor: headWidth ** -0.5, rounding: "bfloat16" }
    : undefined;
  const part = parts(["transformer.", ""]);
  const norm = (name: string) => part.layerNorm(name, width, epsilon);
  const norms = (names: string): BlockSpec["norms"] => {
    switch (residual) {
      case "parallel":
        return { beforeAttention: norm(`${names}.ln_attn`), beforeMlp: norm(`${names}.ln_mlp`) };
      case "parallel-one-norm":
        return { beforeAttention: norm(`${names}.input_layernorm`) };
      default:
        return {
          beforeAttention: norm(`${names}.input_layernorm`),
          beforeMlp: norm(`${names}.post_attention_layernorm`),
        };
    }
  };

  return assemble(config, {
    width,
    vocabulary,
    positions: config.count("max_position_embeddings", 2048),
    part,
    tokens: { name: "word_embeddings", tied: true },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `h.${index}`;
      return {
        residual,
        attention: {
          ...shape,
          projections: {
            kind: "fused",
            layout: "grouped",
            linear: part.linear(`${names}.self_attention.query_key_value`, width, (heads + 2 * kvHeads) * headWidth, {
              bias,
            }),
          },
          ...(alibi ? { alibi } : { rotary: rotaryOf(config, { headWidth, positions: 2048 }) }),
          scale: headWidth ** -0.5,
          output: part.linear(`${names}.self_attention.dense`, width, width, { bias }),
        },
        mlp: plainMlp(
          part,
          [`${names}.mlp.dense_h_to_4h`, `${names}.mlp.dense_4h_to_h`],
          { width, mlpWidth, activation },
          { bias },
        ),
        norms: norms(names),
      };
    }),
    finalNorm: norm("ln_f"),
  });
}
