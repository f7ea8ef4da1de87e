/** What the runtime's child process and its parent say to each other (`runtime-process.ts`, `runtime-child.ts`). */

export type Feed =
  | { readonly type: "int64"; readonly data: BigInt64Array; readonly dims: readonly number[] }
  | { readonly type: "float32"; readonly data: Float32Array; readonly dims: readonly number[] };

export interface Fetched {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export type ToRuntime =
  | { readonly kind: "load"; readonly model: Uint8Array; readonly folder: string; readonly threads: number }
  | {
      readonly kind: "run";
      readonly id: number;
      readonly feeds: Record<string, Feed>;
      readonly fetches: readonly string[];
    };

export type FromRuntime =
  | { readonly kind: "loaded"; readonly seconds: number; readonly version: string }
  | {
      readonly kind: "result";
      readonly id: number;
      readonly outputs: Record<string, Fetched>;
      readonly seconds: number;
      readonly peakBytes: number;
    }
  | { readonly kind: "failed"; readonly id: number | null; readonly message: string };
