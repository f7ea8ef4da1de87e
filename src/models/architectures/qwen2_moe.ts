/**
 * Qwen 1.5 and 2 MoE (`Qwen2MoeForCausalLM`): Qwen 2 whose MLP is a choice of experts, beside one that every token goes
 * through, behind a gate of its own; a window on every other block where `use_sliding_window` says so.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec } from "../spec.ts";
import { choice, choosing, expertWeights, sparseBlocks } from "./experts.ts";
import { llamaLike } from "./llama.ts";
import { gatedMlp } from "./parts.ts";

export function qwen2Moe(config: Config): DecoderSpec {
  const of = { ...choice(config, ["num_experts"], { experts: 60, perToken: 4 }), weights: expertWeights(config) };
  const expertWidth = config.count("moe_intermediate_size", 1408);
  const sharedWidth = config.count("shared_expert_intermediate_size", 5632);
  const window = config.flag("use_sliding_window", false) ? config.optional("sliding_window", 4096) : null;
  const types = config.perBlock("layer_types", config.count("num_hidden_layers", 24), [
    "full_attention",
    "sliding_attention",
  ]);
  if (types?.includes("sliding_attention") && window === null)
    throw config.unsupported("layer_types", types, "sliding_attention with use_sliding_window and a sliding_window");
  const most = config.number("max_window_layers", 28);
  const slides = (block: number): boolean =>
    types ? types[block] === "sliding_attention" : block % 2 === 0 && block < most;
  return llamaLike(config, {
    defaults: {
      vocabulary: 151936,
      width: 2048,
      mlpWidth: 5632,
      blocks: 24,
      heads: 16,
      kvHeads: 16,
      headWidth: null,
      positions: 32768,
    },
    biases: { qkv: config.flag("qkv_bias", true), output: false, mlp: false },
    attention: (block) => (window !== null && slides(block) ? { window } : {}),
    mlp: sparseBlocks(config, (part, names, sizes) => ({
      ...choosing(part, names, { ...sizes, mlpWidth: expertWidth }, of),
      shared: {
        mlp: gatedMlp(part, `${names}.shared_expert`, { ...sizes, mlpWidth: sharedWidth }),
        gate: part.linear(`${names}.shared_expert_gate`, sizes.width, 1),
      },
    })),
  });
}
