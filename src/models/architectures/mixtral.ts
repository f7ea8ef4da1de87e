/**
 * Mixtral (`MixtralForCausalLM`): Llama whose MLP is a choice of experts, the best few by a linear router for every token.
 * Published files keep an expert's three matrices under w1 (gate), w3 (up) and w2 (down).
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec, MlpSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";
import { parts } from "./parts.ts";

export function mixtral(config: Config): DecoderSpec {
  const experts = config.count("num_local_experts", 8);
  const perToken = config.count("num_experts_per_tok", 2);
  if (perToken > experts)
    throw config.unsupported("num_experts_per_tok", perToken, `at most num_local_experts, ${experts}`);
  const mlpWidth = config.count("intermediate_size", 14336);
  const activation = config.activation("hidden_act", "silu");
  const window = config.optional("sliding_window", null);
  const part = parts(["model.", ""]);
  const spec = llamaLike(config, {
    defaults: {
      vocabulary: 32000,
      width: 4096,
      mlpWidth,
      blocks: 32,
      heads: 32,
      kvHeads: 8,
      headWidth: null,
      positions: 131072,
      epsilon: 1e-5,
      rotaryBase: 1_000_000,
    },
    biases: { qkv: false, output: false, mlp: false },
    attention: () => (window === null ? {} : { window }),
  });
  const mlp = (block: number): MlpSpec => {
    const names = `layers.${block}.block_sparse_moe`;
    return {
      kind: "experts",
      perToken,
      weights: "of-chosen",
      router: part.linear(`${names}.gate`, spec.width, experts),
      experts: Array.from({ length: experts }, (_, expert) => ({
        kind: "gated",
        activation,
        gate: part.linear(`${names}.experts.${expert}.w1`, spec.width, mlpWidth),
        up: part.linear(`${names}.experts.${expert}.w3`, spec.width, mlpWidth),
        down: part.linear(`${names}.experts.${expert}.w2`, mlpWidth, spec.width),
      })),
    };
  };
  return { ...spec, blocks: spec.blocks.map((block, index) => ({ ...block, mlp: mlp(index) })) };
}
