/**
 * Types whose values are small whole numbers under the scales of groups: scale · (code − middle) + minimum, the minimum
 * being 0 in types that have none. What the runtime multiplies by as it is (`models/sources/runnable.ts`) is codes,
 * scales and minima; what everything else reads are values, made of them here.
 */
import { BLOCKS, type BlockType, type Decoder } from "./types.ts";

export interface CodedType {
  /** values that share a scale */
  readonly group: 16 | 32;
  /** codes are 0 … 2^bits − 1 */
  readonly bits: 2 | 3 | 4 | 5 | 6 | 8;
  /** the code that stands for 0, or for the minimum */
  readonly middle: number;
  readonly hasMinima: boolean;
  /**
   * @param bytes whole blocks, one after the other
   * @param codes [values], to be filled
   * @param scales [values / group], to be filled
   * @param minima the same, in types that have them
   */
  readonly read: (bytes: Uint8Array, codes: Uint8Array, scales: Float32Array, minima: Float32Array) => void;
}

const NONE = new Float32Array();

/** Codes, scales and minima of whole blocks. */
export function readCoded(type: BlockType, { group, hasMinima, read }: CodedType, bytes: Uint8Array) {
  const values = (bytes.length / BLOCKS[type].bytes) * BLOCKS[type].values;
  const codes = new Uint8Array(values);
  const scales = new Float32Array(values / group);
  const minima = hasMinima ? new Float32Array(values / group) : NONE;
  read(bytes, codes, scales, minima);
  return { codes, scales, minima };
}

/** The product rounded to float32, then the sum, as ggml rounds them. */
export function decoderOf(type: BlockType, coded: CodedType): Decoder {
  const { group, middle, hasMinima } = coded;
  return (bytes, values) => {
    const { codes, scales, minima } = readCoded(type, coded, bytes);
    for (let index = 0, at = 0; index < scales.length; index++) {
      const scale = scales[index];
      const end = at + group;
      if (hasMinima) {
        const minimum = minima[index];
        for (; at < end; at++) values[at] = Math.fround(scale * (codes[at] - middle)) + minimum;
      } else for (; at < end; at++) values[at] = scale * (codes[at] - middle);
    }
  };
}
