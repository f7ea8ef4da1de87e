/**
 * Where a model's tensors lie. A `WeightSource` says for every name which bytes of which file hold it. Nothing here
 * reads a weight: the runtime does, from the file itself.
 */

export interface StoredTensor {
  /** as the safetensors header names it: F32, F16, BF16, I64, BOOL … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** absolute path of the file, links resolved */
  readonly file: string;
  /** first byte in the file */
  readonly offset: number;
  readonly bytes: number;
}

export interface WeightSource {
  tensor(name: string): StoredTensor | undefined;
  names(): Iterable<string>;
}
