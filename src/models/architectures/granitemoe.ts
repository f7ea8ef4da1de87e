/**
 * Granite MoE (`GraniteMoeForCausalLM`; Granite 3 1B and 3B), with a shared expert (`GraniteMoeSharedForCausalLM`), and
 * Granite 4 (`GraniteMoeHybridForCausalLM`) where all of its blocks are attention: Granite whose MLP is a choice of experts,
 * kept in one tensor for all gates and ups and one for all downs, a shared one, or both.
 */
import type { Config } from "../config-keys.ts";
import type { DecoderSpec, FusedGatedMlpSpec, LinearSpec, MlpSpec } from "../spec.ts";
import { choice } from "./experts.ts";
import { granite } from "./granite.ts";
import { parts } from "./parts.ts";

/** `routed`: whether there are experts to choose from; `sharedWidth` 0: none that every token goes through. */
function withExperts(config: Config, { routed, sharedWidth }: { routed: boolean; sharedWidth: number }): DecoderSpec {
  const { experts, perToken } = routed
    ? choice(config, ["num_local_experts"], { experts: 8, perToken: 2 })
    : { experts: 0, perToken: 0 };
  const mlpWidth = config.count("intermediate_size", 11008);
  const activation = config.activation("hidden_act", "silu");
  const part = parts(["model.", ""]);
  const spec = granite(config);
  const { width } = spec;

  const mlp = (block: number): MlpSpec => {
    const shared: FusedGatedMlpSpec = {
      kind: "gated-fused",
      activation,
      gateAndUp: part.linear(`layers.${block}.shared_mlp.input_linear`, width, 2 * sharedWidth),
      down: part.linear(`layers.${block}.shared_mlp.output_linear`, sharedWidth, width),
    };
    if (!routed) return shared;
    const names = `layers.${block}.block_sparse_moe`;
    const gatesAndUps = part.tensor(`${names}.input_linear.weight`, [experts, 2 * mlpWidth, width]);
    const downs = part.tensor(`${names}.output_linear.weight`, [experts, width, mlpWidth]);
    const entryOf = (weight: LinearSpec["weight"], entry: number): LinearSpec => {
      const [, outputs, inputs] = weight.shape;
      return { weight, layout: "out-in", inputs, outputs, entry };
    };
    return {
      kind: "experts",
      perToken,
      weights: "of-chosen",
      router: part.linear(`${names}.router.layer`, width, experts),
      experts: Array.from({ length: experts }, (_, expert) => ({
        kind: "gated-fused",
        activation,
        gateAndUp: entryOf(gatesAndUps, expert),
        down: entryOf(downs, expert),
      })),
      ...(sharedWidth > 0 && { shared: { mlp: shared } }),
    };
  };
  return { ...spec, blocks: spec.blocks.map((block, index) => ({ ...block, mlp: mlp(index) })) };
}

/** A count that may be 0. */
const countOrNone = (config: Config, key: string, fallback: number): number =>
  config.raw(key) === 0 || (fallback === 0 && config.raw(key) === undefined) ? 0 : config.count(key, fallback);

export const graniteMoe = (config: Config): DecoderSpec => withExperts(config, { routed: true, sharedWidth: 0 });

export const graniteMoeShared = (config: Config): DecoderSpec =>
  withExperts(config, { routed: true, sharedWidth: countOrNone(config, "shared_intermediate_size", 0) });

/** @throws LossyscopeError `unsupported` where a block is no attention */
export function graniteMoeHybrid(config: Config): DecoderSpec {
  const attention = ["attention", "full_attention"];
  const kinds = config.perBlock(["layer_types", "layers_block_type"], config.count("num_hidden_layers", 32), [
    ...attention,
    "linear_attention",
    "mamba",
  ]) ?? ["linear_attention"];
  const other = kinds.find((kind) => !attention.includes(kind));
  if (other !== undefined)
    throw config.unsupported(
      "layer_types",
      other,
      "attention on every block; missing for the others: the selective scan of state-space models",
    );
  config.only("position_embedding_type", "rope", "nope");
  const spec = withExperts(config, {
    routed: countOrNone(config, "num_local_experts", 8) > 0,
    sharedWidth: config.count("shared_intermediate_size", 1024),
  });
  if (config.raw("position_embedding_type") === "rope") return spec;
  return {
    ...spec,
    blocks: spec.blocks.map((block) => ({ ...block, attention: { ...block.attention, rotary: undefined } })),
  };
}
