/**
 * Phi 3, 3.5 and 4 (`Phi3ForCausalLM`): Llama with one projection to queries, keys and values and one to gate and up,
 * rotation of all or a part of each head, stretched by LongRoPE in the long-context models, and a window on every block
 * where `sliding_window` says so.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { llamaLike } from "./llama.ts";
import { fusedGatedMlp, parts } from "./parts.ts";

export function phi3(config: Config): DecoderSpec {
  const window = config.optional("sliding_window", null);
  const part = parts(["model.", ""]);
  const width = config.count("hidden_size", 3072);
  return llamaLike(config, {
    defaults: {
      vocabulary: 32064,
      width,
      mlpWidth: 8192,
      blocks: 32,
      heads: 32,
      kvHeads: null,
      headWidth: null,
      positions: 4096,
      epsilon: 1e-5,
    },
    rotary: { fraction: 1, scalings: ["longrope"], longropeNames: ["su", "yarn"], originalPositions: 4096 },
    biases: { qkv: false, output: false, mlp: false },
    attention: (block, _, { heads, kvHeads, headWidth }) => ({
      projections: {
        kind: "fused",
        layout: "concatenated",
        linear: part.linear(`layers.${block}.self_attn.qkv_proj`, width, (heads + 2 * kvHeads) * headWidth),
      },
      ...(window !== null && { window }),
    }),
    mlp: (_, part, names, sizes) => fusedGatedMlp(part, names, sizes),
  });
}
