/**
 * HunYuan, dense (`HunYuanDenseV1ForCausalLM`; 0.5B to 7B): Llama with an RMS norm of the head's width on queries and keys
 * after they have turned, by a base that a fixed `alpha` stretches.
 */
import type { Config } from "../config-keys.ts";
import { parametersOf, rotaryOf, scalingType } from "../rotary.ts";
import type { DecoderSpec, RotarySpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";

/** `dynamic` scaling with an `alpha` is another base, at every length. */
function stretched(config: Config, headWidth: number): RotarySpec {
  const rotary = rotaryOf(config, { headWidth, positions: 2048 });
  const parameters = parametersOf(config);
  const alpha = parameters?.optional("alpha", null);
  if (!parameters || !alpha || scalingType(parameters) !== "dynamic") return rotary;
  return { ...rotary, base: rotary.base * alpha ** (headWidth / (headWidth - 2)) };
}

export function hunyuanDense(config: Config): DecoderSpec {
  const bias = config.flag("attention_bias", false);
  return llamaLike(config, {
    defaults: {
      vocabulary: 290943,
      width: 4096,
      mlpWidth: 11008,
      blocks: 32,
      heads: 32,
      kvHeads: null,
      headWidth: null,
      positions: 2048,
      epsilon: 1e-5,
    },
    biases: { qkv: bias, output: bias, mlp: false },
    attention: (_, norm, { headWidth }) => ({
      rotary: stretched(config, headWidth),
      queryNorm: { over: "turned-head", norm: norm("self_attn.query_layernorm", headWidth) },
      keyNorm: { over: "turned-head", norm: norm("self_attn.key_layernorm", headWidth) },
    }),
  });
}
