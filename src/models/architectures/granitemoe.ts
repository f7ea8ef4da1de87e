/**
 * Granite MoE (`GraniteMoeForCausalLM`; Granite 3 1B and 3B) and with a shared expert (`GraniteMoeSharedForCausalLM`):
 * Granite whose MLP is a choice of experts, kept in one tensor for all gates and ups and one for all downs.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec, FusedGatedMlpSpec, LinearSpec, MlpSpec } from "../spec.ts";
import { choice } from "./experts.ts";
import { granite } from "./granite.ts";
import { parts } from "./parts.ts";

function withExperts(config: Config, sharedWidth: number): DecoderSpec {
  const { experts, perToken } = choice(config, ["num_local_experts"], { experts: 8, perToken: 2 });
  const mlpWidth = config.count("intermediate_size", 11008);
  const activation = config.activation("hidden_act", "silu");
  const part = parts(["model.", ""]);
  const spec = granite(config);
  const { width } = spec;

  const mlp = (block: number): MlpSpec => {
    const names = `layers.${block}.block_sparse_moe`;
    const gatesAndUps = part.tensor(`${names}.input_linear.weight`, [experts, 2 * mlpWidth, width]);
    const downs = part.tensor(`${names}.output_linear.weight`, [experts, width, mlpWidth]);
    const map = (weight: LinearSpec["weight"], inputs: number, outputs: number, entry: number): LinearSpec => ({
      weight,
      layout: "out-in",
      inputs,
      outputs,
      entry,
    });
    const shared: FusedGatedMlpSpec = {
      kind: "gated-fused",
      activation,
      gateAndUp: part.linear(`layers.${block}.shared_mlp.input_linear`, width, 2 * sharedWidth),
      down: part.linear(`layers.${block}.shared_mlp.output_linear`, sharedWidth, width),
    };
    return {
      kind: "experts",
      perToken,
      weights: "of-chosen",
      router: part.linear(`${names}.router.layer`, width, experts),
      experts: Array.from({ length: experts }, (_, expert) => ({
        kind: "gated-fused",
        activation,
        gateAndUp: map(gatesAndUps, width, 2 * mlpWidth, expert),
        down: map(downs, mlpWidth, width, expert),
      })),
      ...(sharedWidth > 0 && { shared: { mlp: shared } }),
    };
  };
  return { ...spec, blocks: spec.blocks.map((block, index) => ({ ...block, mlp: mlp(index) })) };
}

export const graniteMoe = (config: Config): DecoderSpec => withExperts(config, 0);

export const graniteMoeShared = (config: Config): DecoderSpec =>
  // 0: no shared expert
  withExperts(
    config,
    config.raw("shared_intermediate_size") === 0 ? 0 : (config.optional("shared_intermediate_size", null) ?? 0),
  );
