/**
 * Llama (`LlamaForCausalLM`; TinyLlama, SmolLM2, Llama 3): RMS norms before attention and MLP, rotary positions, grouped
 * key-value heads, gated SiLU MLP. The same skeleton with other biases, norms and windows is Mistral, Qwen 2 and 3.
 */
import type { Config } from "../config-keys.ts";
import { type RotaryOptions, rotaryOf } from "../rotary.ts";
import type { Activation, AttentionSpec, BlockSpec, DecoderSpec, MlpSpec, NormSpec } from "../spec.ts";
import { assemble } from "./assemble.ts";
import { gatedMlp, type MlpSizes, type Parts, parts, separateProjections } from "./parts.ts";

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
  readonly activation?: Activation | { readonly key: string; readonly fallback: string };
  /** whether norms multiply by 1 + weight */
  readonly scalePlusOne?: boolean;
  readonly biases: { readonly qkv: boolean; readonly output: boolean; readonly mlp: boolean };
  readonly rotary?: Omit<RotaryOptions, "headWidth" | "positions">;
  /** every norm, where it is not RMS with `rms_norm_eps` */
  norm?(part: Parts, name: string, width: number): NormSpec;
  /** fields of block i's attention that differ; `norm` makes a norm of a name inside the block */
  attention?(block: number, norm: BlockNorm, shape: AttentionSpec): Partial<AttentionSpec>;
  /** block i's MLP, where it is not gated with separate maps; `names` is what its tensors' names begin with */
  mlp?(block: number, part: Parts, names: string, sizes: MlpSizes): MlpSpec;
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
  const { headWidth } = shape;
  const { activation: told = { key: "hidden_act", fallback: "silu" } } = variant;
  const activation = typeof told === "string" ? told : config.activation(told.key, told.fallback);
  const part = parts(["model.", ""]);
  const rotary = rotaryOf(config, {
    headWidth,
    base: defaults.rotaryBase,
    positions: defaults.positions,
    ...variant.rotary,
  });

  const normOf = (name: string, normWidth = width): NormSpec =>
    variant.norm?.(part, name, normWidth) ??
    part.rmsNorm(name, normWidth, epsilon, { scalePlusOne: variant.scalePlusOne });

  const block = (index: number): BlockSpec => {
    const names = `layers.${index}`;
    const norm: BlockNorm = (name, normWidth) => normOf(`${names}.${name}`, normWidth);
    const attention: AttentionSpec = {
      ...shape,
      projections: separateProjections(part, `${names}.self_attn`, width, shape, { bias: biases.qkv }),
      rotary,
      scale: headWidth ** -0.5,
      output: part.linear(`${names}.self_attn.o_proj`, heads * headWidth, width, { bias: biases.output }),
    };
    return {
      residual: "sequential",
      attention: { ...attention, ...variant.attention?.(index, norm, attention) },
      mlp:
        variant.mlp?.(index, part, `${names}.mlp`, { width, mlpWidth, activation }) ??
        gatedMlp(part, `${names}.mlp`, { width, mlpWidth, activation }, { bias: biases.mlp }),
      norms: {
        beforeAttention: norm("input_layernorm"),
        beforeMlp: norm("post_attention_layernorm"),
      },
      residualScale: 1,
      ...variant.block?.(norm),
    };
  };

  return assemble(config, {
    width,
    vocabulary,
    positions: config.count("max_position_embeddings", defaults.positions),
    part,
    tokens: { name: "embed_tokens", tied: defaults.tied ?? false },
    blocks: Array.from({ length: blocks }, (_, index) => block(index)),
    finalNorm: normOf("norm"),
  });
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
