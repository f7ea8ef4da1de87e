/**
 * MPT (`MptForCausalLM`): ALiBi instead of positions, layer norms without biases, one projection to queries, keys and
 * values, exact GELU, no biases at all, tied head. What the published code can do besides, the definition does not.
 */
import { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { alibiSlopes } from "./alibi.ts";
import { assemble } from "./assemble.ts";
import { parts, plainMlp } from "./parts.ts";

export function mpt(config: Config): DecoderSpec {
  const attention = config.section("attn_config") ?? new Config({});
  attention.only("alibi", true);
  attention.only("alibi_bias_max", 8);
  attention.only("attn_type", "multihead_attention");
  for (const key of ["prefix_lm", "qk_ln"]) attention.only(key, false);
  config.only("no_bias", true);
  config.only("expansion_ratio", 4);
  config.only("logit_scale", null);
  config.only("norm_type", "low_precision_layernorm");
  const width = config.count(["d_model", "hidden_size"], 2048);
  const vocabulary = config.count("vocab_size", 50368);
  const blocks = config.count(["n_layers", "num_hidden_layers"], 24);
  const heads = config.count(["n_heads", "num_attention_heads"], 16);
  const epsilon = config.number("layer_norm_epsilon", 1e-5);
  const clip = attention.optional("clip_qkv", null);
  const shape = config.heads({ heads, kvHeads: heads, width });
  const part = parts(["transformer.", ""]);
  const norm = (name: string) => part.layerNorm(name, width, epsilon, { bias: false });
  return assemble(config, {
    width,
    vocabulary,
    positions: config.count("max_seq_len", 2048),
    part,
    tokens: { name: "wte", tied: true },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `blocks.${index}`;
      return {
        attention: {
          ...shape,
          projections: {
            kind: "fused",
            layout: "concatenated",
            linear: part.linear(`${names}.attn.Wqkv`, width, 3 * width),
          },
          ...(clip !== null && { clip }),
          alibi: { slopes: alibiSlopes(heads), factor: 1 },
          scale: attention.optional("softmax_scale", null) ?? shape.headWidth ** -0.5,
          output: part.linear(`${names}.attn.out_proj`, width, width),
        },
        mlp: plainMlp(part, [`${names}.ffn.up_proj`, `${names}.ffn.down_proj`], {
          width,
          mlpWidth: 4 * width,
          activation: "gelu",
        }),
        norms: { beforeAttention: norm(`${names}.norm_1`), beforeMlp: norm(`${names}.norm_2`) },
      };
    }),
    finalNorm: norm("norm_f"),
  });
}
