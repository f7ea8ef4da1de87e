/**
 * GPT-NeoX (`GPTNeoXForCausalLM`; Pythia): parallel residual with a norm for each branch (or sequential), rotation of a
 * quarter of each head, one fused projection laid out head by head, biases everywhere but the head.
 */
import type { Config } from "../config-keys.ts";
import { rotaryOf } from "../rotary.ts";
import type { DecoderSpec } from "../spec.ts";
import { embeddingAndHead, parts } from "./parts.ts";

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

  const { tokens, linear } = embeddingAndHead(
    part.tensor("embed_in.weight", [vocabulary, width]),
    parts([""]).tensor("embed_out.weight", [vocabulary, width]),
    { tied: config.flag("tie_word_embeddings", false) },
  );
  return {
    architecture: config.architecture,
    width,
    vocabulary,
    positions: config.count("max_position_embeddings", 2048),
    embedding: { tokens, scale: 1 },
    blocks: Array.from({ length: blocks }, (_, index) => ({
      residual: config.flag("use_parallel_residual", true) ? "parallel" : "sequential",
      attention: {
        ...shape,
        projections: {
          kind: "fused",
          layout: "grouped",
          linear: part.linear(`layers.${index}.attention.query_key_value`, width, 3 * width, { bias }),
        },
        rotary,
        scale: shape.headWidth ** -0.5,
        output: part.linear(`layers.${index}.attention.dense`, width, width, { bias }),
      },
      mlp: {
        kind: "plain",
        activation,
        up: part.linear(`layers.${index}.mlp.dense_h_to_4h`, width, mlpWidth, { bias: true }),
        down: part.linear(`layers.${index}.mlp.dense_4h_to_h`, mlpWidth, width, { bias: true }),
      },
      norms: {
        beforeAttention: part.layerNorm(`layers.${index}.input_layernorm`, width, epsilon),
        beforeMlp: part.layerNorm(`layers.${index}.post_attention_layernorm`, width, epsilon),
      },
      residualScale: 1,
    })),
    finalNorm: part.layerNorm("final_layer_norm", width, epsilon),
    head: { linear, scale: 1 },
  };
}
