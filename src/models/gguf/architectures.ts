/**
 * The architectures that GGUF files name (`general.architecture`): from their metadata to what the `config.json` of the
 * same model says, and what their tensors are called there. What the config means is then `models/architectures/`'s, as
 * for a folder. An activation or a default that GGUF does not carry is the architecture's own.
 */
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import type { StoredTensor } from "../sources/tensor-source.ts";
import type { Keys } from "./keys.ts";
import type { Names } from "./names.ts";
import * as named from "./names-of.ts";

type Config = Readonly<Record<string, unknown>>;

/** What the reading of a config may look at besides its keys. */
export interface Tensors {
  locate(name: string): Pick<StoredTensor, "shape"> | undefined;
  /** values of a small tensor; undefined where it is absent */
  numbers(name: string): readonly number[] | undefined;
}

export interface GgufArchitecture {
  readonly config: (keys: Keys, tensors: Tensors) => Config;
  readonly names: (keys: Keys, tensors: Tensors) => Names;
  /** whether queries and keys are stored with the two dimensions that turn together side by side (llama.cpp's order) */
  readonly neighbours?: boolean;
}

/** What all of them say alike, under Llama's keys. */
function common(keys: Keys, tensors: Tensors): Config {
  const heads = keys.number("attention.head_count");
  const headWidth = keys.optional("attention.key_length");
  if (headWidth !== undefined) keys.only("attention.value_length", headWidth);
  keys.only("attention.causal", true);
  return {
    hidden_size: keys.number("embedding_length"),
    intermediate_size: keys.number("feed_forward_length"),
    num_hidden_layers: keys.number("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: keys.number("attention.head_count_kv", heads),
    max_position_embeddings: keys.number("context_length"),
    vocab_size: tensors.locate("token_embd.weight")?.shape[0],
    tie_word_embeddings: tensors.locate("output.weight") === undefined,
    ...(headWidth !== undefined && { head_dim: headWidth }),
  };
}

const rms = (keys: Keys): Config => ({ rms_norm_eps: keys.number("attention.layer_norm_rms_epsilon") });
const layerEpsilon = (keys: Keys): number => keys.number("attention.layer_norm_epsilon");
const noExperts = (keys: Keys): void => {
  keys.only("expert_count", 0);
  keys.only("expert_used_count", 0);
};
const hasBias = (tensors: Tensors, name: string): boolean => tensors.locate(`blk.0.${name}.bias`) !== undefined;

/** Width of a head that the config means. */
const headWidthOf = (config: Config): number =>
  Number(config.head_dim ?? Number(config.hidden_size) / Number(config.num_attention_heads));

/** Base and scaling of the rotation; every dimension of a head turns. */
function rotary(keys: Keys, config: Config): Config {
  keys.only("rope.dimension_count", headWidthOf(config));
  return { rope_theta: keys.number("rope.freq_base", 10_000), rope_scaling: scaling(keys) };
}

function scaling(keys: Keys): Config | null {
  const type = keys.text("rope.scaling.type", "none");
  const older = keys.optional("rope.scale_linear");
  const factor = keys.optional("rope.scaling.factor") ?? older;
  if (type === "none" && older === undefined) return null;
  if (type === "linear" || type === "none") return { rope_type: "linear", factor };
  if (type !== "yarn") throw keys.unsupported("rope.scaling.type", `is ${shown(type)}`, "none, linear, yarn");
  const [fast, slow] = [keys.optional("rope.scaling.yarn_beta_fast"), keys.optional("rope.scaling.yarn_beta_slow")];
  return {
    rope_type: "yarn",
    factor,
    original_max_position_embeddings: keys.number("rope.scaling.original_context_length"),
    ...(fast !== undefined && { beta_fast: fast }),
    ...(slow !== undefined && { beta_slow: slow }),
  };
}

/** Part of a head that turns. */
function fraction(keys: Keys, config: Config): number {
  const headWidth = headWidthOf(config);
  return keys.number("rope.dimension_count", headWidth) / headWidth;
}

/** Llama and what is converted as it: Mistral, Mixtral, SmolLM2. */
function llama(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  const turns = rotary(keys, config);
  const experts = keys.unlessZero("expert_count");
  const window = keys.unlessZero("attention.sliding_window");
  if (experts !== undefined)
    return {
      model_type: "mixtral",
      ...config,
      ...turns,
      num_local_experts: experts,
      num_experts_per_tok: keys.number("expert_used_count"),
      sliding_window: window ?? null,
    };
  keys.only("expert_used_count", 0);
  if (window !== undefined) return { model_type: "mistral", ...config, ...turns, sliding_window: window };
  const biases = { attention_bias: hasBias(tensors, "attn_q"), mlp_bias: hasBias(tensors, "ffn_up") };
  return { model_type: "llama", ...config, ...turns, ...biases };
}

function granite(keys: Keys, tensors: Tensors): Config {
  noExperts(keys);
  const config = { ...common(keys, tensors), ...rms(keys) };
  return {
    model_type: "granite",
    ...config,
    ...rotary(keys, config),
    attention_bias: hasBias(tensors, "attn_q"),
    mlp_bias: hasBias(tensors, "ffn_up"),
    attention_multiplier: keys.number("attention.scale"),
    embedding_multiplier: keys.number("embedding_scale"),
    residual_multiplier: keys.number("residual_scale"),
    logits_scaling: keys.number("logit_scale"),
  };
}

function qwen2(keys: Keys, tensors: Tensors): Config {
  noExperts(keys);
  const config = { ...common(keys, tensors), ...rms(keys) };
  return { model_type: "qwen2", ...config, ...rotary(keys, config), use_sliding_window: false };
}

function qwen3(keys: Keys, tensors: Tensors): Config {
  noExperts(keys);
  const config = { ...common(keys, tensors), ...rms(keys) };
  return { model_type: "qwen3", ...config, ...rotary(keys, config), attention_bias: hasBias(tensors, "attn_q") };
}

function olmo2(keys: Keys, tensors: Tensors): Config {
  keys.only("attention.sliding_window", 0);
  const config = { ...common(keys, tensors), ...rms(keys) };
  return { model_type: "olmo2", ...config, ...rotary(keys, config), attention_bias: hasBias(tensors, "attn_q") };
}

/** Blocks of the largest Gemmas, whose scores are scaled by width over heads instead of the head's width. */
const GEMMA2_LARGEST = 46;
const GEMMA3_LARGEST = 62;

function gemmaScale(config: Config, largest: number): number {
  const isLargest = config.num_hidden_layers === largest;
  return isLargest ? Number(config.hidden_size) / Number(config.num_attention_heads) : headWidthOf(config);
}

function gemma2(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  return {
    model_type: "gemma2",
    ...config,
    ...rotary(keys, config),
    query_pre_attn_scalar: gemmaScale(config, GEMMA2_LARGEST),
    attn_logit_softcapping: keys.number("attn_logit_softcapping"),
    final_logit_softcapping: keys.number("final_logit_softcapping"),
    sliding_window: keys.number("attention.sliding_window"),
  };
}

function gemma3(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  const pattern = keys.optional("attention.sliding_window_pattern");
  const { rope_scaling: stretched } = rotary(keys, config);
  return {
    model_type: "gemma3_text",
    ...config,
    rope_theta: keys.number("rope.freq_base", 1_000_000),
    rope_scaling: stretched,
    rope_local_base_freq: keys.number("rope.freq_base_swa", 10_000),
    query_pre_attn_scalar: gemmaScale(config, GEMMA3_LARGEST),
    final_logit_softcapping: keys.unlessZero("final_logit_softcapping") ?? null,
    sliding_window: keys.number("attention.sliding_window"),
    ...(pattern !== undefined && { sliding_window_pattern: pattern }),
  };
}

function phi3(keys: Keys, tensors: Tensors): Config {
  const config = { ...common(keys, tensors), ...rms(keys) };
  const short = tensors.numbers("rope_factors_short.weight");
  const long = tensors.numbers("rope_factors_long.weight");
  const original = keys.optional("rope.scaling.original_context_length");
  const attention = keys.optional("rope.scaling.attn_factor");
  const type = keys.text("rope.scaling.type", "none");
  if (short === undefined && type !== "none" && type !== "longrope")
    throw keys.unsupported("rope.scaling.type", `is ${shown(type)}`, "none, longrope");
  return {
    model_type: "phi3",
    ...config,
    rope_theta: keys.number("rope.freq_base", 10_000),
    partial_rotary_factor: fraction(keys, config),
    ...(original !== undefined && { original_max_position_embeddings: original }),
    rope_scaling: short && {
      rope_type: "longrope",
      short_factor: short,
      long_factor: long,
      ...(attention !== undefined && { attention_factor: attention }),
    },
    sliding_window: keys.unlessZero("attention.sliding_window") ?? null,
  };
}

function gpt2(keys: Keys, tensors: Tensors): Config {
  const { hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, ...config } = common(keys, tensors);
  keys.only("attention.head_count_kv", Number(num_attention_heads));
  return {
    model_type: "gpt2",
    n_embd: hidden_size,
    n_inner: intermediate_size,
    n_layer: num_hidden_layers,
    n_head: num_attention_heads,
    n_positions: config.max_position_embeddings,
    vocab_size: config.vocab_size,
    tie_word_embeddings: config.tie_word_embeddings,
    layer_norm_epsilon: layerEpsilon(keys),
  };
}

function gptNeox(keys: Keys, tensors: Tensors): Config {
  const config = common(keys, tensors);
  return {
    model_type: "gpt_neox",
    ...config,
    layer_norm_eps: layerEpsilon(keys),
    rotary_pct: fraction(keys, config),
    rotary_emb_base: keys.number("rope.freq_base", 10_000),
    use_parallel_residual: keys.flag("use_parallel_residual", true),
  };
}

function stablelm(keys: Keys, tensors: Tensors): Config {
  const config = common(keys, tensors);
  return {
    model_type: "stablelm",
    ...config,
    layer_norm_eps: layerEpsilon(keys),
    partial_rotary_factor: fraction(keys, config),
    rope_theta: keys.number("rope.freq_base", 10_000),
    rope_scaling: scaling(keys),
    // The key says true of models that are sequential; the second norm tells.
    use_parallel_residual: keys.raw("use_parallel_residual") !== false && !tensors.locate("blk.0.ffn_norm.weight"),
    use_qkv_bias: hasBias(tensors, "attn_q"),
    qk_layernorm: tensors.locate("blk.0.attn_q_norm.weight") !== undefined,
  };
}

function starcoder2(keys: Keys, tensors: Tensors): Config {
  const config = common(keys, tensors);
  return {
    model_type: "starcoder2",
    ...config,
    ...rotary(keys, config),
    norm_epsilon: layerEpsilon(keys),
    use_bias: hasBias(tensors, "ffn_up"),
    sliding_window: keys.unlessZero("attention.sliding_window") ?? null,
  };
}

const hasTwoNorms = (tensors: Tensors): boolean => tensors.locate("blk.0.attn_norm_2.weight") !== undefined;

function falcon(keys: Keys, tensors: Tensors): Config {
  const config = common(keys, tensors);
  const twoNorms = hasTwoNorms(tensors);
  const kvHeads = Number(config.num_key_value_heads);
  const isNew = twoNorms || kvHeads > 1;
  const base = keys.optional("rope.freq_base");
  if (isNew && !twoNorms && base === undefined)
    throw new LossyscopeError(
      "unsupported",
      "a Falcon of the kind of 11B, whose file does not say the base of its rotation (falcon.rope.freq_base)",
      "use the model's folder of safetensors",
    );
  return {
    model_type: "falcon",
    ...config,
    ffn_hidden_size: config.intermediate_size,
    layer_norm_epsilon: layerEpsilon(keys),
    rope_theta: base ?? 10_000,
    rope_scaling: scaling(keys),
    alibi: false,
    parallel_attn: true,
    bias: hasBias(tensors, "attn_qkv"),
    new_decoder_architecture: isNew,
    multi_query: true,
    ...(isNew && { num_kv_heads: kvHeads, num_ln_in_parallel_attn: twoNorms ? 2 : 1 }),
  };
}

const ARCHITECTURES: ReadonlyMap<string, GgufArchitecture> = new Map<string, GgufArchitecture>([
  [
    "falcon",
    {
      config: falcon,
      names: (_, tensors) => (hasTwoNorms(tensors) ? named.FALCON_OF_TWO_NORMS : named.FALCON),
    },
  ],
  ["gemma2", { config: gemma2, names: () => named.GEMMA }],
  ["gemma3", { config: gemma3, names: () => named.GEMMA }],
  ["gpt2", { config: gpt2, names: () => named.GPT2 }],
  ["gptneox", { config: gptNeox, names: () => named.GPT_NEOX }],
  ["granite", { config: granite, names: () => named.LLAMA, neighbours: true }],
  [
    "llama",
    {
      config: llama,
      names: (keys) => (keys.unlessZero("expert_count") === undefined ? named.LLAMA : named.MIXTRAL),
      neighbours: true,
    },
  ],
  ["olmo2", { config: olmo2, names: () => named.OLMO2 }],
  ["phi3", { config: phi3, names: () => named.PHI3 }],
  ["qwen2", { config: qwen2, names: () => named.LLAMA }],
  ["qwen3", { config: qwen3, names: () => named.LLAMA }],
  ["stablelm", { config: stablelm, names: () => named.STABLELM }],
  ["starcoder2", { config: starcoder2, names: () => named.STARCODER2 }],
]);

/** What `general.architecture` may be. */
export const ggufArchitectures: readonly string[] = [...ARCHITECTURES.keys()];

/** @throws LossyscopeError `unsupported` for one that is not read, by name */
export function ggufArchitecture(name: unknown): GgufArchitecture {
  const found = typeof name === "string" ? ARCHITECTURES.get(name) : undefined;
  if (found) return found;
  throw new LossyscopeError(
    "unsupported",
    name === undefined
      ? "the metadata has no general.architecture"
      : `the architecture ${shown(name)} is not read from GGUF`,
    `supported: ${ggufArchitectures.join(", ")}; or the model's folder of safetensors`,
  );
}
