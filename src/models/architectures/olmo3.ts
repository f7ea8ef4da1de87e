/**
 * OLMo 3 (`Olmo3ForCausalLM`): OLMo 2 with a window on three blocks of four. A scaling of the rotation acts on the blocks
 * without a window alone.
 */
import type { Config } from "../config-keys.ts";
import { rotaryOf } from "../rotary.ts";
import type { DecoderSpec } from "../spec.ts";
import { olmo2 } from "./olmo2.ts";

const BASE = 500_000;

export function olmo3(config: Config): DecoderSpec {
  const blocks = config.count("num_hidden_layers", 32);
  const window = config.count("sliding_window", 4096);
  const types = config.perBlock("layer_types", blocks, ["full_attention", "sliding_attention"]);
  // As transformers reads it, another base would be that of the blocks without a window alone.
  if (!config.section("rope_parameters")?.section("sliding_attention")) config.only("rope_theta", BASE);
  const slides = (block: number): boolean => (types ? types[block] === "sliding_attention" : (block + 1) % 4 !== 0);
  const spec = olmo2(config, { base: BASE, layerType: "full_attention" });
  const sliding = (headWidth: number) =>
    rotaryOf(config, { headWidth, positions: 2048, base: BASE, layerType: "sliding_attention", scalingKeys: [] });
  return {
    ...spec,
    blocks: spec.blocks.map((block, index) => ({
      ...block,
      attention: {
        ...block.attention,
        ...(slides(index) && { window, rotary: sliding(block.attention.headWidth) }),
      },
    })),
  };
}
