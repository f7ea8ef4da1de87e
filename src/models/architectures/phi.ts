/**
 * Phi (`PhiForCausalLM`; Phi 1, 1.5 and 2): parallel residual where attention and MLP read one layer norm, rotation of a
 * part of each head, biases on every linear map, the head's too; optionally layer norms on queries and keys.
 */
import type { Config } from "../config-keys.ts";
import { rotaryOf } from "../rotary.ts";
import type { DecoderSpec } from "../spec.ts";
import { assemble } from "./assemble.ts";
import { parts, plainMlp, separateProjections } from "./parts.ts";

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
  const { headWidth } = shape;
  const normed = config.flag("qk_layernorm", false);
  const rotary = rotaryOf(config, { headWidth, positions: 2048, fraction: 0.5 });
  const part = parts(["model.", ""]);
  const norm = (name: string, of = width) => part.layerNorm(name, of, epsilon);
  const bias = true;
  return assemble(config, {
    width,
    vocabulary,
    positions: config.count("max_position_embeddings", 2048),
    part,
    tokens: { name: "embed_tokens", tied: false, headBias: true },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `layers.${index}`;
      const attention = `${names}.self_attn`;
      return {
        residual: "parallel-one-norm",
        attention: {
          ...shape,
          projections: separateProjections(part, attention, width, shape, { bias }),
          ...(normed && {
            queryNorm: { over: "head", norm: norm(`${attention}.q_layernorm`, headWidth) },
            keyNorm: { over: "head", norm: norm(`${attention}.k_layernorm`, headWidth) },
          }),
          rotary,
          scale: headWidth ** -0.5,
          output: part.linear(`${attention}.dense`, heads * headWidth, width, { bias }),
        },
        mlp: plainMlp(part, [`${names}.mlp.fc1`, `${names}.mlp.fc2`], { width, mlpWidth, activation }, { bias }),
        norms: { beforeAttention: norm(`${names}.input_layernorm`) },
      };
    }),
    finalNorm: norm("final_layernorm"),
  });
}
