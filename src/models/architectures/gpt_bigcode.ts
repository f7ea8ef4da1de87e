/**
 * GPT-BigCode (`GPTBigCodeForCausalLM`; StarCoder, SantaCoder): GPT-2 with maps stored [out, in] and one key-value head for
 * all query heads, or (`multi_query` false) one for each, laid out head by head; tied head.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { embeddingAndHead, parts } from "./parts.ts";

export function gptBigcode(config: Config): DecoderSpec {
  const width = config.count(["n_embd", "hidden_size"], 768);
  const vocabulary = config.count("vocab_size", 50257);
  const positions = config.count(["n_positions", "max_position_embeddings"], 1024);
  const blocks = config.count(["n_layer", "num_hidden_layers"], 12);
  const heads = config.count(["n_head", "num_attention_heads"], 12);
  const mlpWidth = config.optional("n_inner", null) ?? 4 * width;
  const epsilon = config.number("layer_norm_epsilon", 1e-5);
  const activation = config.activation("activation_function", "gelu_pytorch_tanh");
  const shared = config.flag("multi_query", true);
  const shape = config.heads({ heads, kvHeads: shared ? 1 : heads, width });
  const part = parts(["transformer.", ""]);
  const linear = (name: string, inputs: number, outputs: number) => part.linear(name, inputs, outputs, { bias: true });

  const { tokens, linear: head } = embeddingAndHead(
    part.tensor("wte.weight", [vocabulary, width]),
    parts([""]).tensor("lm_head.weight", [vocabulary, width]),
    { tied: config.flag("tie_word_embeddings", true) },
  );
  return {
    architecture: config.architecture,
    width,
    vocabulary,
    positions,
    embedding: { tokens, scale: 1, positions: { table: part.tensor("wpe.weight", [positions, width]), offset: 0 } },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `h.${index}`;
      return {
        residual: "sequential",
        attention: {
          ...shape,
          projections: {
            kind: "fused",
            layout: shared ? "concatenated" : "grouped",
            linear: linear(`${names}.attn.c_attn`, width, width + 2 * shape.kvHeads * shape.headWidth),
          },
          scale: config.flag("scale_attn_weights", true) ? shape.headWidth ** -0.5 : 1,
          output: linear(`${names}.attn.c_proj`, width, width),
        },
        mlp: {
          kind: "plain",
          activation,
          up: linear(`${names}.mlp.c_fc`, width, mlpWidth),
          down: linear(`${names}.mlp.c_proj`, mlpWidth, width),
        },
        norms: {
          beforeAttention: part.layerNorm(`${names}.ln_1`, width, epsilon),
          beforeMlp: part.layerNorm(`${names}.ln_2`, width, epsilon),
        },
        residualScale: 1,
      };
    }),
    finalNorm: part.layerNorm("ln_f", width, epsilon),
    head: { linear: head, scale: 1 },
  };
}
