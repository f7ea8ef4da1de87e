/**
 * From stored assignments to the informations of one layer: reads the layer back by stretches of bins that fit the memory
 * allowed, takes every population's sums and adds them up (METHODS §2.3–2.5).
 *
 * Memory: `bytes` (1 GiB) for table and sums, or what one bin takes, 4·N + 16·widest, where that is more; beside it 8·N.
 */
import { type LayerInformations, layerInformations, type Resampling } from "../info/informations.ts";
import { addSums, type LayerSums, layerSums, type Population } from "../info/layer.ts";
import type { AssignmentStore } from "./assignment-store.ts";

const LAYER_BYTES = 2 ** 30;

export interface LayerSource {
  readonly store: AssignmentStore;
  /** by arrival, the position of every stored row */
  readonly order: Uint32Array;
  readonly m: number;
  /** memory for the table and the sums of the widest tree; 1 GiB where not given */
  readonly bytes?: number;
}

/**
 * @param layer index in the store
 * @param draw which of the sets of reference points
 * @returns one record a population
 */
export function measureLayer(
  { store, order, m, bytes = LAYER_BYTES }: LayerSource,
  layer: number,
  draw: number,
  populations: readonly Population[],
  options: Resampling,
): LayerInformations[] {
  const widest = Math.max(0, ...populations.flatMap(({ trees }) => trees.map((tree) => tree.widest)));
  const stretch = Math.max(1, Math.min(m, Math.floor(bytes / (4 * order.length + 16 * widest))));
  let sums: LayerSums[] = [];
  for (let first = 0; first < m; first += stretch) {
    const bins = Math.min(stretch, m - first);
    const fixed = store.table(layer, draw * m + first, bins, order);
    const parts = populations.map((population) => layerSums({ fixed, bins, m }, population));
    if (first === 0) sums = parts;
    else for (const [p, part] of parts.entries()) addSums(sums[p], part);
  }
  return sums.map((part, p) => layerInformations(part, populations[p], m, options));
}
