/** What the runtime's child process and its parent say to each other (`runtime-process.ts`, `runtime-child.ts`). */

export type Feed =
  | { readonly type: "int64"; readonly data: BigInt64Array; readonly dims: readonly number[] }
  | { readonly type: "float32"; readonly data: Float32Array; readonly dims: readonly number[] };

export interface Fetched {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** A tensor that stays with the runtime: fed as [rows, heads, 1, capacity, width], continued by what the graph gives. */
export interface KeptTensor {
  readonly input: string;
  readonly output: string;
  readonly heads: number;
  readonly width: number;
}

/** How much of the kept tensors a run finds filled: what it gives is put behind that. Zero makes them anew. */
export interface Kept {
  readonly rows: number;
  readonly filled: number;
  /** [rows] where the rows are other ones than in the run before: which of those each goes on from */
  readonly from?: readonly number[];
}

/** Kept tensors grow by so many slots: seldom enough that copying them is nothing, and few enough that few are empty. */
const SLOTS = 64;

/** Slots that the kept tensors have in a run which finds `filled` of them filled; the rest are zeros. */
export const keptCapacity = (filled: number): number => Math.max(1, Math.ceil(filled / SLOTS)) * SLOTS;

/** Where an output lies among the bytes of its run's result (`exchange.ts`). */
export interface Placed {
  readonly offset: number;
  readonly dims: readonly number[];
}

/** A vector that stays with the runtime under a name of its own, whatever graph reads it, of that shape in this run. */
export interface Vector {
  readonly name: string;
  readonly dims: readonly number[];
}

export interface GraphToLoad {
  /** what runs call it */
  readonly graph: string;
  readonly model: Uint8Array;
  /** of its external data */
  readonly folder: string;
  readonly threads: number;
  readonly kept: readonly KeptTensor[];
}

export interface GraphRun {
  readonly graph: string;
  readonly feeds: Readonly<Record<string, Feed>>;
  readonly fetches: readonly string[];
  readonly kept: Kept | null;
  /** what this run reads and writes as an input NAME and an output `next.NAME`, by that name; zeros where it is not there */
  readonly vectors?: Readonly<Record<string, Vector>>;
}

export type ToRuntime =
  /** A graph takes the place of the one of its name, which goes first. */
  | ({ readonly kind: "load" } & GraphToLoad)
  | ({ readonly kind: "run"; readonly id: number } & GraphRun)
  /**
   * Vectors that all graphs share: an input of that name is fed from one, and what an output `next.NAME` gives is written
   * into it.
   */
  | { readonly kind: "hold"; readonly id: number; readonly vectors: Record<string, Feed> }
  | { readonly kind: "read"; readonly id: number; readonly names: readonly string[] };

export type FromRuntime =
  | { readonly kind: "loaded"; readonly seconds: number; readonly version: string }
  | {
      readonly kind: "result";
      readonly id: number;
      readonly outputs: Record<string, Placed>;
      readonly bytes: number;
      readonly seconds: number;
      readonly cpuSeconds: number;
      readonly peakBytes: number;
    }
  | { readonly kind: "failed"; readonly id: number | null; readonly message: string };
