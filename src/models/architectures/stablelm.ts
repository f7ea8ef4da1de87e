/**
 * StableLM (`StableLmForCausalLM`; StableLM 3B, StableLM 2): Llama with layer norms, rotation of a part of each head, and
 * optionally biases on queries, keys and values, a norm of its own for every head, and a parallel residual with one norm.
 * Earlier files of the same models call themselves `stablelm_epoch` and two of their keys otherwise.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec, QueryKeyNormSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";
import { parts } from "./parts.ts";

export function stablelm(config: Config): DecoderSpec {
  const epsilon = config.number(["layer_norm_eps", "norm_eps"], 1e-5);
  const perHead = config.flag("qk_layernorm", false);
  const parallel = config.flag("use_parallel_residual", false);
  const fractionKeys = ["partial_rotary_factor", ...(config.architecture === "stablelm_epoch" ? ["rope_pct"] : [])];
  const part = parts(["model.", ""]);
  const headNorm = (names: string, heads: number, width: number): QueryKeyNormSpec => ({
    over: "each-head",
    norm: { kind: "layer", width, epsilon, scalePlusOne: false },
    scales: Array.from({ length: heads }, (_, head) => part.tensor(`${names}.norms.${head}.weight`, [width])),
  });
  const spec = llamaLike(config, {
    defaults: {
      vocabulary: 50304,
      width: 2560,
      mlpWidth: 6912,
      blocks: 32,
      heads: 32,
      kvHeads: 32,
      headWidth: null,
      positions: 4096,
    },
    rotary: { fraction: 0.25, fractionKeys },
    biases: { qkv: config.flag("use_qkv_bias", false), output: false, mlp: false },
    attention: (block, _, { heads, kvHeads, headWidth }) => ({
      ...(perHead && {
        queryNorm: headNorm(`layers.${block}.self_attn.q_layernorm`, heads, headWidth),
        keyNorm: headNorm(`layers.${block}.self_attn.k_layernorm`, kvHeads, headWidth),
      }),
    }),
  });
  const norm = (name: string) => part.layerNorm(name, spec.width, epsilon);
  return {
    ...spec,
    blocks: spec.blocks.map((block, index) => ({
      ...block,
      residual: parallel ? "parallel-one-norm" : "sequential",
      norms: {
        beforeAttention: norm(`layers.${index}.input_layernorm`),
        ...(!parallel && { beforeMlp: norm(`layers.${index}.post_attention_layernorm`) }),
      },
    })),
    finalNorm: norm("norm"),
  };
}
