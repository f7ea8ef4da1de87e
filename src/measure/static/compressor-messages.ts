/**
 * What a compressor's child process and its parent say to each other (`baselines.ts`, `compressor-child.ts`). The bytes
 * of all streams, one after the other, go through the child's standard input.
 */

/** What compressors do, one after the other, each over its streams. */
export interface ToCompressor {
  readonly works: readonly {
    /** name in `COMPRESSORS` */
    readonly compressor: string;
    /** length of every stream in bytes */
    readonly streams: readonly number[];
  }[];
}

/** `loaded` opens what is said of the next compressor; nothing comes after `failed`. */
export type FromCompressor =
  | { readonly kind: "loaded"; readonly implementation: string }
  | { readonly kind: "size"; readonly bytes: number }
  | { readonly kind: "failed"; readonly message: string };
