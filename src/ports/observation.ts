/**
 * What an engine gives for one batch of windows and all that a probe may see. Rows are the fresh slots of the batch's
 * windows, in window order and slot order: row r of every array below is the same token.
 */
import type { Heads } from "../models/heads.ts";
import type { WindowBatch } from "../text/corpus.ts";

/** What a probe asks of an engine; one that cannot give it refuses by this name. */
export type Need = "losses" | "likeliest" | "assignments" | "moments" | "states" | "pooledStates" | "pooledUnits";

/** What to compute beside the forward pass. Absent: not computed. */
export interface HeadRequest {
  /** loss of every fresh token */
  readonly losses: boolean;
  /** how many of the likeliest tokens, at rows that `likeliestRows` marks; with losses only */
  readonly likeliest?: number;
  /** the losses as PyTorch computes them on a CPU, for comparison alone (`models/heads.ts`) */
  readonly inLanes?: boolean;
  /** soft assignment of every layer 0..L (METHODS §2.1): reference points [draws·m, d] row by row, temperature ε */
  readonly assignments?: Heads["assignments"];
  /** first and second moments of the states of every layer 0..L (METHODS §3), over rows that `momentRows` marks */
  readonly moments?: boolean;
  /** whether layer L is taken before the final norm (`--pre-norm`) */
  readonly preNorm: boolean;
}

/** Sums over the rows of a batch: of the g-th, row r counts with weight `weights[g · rows + r]`. */
export interface Pools {
  readonly count: number;
  readonly weights: Float32Array;
}

/** Sums over the marked rows of one batch, one record a layer; float32 products, to be added in float64. */
export interface LayerMoments {
  readonly count: number;
  /** Σ z, [d] */
  readonly sum: Float32Array;
  /** Σ z zᵀ, [d,d] row-major, symmetric */
  readonly gram: Float32Array;
  /** Σ z/‖z‖, [d]; a zero state adds nothing */
  readonly unitSum: Float32Array;
}

/** The likeliest tokens at some rows of a batch, the likeliest first. */
export interface Likeliest {
  /** which rows of the batch, ascending; those that nothing comes before are left out */
  readonly rows: Int32Array;
  /** tokens a row */
  readonly count: number;
  /** [rows, count] ids */
  readonly tokens: Float32Array;
  /** [rows, count] what each would have cost */
  readonly nats: Float32Array;
}

export interface Observation {
  readonly batch: WindowBatch;
  /** number of rows: fresh slots of all windows */
  readonly rows: number;
  /** [rows] nats; NaN where the slot's token is not predicted (slot 0 of a window: the prefix, or a first token without prefix) */
  readonly losses?: Float32Array;
  /** what the model held for likeliest in place of some of the tokens, by row */
  readonly likeliest?: Likeliest;
  /** one [rows, draws·m] array a layer */
  readonly assignments?: readonly Float32Array[];
  readonly moments?: readonly LayerMoments[];
  /** states asked for by row (reservoir), one [picked, d] array a layer; `pickedRows` says which rows of the batch */
  readonly states?: readonly Float32Array[];
  readonly pickedRows?: Int32Array;
  /** one [pools, d] array a layer: weighted sums of states */
  readonly pooledStates?: readonly Float32Array[];
  /** one [pools, F] array a block: weighted sums of |a_j|·‖w_j‖ (METHODS §4) */
  readonly pooledUnits?: readonly Float32Array[];
}

/**
 * The states of some of the picked rows, where several probes asked for rows of their own.
 * @param rows of the batch, ascending, all among `pickedRows`
 * @param width d
 * @returns one [rows, d] array a layer; the observation's own where it holds no others
 */
export function statesOf(observation: Observation, rows: Int32Array, width: number): readonly Float32Array[] {
  const { states, pickedRows } = observation;
  if (!states || !pickedRows) throw new Error("the engine gave no states");
  if (rows.length === pickedRows.length) return states;
  const places: number[] = [];
  let place = 0;
  for (const row of rows) {
    while (pickedRows[place] < row) place++;
    if (pickedRows[place] !== row) throw new Error(`row ${row} is not among the ${pickedRows.length} picked ones`);
    places.push(place);
  }
  return states.map((layer) => {
    const own = new Float32Array(rows.length * width);
    places.forEach((from, to) => {
      own.set(layer.subarray(from * width, (from + 1) * width), to * width);
    });
    return own;
  });
}

/** Rows that any of the sets holds, ascending. */
export function unionOfRows(sets: readonly Iterable<number>[]): Int32Array {
  return Int32Array.from(new Set(sets.flatMap((rows) => [...rows]))).sort();
}
