/** Estimates from dumped states in one call: a temporary folder, and what is usual where nothing is said. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EstimateOptions, type Estimation, estimate as estimated } from "../measure/states/estimate.ts";

/** What an estimate takes where nothing is said. */
export const ESTIMATE = { m: 100, points: null, temperature: "bound", seed: 0 } as const;

/**
 * Estimates, layer by layer, what hidden states in a file know of the labels beside them (METHODS §2).
 * @param path safetensors with `z [N,d]`, or `resid.{layer} [N,d]`, or `hidden_states [N,layers,d]` with `token_ids [N]`;
 * every other integer tensor `[N]` is a label set, `doc [N]` names the documents
 * @param options 100 reference points from seed 0 and the temperature `bound` where they say nothing
 * @throws LossyscopeError `input` where the file does not hold what it should, `usage` where an option does not fit it,
 * `interrupted`
 */
export async function estimate(
  path: string,
  options: Partial<Omit<EstimateOptions, "folder">> = {},
): Promise<Estimation> {
  const folder = await mkdtemp(join(tmpdir(), "lossyscope-estimate-"));
  try {
    return await estimated(path, { ...ESTIMATE, ...options, folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
