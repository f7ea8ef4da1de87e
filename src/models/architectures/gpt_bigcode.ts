/**
 * GPT-BigCode (`GPTBigCodeForCausalLM`; StarCoder, SantaCoder): GPT-2 with maps stored [out, in] and one key-value head for
 * all query heads, or (`multi_query` false) one for each, laid out head by head; tied head.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { assemble } from "./assemble.ts";
import { parts, plainMlp } from "./parts.ts";

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
  const norm = (name: string) => part.layerNorm(name, width, epsilon);
  const bias = true;
  return assemble(config, {
    width,
    vocabulary,
    positions,
    part,
    tokens: { name: "wte", tied: true },
    embedding: { positions: { table: part.tensor("wpe.weight", [positions, width]), offset: 0 } },
    blocks: Array.from({ length: blocks }, (_, index) => {
      const names = `h.${index}`;
      return {
        attention: {
          ...shape,
          projections: {
            kind: "fused",
            layout: shared ? "concatenated" : "grouped",
            linear: part.linear(`${names}.attn.c_attn`, width, width + 2 * shape.kvHeads * shape.headWidth, { bias }),
          },
          scale: config.flag("scale_attn_weights", true) ? shape.headWidth ** -0.5 : 1,
          output: part.linear(`${names}.attn.c_proj`, width, width, { bias }),
        },
        mlp: plainMlp(part, [`${names}.mlp.c_fc`, `${names}.mlp.c_proj`], { width, mlpWidth, activation }, { bias }),
        norms: { beforeAttention: norm(`${names}.ln_1`), beforeMlp: norm(`${names}.ln_2`) },
      };
    }),
    finalNorm: norm("ln_f"),
  });
}
