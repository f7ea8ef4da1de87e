/** Windows of a batch as the feeds of a graph: padded on the right, and where the rows of its outputs lie. */
import type { Pools } from "../ports/observation.ts";
import type { WindowBatch } from "../text/corpus.ts";
import type { Feed } from "./runtime-messages.ts";

/** Where a batch's rows lie: flat indices b·S + s of the fresh slots, and of the slots that predict them. */
export interface Layout {
  readonly width: number;
  readonly ids: BigInt64Array;
  /** [rows] flat index of every fresh slot */
  readonly slots: BigInt64Array;
  /** rows that are predicted, the flat index of the slot before each, and the token to predict */
  readonly scoredRows: Int32Array;
  readonly scoredSlots: BigInt64Array;
  readonly targets: BigInt64Array;
}

/**
 * @param lossesOnly the last slot of a window predicts nothing: where no state is wanted either, it is not run
 * @param steps lengths above which windows are read otherwise: the last slot runs where they would fall to one
 */
export function layout(batch: WindowBatch, lossesOnly: boolean, steps: readonly number[]): Layout {
  const longest = Math.max(...batch.windows.map((window) => window.ids.length));
  const unread = lossesOnly && !steps.includes(longest - 1) ? 1 : 0;
  const width = Math.max(1, ...batch.windows.map((window) => window.ids.length - unread));
  const ids = new BigInt64Array(batch.windows.length * width);
  const slots: bigint[] = [];
  const scoredRows: number[] = [];
  const scoredSlots: bigint[] = [];
  const targets: bigint[] = [];
  batch.windows.forEach((window, b) => {
    for (let s = 0; s < window.ids.length; s++) {
      const flat = b * width + s;
      if (s < width) ids[flat] = BigInt(window.ids[s]);
      if (s < window.fresh) continue;
      if (s > 0) {
        scoredRows.push(slots.length);
        scoredSlots.push(BigInt(flat - 1));
        targets.push(BigInt(window.ids[s]));
      }
      slots.push(BigInt(flat));
    }
  });
  return {
    width,
    ids,
    slots: BigInt64Array.from(slots),
    scoredRows: Int32Array.from(scoredRows),
    scoredSlots: BigInt64Array.from(scoredSlots),
    targets: BigInt64Array.from(targets),
  };
}

/**
 * The runtime's TopK divides by the number of its rows and dies of none, and its maximum of no rows has the wrong shape: a row is
 * run that nobody reads.
 */
export const atLeastOne = (rows: BigInt64Array): BigInt64Array => (rows.length > 0 ? rows : BigInt64Array.of(0n));

/** Weights of rows as weights of slots [G, B·S]; a sum of nothing where there is none, since the runtime wants one. */
export function weighing({ count, weights }: Pools, { slots, width }: Layout, { windows }: WindowBatch): Feed {
  const [sums, all, rows] = [Math.max(1, count), windows.length * width, slots.length];
  if (weights.length !== count * rows) throw new Error(`${weights.length} weights for ${count} sums over ${rows} rows`);
  const data = new Float32Array(sums * all);
  for (let sum = 0; sum < count; sum++)
    for (let row = 0; row < rows; row++) data[sum * all + Number(slots[row])] = weights[sum * rows + row];
  return { type: "float32", data, dims: [sums, all] };
}
