/**
 * From stored assignments to the informations of one layer: reads the layer back by stretches of bins that fit the memory
 * allowed, has every population's sums taken and adds them up (METHODS §2.3–2.5).
 *
 * Memory for a layer: `layerBytes`, at most 1 GiB, or what one bin takes, 4·N + 16·widest, where that is more; beside it 8·N.
 */
import { type LayerInformations, layerInformations, type Resampling } from "../../info/informations.ts";
import {
  type AssignmentTable,
  addSums,
  type LayerSums,
  layerSums,
  type Population,
  rowsTaken,
} from "../../info/layer.ts";
import type { AssignmentStore } from "./assignment-store.ts";

/** Of table and sums of one layer. */
export const LAYER_BYTES = 2 ** 30;

export interface LayerSource {
  readonly store: AssignmentStore;
  /** by arrival, the position of every stored row */
  readonly order: Uint32Array;
  readonly m: number;
  /** memory for the table and the sums of the widest tree; 1 GiB where not given */
  readonly bytes?: number;
}

/** One record of sums a population; told of rows as `layerSums` tells. */
export type TakeSums = (
  table: AssignmentTable,
  populations: readonly Population[],
  onRows?: (rows: number) => void,
) => LayerSums[] | Promise<LayerSums[]>;

export const takeSums: TakeSums = (table, populations, onRows) =>
  populations.map((population) => layerSums(table, population, onRows));

/** Where one layer at a time is measured: in this thread or another, and always in the same memory. */
export interface Lane {
  readonly take: TakeSums;
  /** a table of so many entries, in memory that threads can share; the one given before is gone */
  readonly table: (entries: number) => Uint32Array;
}

export function laneOf(take: TakeSums): Lane {
  let memory = new Uint32Array(new SharedArrayBuffer(0));
  return {
    take,
    table(entries) {
      if (memory.length < entries) memory = new Uint32Array(new SharedArrayBuffer(4 * entries));
      return memory.subarray(0, entries);
    },
  };
}

/** What one bin of a layer takes, and how many bins are read at a time. */
function stretchOf({ order, m, bytes = LAYER_BYTES }: LayerSource, populations: readonly Population[]) {
  const widest = Math.max(0, ...populations.flatMap(({ trees }) => trees.map((tree) => tree.widest)));
  const binBytes = 4 * order.length + 16 * widest;
  return { binBytes, bins: Math.max(1, Math.min(m, Math.floor(bytes / binBytes))) };
}

/** Memory that `measureLayer` takes for its tables and sums. */
export function layerBytes(source: LayerSource, populations: readonly Population[]): number {
  const { binBytes, bins } = stretchOf(source, populations);
  return binBytes * bins;
}

/**
 * @param layer index in the store
 * @param draw which of the sets of reference points
 * @param onShare told what part of the work is done, up to 1
 * @returns one record a population
 */
export async function measureLayer(
  source: LayerSource,
  layer: number,
  draw: number,
  populations: readonly Population[],
  options: Resampling,
  lane: Lane,
  onShare: (share: number) => void = () => {},
): Promise<LayerInformations[]> {
  const { store, order, m } = source;
  const stretch = stretchOf(source, populations).bins;
  const rows = rowsTaken(populations) * Math.ceil(m / stretch);
  let taken = 0;
  const onRows = (own: number): void => onShare((taken += own) / rows);
  let sums: LayerSums[] = [];
  for (let first = 0; first < m; first += stretch) {
    const bins = Math.min(stretch, m - first);
    const fixed = store.table(layer, draw * m + first, bins, order, lane.table(order.length * bins));
    const parts = await lane.take({ fixed, bins, m }, populations, onRows);
    if (first === 0) sums = parts;
    else for (const [p, part] of parts.entries()) addSums(sums[p], part);
  }
  return sums.map((part, p) => layerInformations(part, populations[p], m, options));
}
