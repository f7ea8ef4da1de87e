/**
 * MLPs that choose among experts, under the names that Qwen and its relatives give them: `gate` (the router),
 * `experts.N.gate_proj`, `up_proj` and `down_proj`. Which blocks have them, `decoder_sparse_step` and `mlp_only_layers` say.
 */
import type { Config } from "../config-keys.ts";
import type { MlpSpec } from "../spec.ts";
import type { LlamaVariant } from "./llama.ts";
import { gatedMlp, type MlpSizes, type Parts } from "./parts.ts";

type ExpertsSpec = Extract<MlpSpec, { kind: "experts" }>;

/** @throws LossyscopeError `unsupported` where more experts are to be chosen than there are */
export function choice(config: Config, expertKeys: readonly string[], defaults: { experts: number; perToken: number }) {
  const experts = config.count(expertKeys, defaults.experts);
  const perToken = config.count("num_experts_per_tok", defaults.perToken);
  if (perToken > experts)
    throw config.unsupported("num_experts_per_tok", perToken, `at most ${expertKeys[0]}, ${experts}`);
  return { experts, perToken };
}

/** Experts under `names`, `of` of them, each as wide as `sizes` says. */
export function choosing(
  part: Parts,
  names: string,
  sizes: MlpSizes,
  of: { readonly experts: number; readonly perToken: number; readonly weights: ExpertsSpec["weights"] },
): ExpertsSpec {
  return {
    kind: "experts",
    perToken: of.perToken,
    weights: of.weights,
    router: part.linear(`${names}.gate`, sizes.width, of.experts),
    experts: Array.from({ length: of.experts }, (_, expert) => gatedMlp(part, `${names}.experts.${expert}`, sizes)),
  };
}

/** How the weights of the chosen are scaled: `norm_topk_prob`, absent false. */
export const expertWeights = (config: Config): ExpertsSpec["weights"] =>
  config.flag("norm_topk_prob", false) ? "of-chosen" : "of-all";

/** Experts on the blocks that have them; the others have a gated MLP of `intermediate_size`. */
export function sparseBlocks(
  config: Config,
  expertsOf: (part: Parts, names: string, sizes: MlpSizes) => MlpSpec,
): NonNullable<LlamaVariant["mlp"]> {
  const step = config.count("decoder_sparse_step", 1);
  const dense = new Set(config.blockNumbers("mlp_only_layers"));
  return (block, part, names, sizes) =>
    dense.has(block) || (block + 1) % step !== 0 ? gatedMlp(part, names, sizes) : expertsOf(part, names, sizes);
}
