/**
 * GPT-2 (`GPT2LMHeadModel`): learned positions, layer norms, one fused projection stored [in, out], tanh GELU, tied head.
 * Published files carry no `transformer.` prefix, re-saved ones do.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { assemble } from "./assemble.ts";
import { parts, plainMlp } from "./parts.ts";

export function gpt2(config: Config): DecoderSpec {
  const width = config.count(["n_embd", "hidden_size"], 768);
  const vocabulary = config.count("vocab_size", 50257);
  const positions = config.count(["n_positions", "max_position_embeddings"], 1024);
  const blocks = config.count(["n_layer", "num_hidden_layers"], 12);
  const heads = config.count(["n_head", "num_attention_heads"], 12);
  const mlpWidth = config.optional("n_inner", null) ?? 4 * width;
  const epsilon = config.number("layer_norm_epsilon", 1e-5);
  const activation = config.activation("activation_function", "gelu_new");
  const shape = config.heads({ heads, kvHeads: heads, width });
  const scale = config.flag("scale_attn_weights", true) ? shape.headWidth ** -0.5 : 1;
  const scaleByBlock = config.flag("scale_attn_by_inverse_layer_idx", false);
  const part = parts(["transformer.", ""]);
  const conv = { bias: true, layout: "in-out" } as const;
  const norm = (name: string) => part.layerNorm(name, width, epsilon);
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
            layout: "concatenated",
            linear: part.linear(`${names}.attn.c_attn`, width, 3 * width, conv),
          },
          scale: scaleByBlock ? scale / (index + 1) : scale,
          output: part.linear(`${names}.attn.c_proj`, width, width, conv),
        },
        mlp: plainMlp(part, [`${names}.mlp.c_fc`, `${names}.mlp.c_proj`], { width, mlpWidth, activation }, conv),
        norms: { beforeAttention: norm(`${names}.ln_1`), beforeMlp: norm(`${names}.ln_2`) },
      };
    }),
    finalNorm: norm("ln_f"),
  });
}
