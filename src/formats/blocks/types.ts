/**
 * Types of stored values that only come in blocks: so many values of a row in so many bytes, their codes beside the
 * scales that they share. The names are ggml's, as GGUF files and the people who read them use them. What the bytes
 * mean: `dequantise.ts`.
 */

interface Block {
  /** values in a block; a row is a whole number of blocks */
  readonly values: number;
  readonly bytes: number;
}

export const BLOCKS = {
  Q4_0: { values: 32, bytes: 18 },
  Q4_1: { values: 32, bytes: 20 },
  Q5_0: { values: 32, bytes: 22 },
  Q5_1: { values: 32, bytes: 24 },
  Q8_0: { values: 32, bytes: 34 },
  Q2_K: { values: 256, bytes: 84 },
  Q3_K: { values: 256, bytes: 110 },
  Q4_K: { values: 256, bytes: 144 },
  Q5_K: { values: 256, bytes: 176 },
  Q6_K: { values: 256, bytes: 210 },
  IQ1_S: { values: 256, bytes: 50 },
  IQ1_M: { values: 256, bytes: 56 },
  IQ2_XXS: { values: 256, bytes: 66 },
  IQ2_XS: { values: 256, bytes: 74 },
  IQ2_S: { values: 256, bytes: 82 },
  IQ3_XXS: { values: 256, bytes: 98 },
  IQ3_S: { values: 256, bytes: 110 },
  IQ4_NL: { values: 32, bytes: 18 },
  IQ4_XS: { values: 256, bytes: 136 },
  TQ1_0: { values: 256, bytes: 54 },
  TQ2_0: { values: 256, bytes: 66 },
  MXFP4: { values: 32, bytes: 17 },
  NVFP4: { values: 64, bytes: 36 },
} as const satisfies Readonly<Record<string, Block>>;

export type BlockType = keyof typeof BLOCKS;

/** @param type of any kind of tensor */
export const isBlockType = (type: string): type is BlockType => Object.hasOwn(BLOCKS, type);

/**
 * @param bytes whole blocks, one after the other
 * @param values [blocks · values of one], to be filled
 */
export type Decoder = (bytes: Uint8Array, values: Float32Array) => void;
