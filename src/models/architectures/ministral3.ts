/**
 * Ministral 3 (`Ministral3ForCausalLM`): Mistral stretched by YaRN, whose queries grow with their position once that passes
 * the positions of the original context.
 */
import { Config } from "../config-keys.ts";
import { parametersOf } from "../rotary.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

/** What a config without any rotary parameters means. */
const STRETCHED = {
  type: "yarn",
  rope_theta: 1_000_000,
  factor: 16,
  original_max_position_embeddings: 16384,
  beta_fast: 32,
  beta_slow: 1,
  mscale_all_dim: 1,
  mscale: 1,
  llama_4_scaling_beta: 0.1,
};

export function ministral3(given: Config): DecoderSpec {
  const told = parametersOf(given);
  const config = told ? given : new Config({ ...given.values, rope_parameters: STRETCHED });
  const parameters = told ?? new Config(STRETCHED);
  const growth = {
    beta: parameters.number("llama_4_scaling_beta"),
    positions: parameters.count("original_max_position_embeddings"),
  };
  const window = config.optional("sliding_window", null);
  return llamaLike(config, {
    defaults: {
      vocabulary: 131072,
      width: 4096,
      mlpWidth: 14336,
      blocks: 34,
      heads: 32,
      kvHeads: 8,
      headWidth: 128,
      positions: 262144,
      epsilon: 1e-5,
    },
    biases: { qkv: false, output: false, mlp: false },
    attention: () => ({ growth, ...(window !== null && { window }) }),
  });
}
