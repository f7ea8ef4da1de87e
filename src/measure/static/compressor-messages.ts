/**
 * What a compressor's child process and its parent say to each other (`baselines.ts`, `compressor-child.ts`). The bytes
 * of all streams, one after the other, go through the child's standard input.
 */

export interface ToCompressor {
  /** name in `COMPRESSORS` */
  readonly compressor: string;
  /** length of every stream in bytes */
  readonly streams: readonly number[];
}

export type FromCompressor =
  | { readonly kind: "loaded"; readonly implementation: string }
  | { readonly kind: "size"; readonly bytes: number }
  | { readonly kind: "failed"; readonly message: string };
