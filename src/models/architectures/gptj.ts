/**
 * GPT-J (`GPTJForCausalLM`): parallel residual where attention and MLP read one layer norm, rotation of neighbouring pairs
 * in a part of each head, tanh GELU, biases in the MLP and on the head, none on attention.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { assemble } from "./assemble.ts";
import { parts, plainMlp, separateProjections } from "./parts.ts";

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
  return assemble(config, {
    width,
    vocabulary,
    positions: config.count(["n_positions", "max_position_embeddings"], 2048),
    part,
    tokens: { name: "wte", tied: false, headBias: true },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `h.${index}`;
      return {
        residual: "parallel-one-norm",
        attention: {
          ...shape,
          projections: separateProjections(part, `${names}.attn`, width, shape),
          rotary: { width: turning, base: 10000, pairs: "neighbours" },
          scale: shape.headWidth ** -0.5,
          output: part.linear(`${names}.attn.out_proj`, width, width),
        },
        mlp: plainMlp(
          part,
          [`${names}.mlp.fc_in`, `${names}.mlp.fc_out`],
          { width, mlpWidth, activation },
          { bias: true },
        ),
        norms: { beforeAttention: part.layerNorm(`${names}.ln_1`, width, epsilon) },
      };
    }),
    finalNorm: part.layerNorm("ln_f", width, epsilon),
  });
}
