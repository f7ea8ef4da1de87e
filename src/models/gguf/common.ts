/** What the readers of every architecture's keys share (`architectures.ts`): sizes, norms, the rotation. */
import { shown } from "../../numeric/errors.ts";
import type { StoredTensor } from "../sources/tensor-source.ts";
import type { Keys } from "./keys.ts";

/** As config.json has it. */
export type Config = Readonly<Record<string, unknown>>;

/** What the reading of a config may look at besides its keys. */
export interface Tensors {
  locate(name: string): Pick<StoredTensor, "shape"> | undefined;
  /** values of a small tensor; undefined where it is absent */
  numbers(name: string): readonly number[] | undefined;
}

/** What all of them say alike, under Llama's keys. */
export function common(keys: Keys, tensors: Tensors): Config {
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

export const rms = (keys: Keys): Config => ({ rms_norm_eps: keys.number("attention.layer_norm_rms_epsilon") });
export const layerEpsilon = (keys: Keys): number => keys.number("attention.layer_norm_epsilon");
export const noExperts = (keys: Keys): void => {
  keys.only("expert_count", 0);
  keys.only("expert_used_count", 0);
};
export const hasBias = (tensors: Tensors, name: string): boolean => tensors.locate(`blk.0.${name}.bias`) !== undefined;

/** Width of a head that the config means. */
export const headWidthOf = (config: Config): number =>
  Number(config.head_dim ?? Number(config.hidden_size) / Number(config.num_attention_heads));

/** Base and scaling of the rotation; every dimension of a head turns. */
export function rotary(keys: Keys, config: Config): Config {
  keys.only("rope.dimension_count", headWidthOf(config));
  return { rope_theta: keys.number("rope.freq_base", 10_000), rope_scaling: scaling(keys) };
}

export function scaling(keys: Keys): Config | null {
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
export function fraction(keys: Keys, config: Config): number {
  const headWidth = headWidthOf(config);
  return keys.number("rope.dimension_count", headWidth) / headWidth;
}
