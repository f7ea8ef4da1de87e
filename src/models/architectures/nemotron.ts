/**
 * Nemotron (`NemotronForCausalLM`; Nemotron-4, Minitron) and Arcee (`ArceeForCausalLM`; AFM): Llama with a plain MLP of
 * squared ReLU. Nemotron has layer norms that multiply by 1 + weight, and rotates half of each head.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { type LlamaVariant, llamaLike } from "./llama.ts";

function squaredRelu(config: Config, variant: Omit<LlamaVariant, "biases" | "activation" | "mlp">): DecoderSpec {
  const [bias, mlpBias] = [config.flag("attention_bias", false), config.flag("mlp_bias", false)];
  return llamaLike(config, {
    ...variant,
    activation: { key: "hidden_act", fallback: "relu2" },
    biases: { qkv: bias, output: bias, mlp: mlpBias },
    mlp: (_, part, names, { width, mlpWidth, activation }) => ({
      kind: "plain",
      activation,
      up: part.linear(`${names}.up_proj`, width, mlpWidth, { bias: mlpBias }),
      down: part.linear(`${names}.down_proj`, mlpWidth, width, { bias: mlpBias }),
    }),
  });
}

export function nemotron(config: Config): DecoderSpec {
  const epsilon = config.number("norm_eps", 1e-5);
  return squaredRelu(config, {
    defaults: {
      vocabulary: 256000,
      width: 6144,
      mlpWidth: 24576,
      blocks: 32,
      heads: 48,
      kvHeads: null,
      headWidth: null,
      positions: 4096,
    },
    rotary: { fraction: 0.5 },
    norm: (part, name, width) => ({ ...part.layerNorm(name, width, epsilon), scalePlusOne: true }),
  });
}

export const arcee = (config: Config): DecoderSpec =>
  squaredRelu(config, {
    defaults: {
      vocabulary: 32000,
      width: 2560,
      mlpWidth: 18432,
      blocks: 32,
      heads: 32,
      kvHeads: null,
      headWidth: null,
      positions: 4096,
      epsilon: 1e-5,
    },
  });
