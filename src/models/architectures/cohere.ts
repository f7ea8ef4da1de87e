/**
 * Command R (`CohereForCausalLM`; Command R and R+, Aya 23) and Command R7B and A (`Cohere2ForCausalLM`): parallel residual
 * where attention and MLP read one layer norm without a bias, rotation of neighbouring pairs, logits times `logit_scale`,
 * tied head. Cohere 2 has a window on three blocks of four and rotates on these alone.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec, QueryKeyNormSpec } from "../spec.ts";
import { type LlamaVariant, llamaLike } from "./llama.ts";
import { parts } from "./parts.ts";

const DEFAULTS: LlamaVariant["defaults"] = {
  vocabulary: 256000,
  width: 8192,
  mlpWidth: 22528,
  blocks: 40,
  heads: 64,
  kvHeads: null,
  headWidth: null,
  positions: 8192,
  tied: true,
};

function commandLike(config: Config, variant: Pick<LlamaVariant, "attention" | "defaults">): DecoderSpec {
  const epsilon = config.number("layer_norm_eps", 1e-5);
  const bias = config.flag("attention_bias", false);
  const spec = llamaLike(config, {
    ...variant,
    rotary: { pairs: "neighbours" },
    norm: (part, name, width) => part.layerNorm(name, width, epsilon, { bias: false }),
    biases: { qkv: bias, output: bias, mlp: false },
    block: (norm) => ({ residual: "parallel-one-norm", norms: { beforeAttention: norm("input_layernorm") } }),
  });
  return { ...spec, head: { ...spec.head, scale: config.number("logit_scale", 0.0625) } };
}

export function cohere(config: Config): DecoderSpec {
  const epsilon = config.number("layer_norm_eps", 1e-5);
  const normed = config.flag("use_qk_norm", false);
  const part = parts(["model.", ""]);
  const headNorm = (name: string, heads: number, width: number): QueryKeyNormSpec => ({
    over: "each-head",
    norm: { kind: "layer", width, epsilon, scalePlusOne: false },
    scales: [part.tensor(`${name}.weight`, [heads, width])],
  });
  return commandLike(config, {
    defaults: { ...DEFAULTS, rotaryBase: 500_000 },
    attention: (block, _, { heads, kvHeads, headWidth }) =>
      normed
        ? {
            queryNorm: headNorm(`layers.${block}.self_attn.q_norm`, heads, headWidth),
            keyNorm: headNorm(`layers.${block}.self_attn.k_norm`, kvHeads, headWidth),
          }
        : {},
  });
}

export function cohere2(config: Config): DecoderSpec {
  const blocks = config.count("num_hidden_layers", DEFAULTS.blocks);
  const window = config.optional("sliding_window", 4096);
  const types = config.perBlock("layer_types", blocks, ["full_attention", "sliding_attention"]);
  const pattern = config.count("sliding_window_pattern", 4);
  const slides = (block: number): boolean =>
    window !== null && (types ? types[block] === "sliding_attention" : (block + 1) % pattern !== 0);
  // Heads divide the width whatever `head_dim` says.
  const heads = config.count("num_attention_heads", DEFAULTS.heads);
  config.only("head_dim", config.count("hidden_size", DEFAULTS.width) / heads);
  return commandLike(config, {
    defaults: DEFAULTS,
    attention: (block) => (slides(block) ? { window: window! } : { rotary: undefined }),
  });
}
