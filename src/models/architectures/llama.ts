/**
 * Llama (`LlamaForCausalLM`; TinyLlama, SmolLM2, Llama 3): RMS norms before attention and MLP, rotary positions, grouped
 * key-value heads, gated SiLU MLP. The same skeleton with other biases, norms and windows is Mistral, Qwen 2 and 3.
 */
import type { Config } from "../config-keys.ts";
import { rotaryOf } from "../rotary.ts";
import type { AttentionSpec, BlockSpec, DecoderSpec, NormSpec } from "../spec.ts";
import { embeddingAndHead, parts } from "./parts.ts";

/** What the relatives of Llama change in it, with the defaults of their config classes. */
export interface LlamaVariant {
  readonly defaults: {
    readonly vocabulary: number;
    readonly width: number;
    readonly mlpWidth: number;
    readonly blocks: number;
    readonly heads: number;
    /** null: as many as query heads */
    readonly kvHeads: number | null;
    /** null: width / heads */
    readonly headWidth: number | null;
    readonly positions: number;
    readonly epsilon?: number;
    readonly rotaryBase?: number;
    readonly tied?: boolean;
  };
  readonly activation?: { readonly key: string; readonly fallback: string };
  /** whether norms multiply by 1 + weight */
  readonly scalePlusOne?: boolean;
  readonly biases: { readonly qkv: boolean; readonly output: boolean; readonly mlp: boolean };
  /** fields of block i's attention that differ; `norm` makes an RMS norm of a name inside the block */
  attention?(block: number, norm: BlockNorm, shape: AttentionSpec): Partial<AttentionSpec>;
  /** fields of the block that differ */
  block?(norm: BlockNorm): Partial<BlockSpec>;
}

type BlockNorm = (name: string, width?: number) => NormSpec;

/** Reads a config with Llama's keys and tensor names. */
export function llamaLike(config: Config, variant: LlamaVariant): DecoderSpec {
  const { defaults, biases } = variant;
  const width = config.count("hidden_size", defaults.width);
  const vocabulary = config.count("vocab_size", defaults.vocabulary);
  const mlpWidth = config.count("intermediate_size", defaults.mlpWidth);
  const blocks = config.count("num_hidden_layers", defaults.blocks);
  const heads = config.count("num_attention_heads", defaults.heads);
  const epsilon = config.number("rms_norm_eps", defaults.epsilon ?? 1e-6);
  const shape = config.heads({
    heads,
    kvHeads: config.optional("num_key_value_heads", defaults.kvHeads) ?? heads,
    headWidth: config.optional("head_dim", defaults.headWidth),
    width,
  });
  const { kvHeads, headWidth } = shape;
  const activation = config.activation(variant.activation?.key ?? "hidden_act", variant.activation?.fallback ?? "silu");
  const part = parts(["model.", ""]);
  const rotary = rotaryOf(config, { headWidth, base: defaults.rotaryBase });

  const rmsNorm = (name: string, normWidth = width): NormSpec =>
    part.rmsNorm(name, normWidth, epsilon, { scalePlusOne: variant.scalePlusOne });

  const block = (index: number): BlockSpec => {
    const names = `layers.${index}`;
    const norm: BlockNorm = (name, normWidth) => rmsNorm(`${names}.${name}`, normWidth);
    const projection = (name: string, count: number) =>
      part.linear(`${names}.self_attn.${name}`, width, count * headWidth, { bias: biases.qkv });
    const attention: AttentionSpec = {
      ...shape,
      projections: {
        kind: "separate",
        query: projection("q_proj", heads),
        key: projection("k_proj", kvHeads),
        value: projection("v_proj", kvHeads),
      },
      rotary,
      scale: headWidth ** -0.5,
      output: part.linear(`${names}.self_attn.o_proj`, heads * headWidth, width, { bias: biases.output }),
    };
    return {
      residual: "sequential",
      attention: { ...attention, ...variant.attention?.(index, norm, attention) },
      mlp: {
        kind: "gated",
        activation,
        gate: part.linear(`${names}.mlp.gate_proj`, width, mlpWidth, { bias: biases.mlp }),
        up: part.linear(`${names}.mlp.up_proj`, width, mlpWidth, { bias: biases.mlp }),
        down: part.linear(`${names}.mlp.down_proj`, mlpWidth, width, { bias: biases.mlp }),
      },
      norms: {
        beforeAttention: norm("input_layernorm"),
        beforeMlp: norm("post_attention_layernorm"),
      },
      residualScale: 1,
      ...variant.block?.(norm),
    };
  };

  const { tokens, linear } = embeddingAndHead(
    part.tensor("embed_tokens.weight", [vocabulary, width]),
    parts([""]).tensor("lm_head.weight", [vocabulary, width]),
    { tied: config.flag("tie_word_embeddings", defaults.tied ?? false) },
  );
  return {
    architecture: config.architecture,
    width,
    vocabulary,
    positions: config.count("max_position_embeddings", defaults.positions),
    embedding: { tokens, scale: 1 },
    blocks: Array.from({ length: blocks }, (_, index) => block(index)),
    finalNorm: rmsNorm("norm"),
    head: { linear, scale: 1 },
  };
}

export function llama(config: Config): DecoderSpec {
  const attentionBias = config.flag("attention_bias", false);
  return llamaLike(config, {
    defaults: {
      vocabulary: 32000,
      width: 4096,
      mlpWidth: 11008,
      blocks: 32,
      heads: 32,
      kvHeads: null,
      headWidth: null,
      positions: 2048,
    },
    biases: { qkv: attentionBias, output: attentionBias, mlp: config.flag("mlp_bias", false) },
  });
}
