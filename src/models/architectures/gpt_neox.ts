/**
 * GPT-NeoX (`GPTNeoXForCausalLM`; Pythia): parallel residual with a norm for each branch (or sequential), rotation of a
 * quarter of each head, one fused projection laid out head by head, biases everywhere but the head.
 */
import type { Config } from "../config-keys.ts";
import { rotaryOf } from "../rotary.ts";
import type { DecoderSpec } from "../spec.ts";
import { assemble } from "./assemble.ts";
import { parts, plainMlp } from "./parts.ts";

export function gptNeox(config: Config): DecoderSpec {
  const width = config.count("hidden_size", 6144);
  const vocabulary = config.count("vocab_size", 50432);
  const blocks = config.count("num_hidden_layers", 44);
  const heads = config.count("num_attention_heads", 64);
  const mlpWidth = config.count("intermediate_size", 24576);
  const epsilon = config.number("layer_norm_eps", 1e-5);
  const activation = config.activation("hidden_act", "gelu");
  const bias = config.flag("attention_bias", true);
  const shape = config.heads({ heads, kvHeads: heads, width });
  const rotary = rotaryOf(config, {
    headWidth: shape.headWidth,
    positions: 2048,
    baseKeys: ["rotary_emb_base"],
    fraction: 0.25,
    fractionKeys: ["rotary_pct"],
  });
  const part = parts(["gpt_neox.", ""]);
  const norm = (name: string) => part.layerNorm(name, width, epsilon);
  return assemble(config, {
    width,
    vocabulary,
    positions: config.count("max_position_embeddings", 2048),
    part,
    tokens: { name: "embed_in", head: "embed_out", tied: false },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `layers.${index}`;
      return {
        residual: config.flag("use_parallel_residual", true) ? "parallel" : "sequential",
        attention: {
          ...shape,
          projections: {
            kind: "fused",
            layout: "grouped",
            linear: part.linear(`${names}.attention.query_key_value`, width, 3 * width, { bias }),
          },
          rotary,
          scale: shape.headWidth ** -0.5,
          output: part.linear(`${names}.attention.dense`, width, width, { bias }),
        },
        mlp: plainMlp(
          part,
          [`${names}.mlp.dense_h_to_4h`, `${names}.mlp.dense_4h_to_h`],
          { width, mlpWidth, activation },
          { bias: true },
        ),
        norms: {
          beforeAttention: norm(`${names}.input_layernorm`),
          beforeMlp: norm(`${names}.post_attention_layernorm`),
        },
      };
    }),
    finalNorm: norm("final_layer_norm"),
  });
}
